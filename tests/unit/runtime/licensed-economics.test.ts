import { describe, expect, it } from 'vitest'
import type { CommandName } from '#contract/point-map.ts'
import type { Site } from '#contract/site.ts'
import type { SiteCommands, SiteModel } from '../../../service/domain/site-model.ts'
import { initialState, step } from '../../../service/control/step.ts'
import type { GridState } from '../../../service/control/state.ts'
import type { StepInput, Wish } from '../../../service/control/types.ts'
import { createLicensedEconomics, withoutEconomics } from '../../../service/runtime/licensed-economics.ts'
import { atMs, charger, device, type Measurements, meter, readingsOf, siteOf } from '../control/world.ts'

const quick = { dwellS: 0, rampAPerS: 1000, minOnS: 0, minOffS: 0 }
const rampWPerS = 500
const site = siteOf(
  [
    device('car', 'charger', { charger: quick }),
    device('battery', 'battery', { battery: { maxChargeW: 5000, maxDischargeW: 5000, rampWPerS } }),
  ],
  { economics: { importPrice: 0.3, peakImportW: 4000 } },
)
const commands: SiteCommands = new Map<string, ReadonlySet<CommandName>>([
  ['car', new Set(['setCurrentA'])],
  ['battery', new Set(['setPowerW'])],
])
const why = 'economic control needs a licence, and none is loaded'

/** The real step, with the model that is in use at the time. */
function plantOf(obstacle: () => string | undefined) {
  let model: SiteModel
  const used: Site[] = []
  const economics = createLicensedEconomics({
    site,
    commands,
    obstacle,
    use(acting, next) {
      used.push(acting)
      model = next
    },
  })
  model = economics.compile(site)
  let state: GridState = initialState(model, 'grid')
  return {
    economics,
    used,
    cycle(measurements: Measurements, wishes: readonly Wish[] = []) {
      const input: StepInput = { atMs, elapsedS: 1, readings: readingsOf(measurements), wishes, plan: [] }
      const result = step(model, 'grid', state, input)
      state = result.state
      const of = (id: string) => result.decisions.find(({ setpoint }) => setpoint.deviceId === id)
      return {
        result,
        carA: of('car')!.setpoint.value,
        batteryW: of('battery')!.setpoint.value,
        why: of('battery')!.reasons,
      }
    },
  }
}

const battery = (powerW: number) => ({ powerW, socPercent: 60 })

describe('a site without a licence for economic control', () => {
  it('lets the battery rest, and says why; with it, the battery covers the import', () => {
    const measured = { meter: meter(10, 10, 10), car: charger(0), battery: battery(0) }
    const without = plantOf(() => why)
    const { batteryW, why: reasons } = without.cycle(measured)
    expect(batteryW).toBe(0)
    expect(reasons[0]).toEqual({ rule: 'economics-off', tier: 'economic', text: `rests: ${why}` })
    expect(plantOf(() => undefined).cycle(measured).batteryW).toBe(rampWPerS)
  })

  it('holds every limit as with it: fuse, and what the battery has to give for it', () => {
    const limited = (obstacle: () => string | undefined) => {
      const plant = plantOf(obstacle)
      // 30 A on a fuse of 25 A that only the battery can relieve.
      const worst = plant.cycle({ meter: meter(30, 5, 5), car: charger(0), battery: battery(0) })
      // 20 A of the house and a car at 16 A: the car has to make room.
      const shared = plant.cycle({ meter: meter(36, 36, 36), car: charger(16), battery: battery(0) })
      return { worst, shared }
    }
    const without = limited(() => why)
    const licensed = limited(() => undefined)
    expect(without.shared.carA).toBeLessThanOrEqual(25 * 0.97 - 20 + 0.01)
    expect(without.shared.carA).toBe(licensed.shared.carA)
    expect(without.shared.result.limits.map(({ id, limit }) => [id, limit])).toEqual(
      licensed.shared.result.limits.map(({ id, limit }) => [id, limit]),
    )
    // The battery leaves its rest for the fuse.
    expect(without.worst.batteryW).toBeGreaterThan(0)
    expect(without.worst.why.map(({ tier }) => tier)).toContain('physical')
  })

  it('comes to rest along its ramp when the licence ends, and back the same way, with the state of the cycle before', () => {
    let obstacle: string | undefined
    const plant = plantOf(() => obstacle)
    let batteryW = 0
    // The house takes 2300 W.
    const second = (): number => {
      batteryW = plant.cycle({
        meter: meter((2300 - batteryW) / 690, (2300 - batteryW) / 690, (2300 - batteryW) / 690),
        car: charger(0),
        battery: battery(batteryW),
      }).batteryW
      return batteryW
    }
    for (let at = 0; at < 10; at += 1) second()
    expect(batteryW).toBeGreaterThan(2200)
    obstacle = why
    plant.economics.refresh()
    plant.economics.refresh()
    const steps = [batteryW]
    for (let at = 0; at < 6; at += 1) steps.push(second())
    expect(steps.at(-1)).toBe(0)
    obstacle = undefined
    plant.economics.refresh()
    for (let at = 0; at < 4; at += 1) steps.push(second())
    for (const [at, value] of steps.entries())
      if (at > 0) expect(Math.abs(value - steps[at - 1]!)).toBeLessThanOrEqual(rampWPerS + 1e-9)
    expect(steps.indexOf(0)).toBeGreaterThanOrEqual(4)
    expect(steps.at(-1)).toBeGreaterThan(1500)
    // What is captured is what acts: a capture replays to the same.
    expect(plant.used.map(({ economics }) => economics.off)).toEqual([why, undefined])
  })

  it('still does what a person asks of the battery', () => {
    const wish = {
      deviceId: 'battery',
      command: 'setPowerW',
      value: 400,
      untilMs: atMs + 1,
      principal: 'Ann',
      reason: 'test',
    }
    const measured = { meter: meter(10, 10, 10), car: charger(0), battery: battery(0) }
    expect(plantOf(() => why).cycle(measured, [wish]).batteryW).toBe(400)
  })

  it('keeps everything of the site but its economics', () => {
    const { economics, ...rest } = withoutEconomics(site, why)
    const { economics: _before, ...before } = site
    expect(rest).toEqual(before)
    expect(economics.peakImportW).toBeUndefined()
    expect(economics.off).toBe(why)
  })
})
