import { describe, expect, it } from 'vitest'
import type { MapCommand } from '#contract/point-map.ts'
import type { DeviceRole } from '#contract/site-device.ts'
import type { SafeSetpoint } from '#contract/setpoint.ts'
import { safeSetpoint } from '../../../service/control/limits.ts'
import type { Decision } from '../../../service/control/types.ts'
import type { Guard, GuardedOutcome } from '../../../service/runtime/guard.ts'
import { createOutputs } from '../../../service/runtime/outputs.ts'
import { manualClock } from './manual-clock.ts'

const reason = { rule: 'test', tier: 'economic', text: 'because' } as const

interface Wanted {
  deviceId?: string
  relieves?: boolean
  dependsOn?: readonly string[]
}

const decide = (
  value: number,
  { deviceId = 'battery', relieves = false, dependsOn = [deviceId] }: Wanted = {},
): Decision => ({
  setpoint: safeSetpoint(deviceId, 'setPowerW', value, relieves, { min: -1e9, max: 1e9 }),
  reasons: [reason],
  dependsOn,
})

const reversion: MapCommand = {
  unit: 'W',
  limits: { min: -5000, max: 5000 },
  step: 10,
  writes: [{ address: 1, value: '$value' }],
  expiry: { kind: 'reversion', seconds: 30, fallback: '0 W' },
  safeValue: 0,
  storage: 'volatile',
}
const wearing: MapCommand = { ...reversion, expiry: { kind: 'none' }, storage: 'non-volatile', dailyWrites: 3 }

const confirmed = (): Promise<GuardedOutcome> => Promise.resolve({ outcome: 'confirmed' })

/** Outputs with a guard that only notes what it is asked; what the guard does is proven in its own tests. */
function rig(
  options: {
    command?: MapCommand
    roles?: Readonly<Record<string, DeviceRole>>
    simulated?: readonly string[]
    next?: (setpoint: Pick<SafeSetpoint, 'deviceId' | 'value'>) => Promise<GuardedOutcome>
  } = {},
) {
  const { command = reversion, roles = {}, simulated = [], next = confirmed } = options
  const clock = manualClock()
  const writes: { value: number; dependsOnSimulated: boolean }[] = []
  const released: string[] = []
  const raised = new Set<string>()
  const spent: string[] = []
  let measured: number | undefined
  const guard: Pick<Guard, 'obstacle' | 'write' | 'release'> = {
    obstacle: () => undefined,
    write(setpoint, _reason, dependsOnSimulated) {
      writes.push({ value: setpoint.value, dependsOnSimulated })
      return next(setpoint)
    },
    release(deviceId) {
      released.push(deviceId)
      return next({ deviceId, value: NaN })
    },
  }
  const outputs = createOutputs({
    guard,
    clock,
    simulated: new Set(simulated),
    target: (id) => ({
      name: id,
      role: roles[id] ?? 'battery',
      command: () => command,
      measured: () => measured,
    }),
    budget: { left: (_key, daily) => daily - spent.length, spend: (key) => spent.push(key) },
    faults: { raise: (key) => raised.add(key), clear: (key) => raised.delete(key) },
  })
  return {
    outputs,
    clock,
    released,
    raised,
    spent,
    values: () => writes.map(({ value }) => value),
    writes,
    measure: (value: number | undefined) => {
      measured = value
    },
    async at(atMs: number, ...decisions: Decision[]) {
      const states = outputs.apply(decisions, atMs)
      await new Promise((resolve) => setImmediate(resolve))
      return states[0]
    },
  }
}

describe('outputs', () => {
  it('writes on change and renews in a third of the reversion time (S3)', async () => {
    const { at, values } = rig()
    await at(0, decide(100))
    expect(await at(1_000, decide(105))).toMatchObject({ outcome: 'confirmed' }) // smaller than the step
    await at(2_000, decide(200))
    await at(11_900, decide(200))
    await at(12_000, decide(200)) // 10 s after the last write
    expect(values()).toEqual([100, 200, 200])
  })

  it('no decision, no renewal: a hung step lets the device fall back', async () => {
    const { at, values } = rig()
    await at(0, decide(100))
    await at(60_000)
    expect(values()).toEqual([100])
  })

  it('a hung write delays nothing and is not repeated behind itself', async () => {
    const { at, values } = rig({ next: () => new Promise(() => undefined) })
    for (let second = 0; second < 60; second += 1) await at(second * 1_000, decide(second * 100))
    expect(values()).toEqual([0])
  })

  it('S4: a relief overtakes the write that is under way, once', async () => {
    const { at, values } = rig({ next: () => new Promise(() => undefined) })
    await at(0, decide(3_000))
    await at(1_000, decide(2_500))
    await at(2_000, decide(1_000, { relieves: true }))
    await at(3_000, decide(500, { relieves: true }))
    expect(values()).toEqual([3_000, 1_000])
  })

  it('S11: says when a value rests on a simulated device', async () => {
    const { at, writes } = rig({ simulated: ['pv'] })
    await at(0, decide(100, { dependsOn: ['battery', 'meter'] }))
    await at(1_000, decide(200, { dependsOn: ['battery', 'pv'] }))
    expect(writes.map(({ dependsOnSimulated }) => dependsOnSimulated)).toEqual([false, true])
  })

  it('tries what fails again after pauses that grow, a relief every two seconds', async () => {
    const { at, values } = rig({ next: () => Promise.resolve({ outcome: 'failed', reason: 'no answer' }) })
    for (let second = 0; second < 40; second += 1) await at(second * 1_000, decide(100))
    expect(values()).toHaveLength(6) // 0, 1, 3, 7, 15, 31 s
    for (let second = 40; second < 50; second += 1) await at(second * 1_000, decide(0, { relieves: true }))
    expect(values()).toHaveLength(11)
  })

  it('S3: writes registers that wear out on change only, and so often a day; then only relief', async () => {
    const { at, values, raised } = rig({ command: wearing })
    await at(0, decide(0))
    await at(3_600_000, decide(0))
    await at(3_601_000, decide(100))
    await at(3_602_000, decide(200))
    expect(values()).toEqual([0, 100, 200])
    const state = await at(3_603_000, decide(300))
    expect(state?.outcomeReason).toContain('3 writes of today are used up')
    expect([...raised]).toEqual(['budget battery setPowerW'])
    await at(3_604_000, decide(50, { relieves: true }))
    expect(values()).toEqual([0, 100, 200, 50])
  })

  it('writes everything again to a device that was away', async () => {
    const { at, outputs, values } = rig({ command: wearing })
    await at(0, decide(100))
    await at(1_000, decide(100))
    outputs.writeAnew('other')
    await at(2_000, decide(100))
    outputs.writeAnew('battery')
    await at(3_000, decide(100))
    expect(values()).toEqual([100, 100])
  })

  it('counts a write to a register that wears out even when it was not confirmed', async () => {
    const { at, spent } = rig({ command: wearing, next: () => Promise.resolve({ outcome: 'failed', reason: 'lost' }) })
    await at(0, decide(100))
    expect(spent).toEqual(['battery setPowerW'])
  })
})

describe('a command that is accepted without effect', () => {
  const watched: MapCommand = { ...reversion, effect: { point: 'powerW', tolerance: 100, withinMs: 10_000 } }

  it('raises a fault and is repeated after growing pauses, a relief every half minute', async () => {
    const { at, values, raised, measure } = rig({ command: watched })
    measure(0)
    for (let second = 0; second <= 10; second += 1) await at(second * 1_000, decide(2_000))
    expect([...raised]).toEqual([])
    const writesBefore = values().length
    for (let second = 11; second < 200; second += 1) await at(second * 1_000, decide(2_000))
    expect([...raised]).toEqual(['effect battery setPowerW'])
    // 11 is at once, for the last one was 10 s before; then 20, 40, 80 s later.
    expect(values().length - writesBefore).toBe(4)
    const before = values().length
    for (let second = 200; second < 290; second += 1) await at(second * 1_000, decide(1_000, { relieves: true }))
    expect(values().length - before).toBe(3)
  })

  it('is as before once it shows an effect, or is told the opposite', async () => {
    const { at, values, raised, measure } = rig({ command: watched })
    measure(0)
    for (let second = 0; second < 60; second += 1) await at(second * 1_000, decide(2_000))
    expect(raised.size).toBe(1)
    measure(1_950)
    await at(60_000, decide(2_000))
    expect(raised.size).toBe(0)
    const before = values().length
    for (let second = 61; second < 91; second += 1) await at(second * 1_000, decide(2_000))
    expect(values().length - before).toBe(3)
  })

  it('is none while the device is on its way, at a limit of its own, or cannot be measured', async () => {
    const { at, raised, measure } = rig({ command: watched })
    for (const [second, value] of [200, 900, 1_500, 1_500, undefined, undefined, 1_400].entries()) {
      measure(value)
      await at(second * 8_000, decide(3_000))
    }
    expect([...raised]).toEqual([])
    measure(3_400) // more than was asked, for long
    await at(57_000, decide(3_000))
    await at(68_000, decide(3_000))
    expect(raised.size).toBe(1)
  })
})

describe('giving control back', () => {
  const roles = { charger: 'charger', heater: 'load', pv: 'pv', battery: 'battery' } as const

  it('goes in order, once, and nothing is written until it may go on', async () => {
    const { at, outputs, released, values } = rig({ roles })
    await at(0, ...['battery', 'pv', 'heater', 'charger'].map((deviceId) => decide(100, { deviceId })))
    await outputs.releaseAll('stop')
    await outputs.releaseAll('stop')
    expect(released).toEqual(['heater', 'charger', 'pv', 'battery'])
    expect(await at(1_000, decide(500))).toMatchObject({
      outcome: 'refused',
      outcomeReason: expect.stringContaining('stop'),
    })
    outputs.resume()
    await at(2_000, decide(500))
    expect(values()).toEqual([100, 100, 100, 100, 500])
  })

  it('does not wait for a device that does not answer', async () => {
    const { at, outputs, clock, released } = rig({
      roles,
      next: ({ deviceId }) => (deviceId === 'charger' ? new Promise(() => undefined) : confirmed()),
    })
    await at(0, ...['charger', 'battery'].map((deviceId) => decide(100, { deviceId })))
    const done = outputs.releaseAll('stop')
    expect(released).toEqual(['charger'])
    await clock.advance(350)
    await done
    expect(released).toEqual(['charger', 'battery'])
  })
})
