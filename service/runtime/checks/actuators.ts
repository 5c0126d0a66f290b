import type { HeadroomRow } from '#contract/checks.ts'
import type { CommandName } from '#contract/point-map.ts'
import type { NodeModel } from '../../domain/site-model.ts'
import type { SiteDeviceEntry } from '../site-runtime.ts'
import type { Desk, Obstacle } from './desk.ts'
import { changeBy } from './effects-of.ts'

/** A device with two values of a command that make it take more or less: a load that is switched to see who notices. */
export interface Actuator {
  readonly entry: SiteDeviceEntry
  readonly command: CommandName
  readonly off: number
  readonly on: number
  /** 1: it takes more while on; -1: less (or gives more). */
  readonly sign: 1 | -1
  /** Its own measurement of its power. */
  readonly point: string
  /** About how much that changes its power, W. */
  readonly aboutW: number
  readonly headroom: readonly HeadroomRow[]
}

/** Less than this no meter shows reliably. */
export const leastStepW = 300
/** Power needed before a curtailment shows. */
const leastSunW = 600

interface Candidate extends Omit<Actuator, 'headroom'> {}

/** What can be switched on a device, the preferred size first. */
function candidatesOf(desk: Desk, entry: SiteDeviceEntry): Candidate[] | Obstacle {
  const { config } = entry
  const command = desk.mainCommand(entry)
  const power = desk.power(entry)
  if (!command) return { code: 'not-covered', text: `${config.name} cannot be commanded` }
  if (!power) return { code: 'not-measured', text: `the power of ${config.name} is not measured now` }
  const make = (off: number, on: number, sign: 1 | -1, aboutW: number): Candidate => ({
    entry,
    command,
    off,
    on,
    sign,
    aboutW,
    point: power.point,
  })
  switch (config.role) {
    case 'battery':
      return batteryCandidates(desk, entry, make)
    case 'charger': {
      const current = Math.max(
        0,
        ...(['l1', 'l2', 'l3'] as const).map((p) => desk.number(config.id, `currentA.${p}`) ?? 0),
      )
      if (!(current > 1)) return { code: 'no-vehicle', text: `no vehicle charges at ${config.name}` }
      const { minCurrentA = 6, maxCurrentA = 16 } = config.charger ?? {}
      const on = Math.min(maxCurrentA, 16)
      const perA = power.value / current
      if ((on - minCurrentA) * perA < leastStepW) return { code: 'no-load', text: `${config.name} changes too little` }
      return [make(minCurrentA, on, 1, (on - minCurrentA) * perA)]
    }
    case 'load': {
      const { maxW = 0, minW = 0, kind } = config.load ?? {}
      if (maxW - minW < leastStepW) return { code: 'no-load', text: `${config.name} changes too little` }
      return [
        command === 'switchOn' || kind === 'switched'
          ? make(0, command === 'switchOn' ? 1 : maxW, 1, maxW)
          : make(0, maxW, 1, maxW),
      ]
    }
    case 'pv': {
      if (power.value < leastSunW)
        return {
          code: 'no-sun',
          text: `${config.name} generates ${Math.round(power.value)} W; it takes ${leastSunW} W`,
        }
      const rated = config.pv?.ratedPowerW ?? desk.number(config.id, 'ratedPowerW')
      if (command === 'limitPowerW') return [make(rated ?? power.value, power.value / 2, 1, power.value / 2)]
      if (rated === undefined) return { code: 'not-measured', text: `the rated power of ${config.name} is not known` }
      return [make(100, Math.round((power.value / 2 / rated) * 100), 1, power.value / 2)]
    }
    default:
      return { code: 'not-covered', text: `${config.name} is no load` }
  }
}

/** Both directions, then half of it: which one fits depends on the limits above. */
function batteryCandidates(
  desk: Desk,
  entry: SiteDeviceEntry,
  make: (off: number, on: number, sign: 1 | -1, aboutW: number) => Candidate,
): Candidate[] | Obstacle {
  const { config } = entry
  const { maxDischargeW = 0, maxChargeW = 0, minSocPercent = 0, maxSocPercent = 100 } = config.battery ?? {}
  const soc = desk.number(config.id, 'socPercent', 'battery.socPercent')
  if (soc === undefined) return { code: 'not-measured', text: `the charge of ${config.name} is not measured now` }
  const sizeOf = (limitW: number): number => Math.round(Math.min(limitW, Math.max(1_000, limitW / 3)))
  const all = [1, 0.5].flatMap((share) => [
    ...(soc > minSocPercent ? [Math.round(sizeOf(maxDischargeW) * share)] : []),
    ...(soc < maxSocPercent ? [0 - Math.round(sizeOf(maxChargeW) * share)] : []),
  ])
  const usable = all.filter((powerW) => Math.abs(powerW) >= leastStepW && !desk.forbidden(entry, 'setPowerW', powerW))
  if (usable.length === 0)
    return { code: 'no-load', text: `${config.name} at ${Math.round(soc)} % cannot be discharged or charged enough` }
  return usable.map((powerW) => make(0, powerW, powerW > 0 ? -1 : 1, Math.abs(powerW)))
}

/** The first way to switch this device that every limit leaves room for. */
export function actuatorOf(desk: Desk, entry: SiteDeviceEntry): Actuator | Obstacle {
  const candidates = candidatesOf(desk, entry)
  if ('code' in candidates) return candidates
  let obstacle: Obstacle = { code: 'no-load', text: `${entry.config.name} cannot be switched` }
  for (const candidate of candidates) {
    const { command, off, on } = candidate
    const forbidden = desk.forbidden(entry, command, on) ?? desk.forbidden(entry, command, off)
    const change = changeBy(desk, entry, command, [off, on])
    if (forbidden) obstacle = forbidden
    else if (!change) obstacle = { code: 'not-measured', text: `the power of ${entry.config.name} is not measured now` }
    else {
      const room = desk.headroom([change])
      if (room.ok) return { ...candidate, headroom: room.rows }
      obstacle = room
    }
  }
  return obstacle
}

/** A load tells more about a meter than a battery, whose own sign may be wrong too. */
const preferred = ['load', 'charger', 'pv', 'battery']

/** What can be switched below a circuit so that its meter must notice. `fits` chooses among them. */
export function actuatorBelow(
  desk: Desk,
  node: NodeModel,
  fits: (entry: SiteDeviceEntry) => boolean,
  otherwise: Obstacle,
): Actuator | Obstacle {
  let obstacle = otherwise
  const below = desk.below(node).toSorted((a, b) => preferred.indexOf(a.config.role) - preferred.indexOf(b.config.role))
  for (const entry of below) {
    if (!preferred.includes(entry.config.role)) continue
    const found = actuatorOf(desk, entry)
    // What was never meant to be switched is no hint.
    if ('code' in found) obstacle = found.code === 'not-covered' ? obstacle : found
    else if (fits(entry)) return found
  }
  return obstacle
}
