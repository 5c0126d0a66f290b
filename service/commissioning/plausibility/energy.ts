import type { DeviceRole } from '#contract/site-device.ts'
import type { PlausibilityCheck } from '#contract/plausibility.ts'
import { nearestPower, powerOfTen, type Values } from './checks.ts'

/** Follows the counters of a device against its power; one per device. */
export interface EnergyWatch {
  /** Takes the present values; what came without a gap counts. */
  observe(values: Values, atMs: number): void
  checks(): PlausibilityCheck[]
}

/** Counter, the power that it counts, and in which direction of it. What a meter or a load imports is positive power. */
const counters = [
  ['energyImportWh', 'powerW', 1],
  ['energyExportWh', 'powerW', -1],
  ['energyWh', 'powerW', 0],
  ['grid.energyImportWh', 'grid.powerW', 1],
  ['grid.energyExportWh', 'grid.powerW', -1],
  ['battery.energyDischargeWh', 'battery.powerW', 1],
  ['battery.energyChargeWh', 'battery.powerW', -1],
  ['energyDischargeWh', 'powerW', 1],
  ['energyChargeWh', 'powerW', -1],
] as const

/** Of less energy than so many steps of the counter, nothing can be said. */
const leastSteps = 5
const longestGapMs = 15_000
const joulesPerWh = 3600

interface Tally {
  readonly counter: string
  readonly power: string
  readonly startMs: number
  lastMs: number
  lastW: number
  nowWh: number
  /** What the power has made since the start. */
  madeWh: number
  /** Smallest rise of the counter that was seen: what it can show. */
  stepWh: number
  /** At the first and at the newest rise of the counter: it is compared from the one to the other, however late it is polled. */
  firstRise?: Rise
  lastRise?: Rise
}

interface Rise {
  readonly wh: number
  readonly madeWh: number
  readonly atMs: number
}

/** Devices whose power is positive when they give: what they import makes it negative. */
const giving: ReadonlySet<DeviceRole> = new Set(['battery', 'pv'])

export function createEnergyWatch(role: DeviceRole): EnergyWatch {
  const turned = giving.has(role) ? -1 : 1
  const tallies = new Map<string, Tally>()
  return {
    observe(values, atMs) {
      for (const [counter, power, side] of counters) {
        const direction = /^energy(Import|Export)Wh$/.test(counter) ? turned * side : side
        const wh = values.get(counter)
        const watts = values.get(power)
        if (wh === undefined || watts === undefined) continue
        const counted = direction === 0 ? Math.abs(watts) : Math.max(0, direction * watts)
        const known = tallies.get(counter)
        if (!known || atMs - known.lastMs > longestGapMs || wh < known.nowWh) {
          const begins = { startMs: atMs, lastMs: atMs, lastW: counted, nowWh: wh }
          tallies.set(counter, { counter, power, ...begins, madeWh: 0, stepWh: Number.POSITIVE_INFINITY })
          continue
        }
        known.madeWh += ((counted + known.lastW) / 2) * ((atMs - known.lastMs) / 1000 / joulesPerWh)
        if (wh > known.nowWh) {
          known.stepWh = Math.min(known.stepWh, wh - known.nowWh)
          known.lastRise = { wh, madeWh: known.madeWh, atMs }
          known.firstRise ??= known.lastRise
        }
        known.nowWh = wh
        known.lastMs = atMs
        known.lastW = counted
      }
    },
    checks: () => [...tallies.values()].map(checkOf),
  }
}

/** Without a rise, so much must have been made before that says something. */
const muchWh = 100

function checkOf({ counter, power, startMs, lastMs, madeWh, stepWh, firstRise, lastRise }: Tally): PlausibilityCheck {
  const compared =
    firstRise !== undefined && lastRise !== undefined && lastRise.wh - firstRise.wh >= leastSteps * stepWh
  const roseWh = compared ? lastRise.wh - firstRise.wh : 0
  const expectedWh = compared ? lastRise.madeWh - firstRise.madeWh : madeWh
  const minutes = (compared ? lastRise.atMs - firstRise.atMs : lastMs - startMs) / 60_000
  const shown = (value: number): string => String(Number(value.toPrecision(3)))
  const evidence = `over ${shown(minutes)} min the power makes ${shown(expectedWh)} Wh, and the counter rose by ${shown(roseWh)} Wh`
  const common: Pick<PlausibilityCheck, 'kind' | 'points' | 'unit'> = {
    kind: 'energy-power',
    points: [counter, power],
    unit: 'Wh',
  }
  if (!compared && (firstRise !== undefined || madeWh < muchWh))
    return { ...common, verdict: 'waiting', evidence: `${evidence}: too little to compare yet` }
  const tolerance = Math.max(Number.isFinite(stepWh) ? 2 * stepWh : 0, 0.1 * Math.max(expectedWh, roseWh))
  const differs = Math.abs(roseWh - expectedWh) > tolerance
  const ratio = expectedWh === 0 ? Number.NaN : roseWh / expectedWh
  return {
    ...common,
    verdict: differs ? 'differs' : 'agrees',
    expected: expectedWh,
    measured: roseWh,
    tolerance,
    evidence,
    ...(differs && {
      suggests: powerOfTen(ratio, 0.05)
        ? `suggests a scale of the counter that is wrong by ${nearestPower(ratio)}`
        : expectedWh < tolerance || roseWh === 0
          ? 'suggests that the counter counts the other direction, or that the power has the other sign'
          : 'suggests that the counter, or the power, is something else',
    }),
  }
}
