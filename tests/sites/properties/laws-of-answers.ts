import fc from 'fast-check'
import type { Site } from '#contract/site.ts'
import type { AgedReading } from '../../../service/domain/measured.ts'
import { circuitsBelow, circuitsOf, consumptionW } from '../support/plant.ts'
import { type Law, everything, fail, wishDraw, wishesFor } from './law.ts'
import { houseChange, withHouse, worlds } from './random-site.ts'
import { type Result, afterwards, inputOf, noon } from './run.ts'

const junk = fc.record({
  device: fc.nat(20),
  point: fc.nat(20),
  value: fc.oneof(
    fc.constantFrom(Number.NaN, Infinity, -Infinity, undefined, 'C', '', 1e300, -1e300, -0),
    fc.double({ min: -1e6, max: 1e6 }),
  ),
  quality: fc.constantFrom<AgedReading['quality'][]>('good', 'good', 'stale', 'bad'),
  ageMs: fc.constantFrom(0, 0, 2500, 1e9, -5),
  whole: fc.boolean(),
})

function spoiled(
  readings: Map<string, Map<string, AgedReading>>,
  draws: readonly (typeof junk extends fc.Arbitrary<infer T> ? T : never)[],
) {
  const ids = [...readings.keys()]
  for (const { device, point, value, quality, ageMs, whole } of draws) {
    const points = readings.get(ids[device % ids.length]!)!
    const names = [...points.keys()]
    const reading = {
      quality,
      atMs: noon - ageMs,
      ageMs,
      ...(value !== undefined && { value }),
    }
    if (whole) points.clear()
    else if (names.length > 0) points.set(names[point % names.length]!, reading)
  }
  return readings
}

/** Whatever the devices answer, there is an answer, and every setpoint is a number its device can take. */
export const answers: Law = {
  name: 'there is always an answer, finite and inside the capability of the device',
  property: (stepFor) =>
    fc.property(
      worlds(everything),
      fc.array(junk, { maxLength: 12 }),
      fc.array(wishDraw, { maxLength: 2 }),
      ({ site, plant }, draws, wishes) => {
        const next = stepFor(site)
        let state: Result['state'] | undefined
        for (const round of [[], draws, draws.slice(1)]) {
          const input = inputOf(site, plant)
          const readings = spoiled(new Map([...input.readings].map(([id, points]) => [id, new Map(points)])), round)
          const result = next(state, { ...input, readings, wishes: wishesFor(site, wishes) })
          state = structuredClone(result.state)
          for (const { setpoint, reasons } of result.decisions) {
            const device = site.devices.find(({ id }) => id === setpoint.deviceId)!
            if (!isPossible(device, setpoint.command, setpoint.value))
              fail('an impossible setpoint', { setpoint, device })
            if (reasons.length === 0 || reasons.some(({ text }) => /NaN|Infinity|undefined/.test(text)))
              fail('a reason without sense', { setpoint, reasons })
          }
          for (const { id, value, limit } of result.limits)
            if (!Number.isFinite(value ?? 0) || !Number.isFinite(limit))
              fail('a limit without a number', { id, value, limit })
          if (result.violations.some(({ excess }) => !(excess > 0)))
            fail('a violation without excess', result.violations)
        }
      },
    ),
}

function isPossible(device: Site['devices'][number], command: string, value: number): boolean {
  const { charger, battery, load, pv } = device
  if (!Number.isFinite(value)) return false
  if (command === 'setPhases') return value === 1 || value === 3
  if (charger)
    return (
      value === 0 ||
      (value >= Math.min(charger.minCurrentA, charger.safeCurrentA || Infinity) && value <= charger.maxCurrentA)
    )
  if (battery) return value >= -battery.maxChargeW && value <= battery.maxDischargeW
  if (load) return command === 'switchOn' ? value === 0 || value === 1 : value >= 0 && value <= load.maxW
  return pv !== undefined && value >= 0 && value <= (pv.ratedPowerW ?? 0)
}

/** While room comes and goes, no charger and no load rises faster than its ramp, and none rises within its dwell time. */
export const rises: Law = {
  name: 'what loads a limit rises no faster than its ramp',
  property: (stepFor) =>
    fc.property(
      worlds(everything),
      fc.array(houseChange, { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 0, max: 30 }),
      ({ site, plant }, changes, elapsedS) => {
        const next = stepFor(site)
        let now = plant
        let state: Result['state'] | undefined
        for (const change of changes) {
          now = withHouse(now, change)
          const result = next(state, inputOf(site, now, { elapsedS }))
          const after = afterwards(site, now, result)
          for (const { id, charger, load } of site.devices) {
            const before = now.devices[id] ?? {}
            const { setpointA, powerW } = after.devices[id] ?? {}
            // The first current that a vehicle can take is reached in one step.
            if (
              charger &&
              (setpointA ?? 0) >
                Math.max((before.setpointA ?? 0) + charger.rampAPerS * elapsedS, charger.minCurrentA) + 0.01
            )
              fail('a charger rises too fast', { id, before, setpointA })
            if (
              load?.kind === 'modulating' &&
              (powerW ?? 0) > Math.max((before.powerW ?? 0) + load.rampWPerS * elapsedS, load.minW) + 1
            )
              fail('a load rises too fast', { id, before, powerW })
          }
          now = after
          state = result.state
        }
      },
    ),
}

/** Devices whose path to the connection passes a circuit with this meter. */
function below(site: Site, meterId: string): Set<string> {
  const ids = new Set<string>()
  for (const grid of site.grids)
    for (const circuit of circuitsBelow(grid.connection))
      if (circuit.meter === meterId && circuit.fuseA !== undefined)
        for (const inner of circuitsBelow(circuit)) ids.add(inner.id)
  return new Set(site.devices.filter((device) => ids.has(circuitsOf(site, device)[0]!)).map(({ id }) => id))
}

/**
 * Behind a fuse whose meter is silent nothing consumes more than its declared safe value. Without plants, whose own circuits a battery
 * may relieve where those are measured.
 */
export const unknown: Law = {
  name: 'behind a silent meter nothing loads more than its safe value',
  property: (stepFor) =>
    fc.property(
      worlds({ roles: ['charger', 'battery', 'load'], maxDevices: 10, calm: true }),
      fc.nat(10),
      fc.boolean(),
      ({ site, plant }, which, never) => {
        const meters = site.devices.filter(({ role }) => role === 'meter' || role === 'grid-meter')
        const meter = meters[which % meters.length]!.id
        const next = stepFor(site)
        const first = next(undefined, inputOf(site, plant))
        const now = afterwards(site, plant, first)
        const input = inputOf(site, now)
        const readings = new Map([...input.readings].map(([id, points]) => [id, new Map(points)]))
        if (never) readings.get(meter)!.clear()
        else
          for (const [name, reading] of readings.get(meter)!)
            readings.get(meter)!.set(name, { ...reading, ageMs: 60_000, atMs: noon - 60_000 })
        const after = afterwards(site, now, next(first.state, { ...input, readings }))
        const affected = below(site, meter)
        for (const device of site.devices.filter(({ id }) => affected.has(id))) {
          const state = after.devices[device.id] ?? {}
          const volt = site.grids[0]!.nominalVoltageV
          const loadW = Object.values(consumptionW(device, state, volt)).reduce(
            (sum, watt) => sum + Math.max(0, watt),
            0,
          )
          const safeW = (device.charger?.safeCurrentA ?? 0) * volt * 3 + (device.load?.safeW ?? 0)
          if (loadW > safeW + 1) fail('something loads an unknown circuit', { device: device.id, state, safeW })
        }
      },
    ),
}
