import type { CommandName } from '#contract/point-map.ts'
import type { PowerChange } from '../../commissioning/checks/headroom.ts'
import type { SiteDeviceEntry } from '../site-runtime.ts'
import type { Desk } from './desk.ts'

/** What a device would take with this value in force, W, at least and at most; negative is what it gives. */
export function powerWith(
  desk: Desk,
  entry: SiteDeviceEntry,
  command: CommandName,
  value: number,
): readonly [number, number] | undefined {
  const { config } = entry
  const now = desk.consumption(entry)
  const rated = config.pv?.ratedPowerW ?? desk.number(config.id, 'ratedPowerW') ?? 0
  const voltageV = desk.site.grids[0]?.nominalVoltageV ?? 230
  const ampere = (current: number): number => current * voltageV * config.phases.length
  switch (command) {
    case 'setPowerW':
      return config.role === 'load' ? [value, value] : [0 - value, 0 - value]
    case 'limitPowerW':
      return config.role === 'load' ? [0, value] : [0 - value, 0]
    case 'limitPowerPercent':
      return [0 - (rated * value) / 100, 0]
    case 'setCurrentA':
      return [0, ampere(value)]
    case 'setPhases':
      return [0, ampere(config.charger?.maxCurrentA ?? 16)]
    case 'switchOn':
      return value > 0 ? [0, config.load?.maxW ?? Math.max(0, now ?? 0)] : [0, 0]
    default:
      return now === undefined ? undefined : [now, now]
  }
}

/** What a device falls back to: the current or power of its own failsafe, else its safe value. Undefined when that is its own affair. */
export function fallbackValueOf(desk: Desk, entry: SiteDeviceEntry, command: CommandName): number | undefined {
  const declared = desk.commands(entry).get(command)
  const own = desk.number(entry.config.id, command === 'setCurrentA' ? 'failsafeA' : 'failsafeW')
  if (own !== undefined) return own
  return declared && declared.safeValue !== 'release' ? declared.safeValue : undefined
}

/**
 * The most that writing these values can do to a device's power: each of them, its fallback, and what it may do on its own once
 * nobody limits it any more. Undefined when its present power is not measured.
 */
export function changeBy(
  desk: Desk,
  entry: SiteDeviceEntry,
  command: CommandName,
  values: readonly number[],
): PowerChange | undefined {
  const now = desk.consumption(entry)
  if (now === undefined) return undefined
  const fallback = fallbackValueOf(desk, entry, command)
  const powers = [...values, ...(fallback === undefined ? [] : [fallback])].flatMap(
    (value) => powerWith(desk, entry, command, value) ?? [],
  )
  const restricts = command === 'limitPowerW' || command === 'limitPowerPercent'
  // Below its limit a plant gives what the sun gives; only where it is held back now can there be more.
  const bounded =
    entry.config.role === 'pv' && restricts ? powers.map((power) => Math.max(power, Math.min(now, 0))) : powers
  const heldBack = entry.config.role === 'pv' && isHeldBack(desk, entry, command)
  const free = heldBack
    ? (powerWith(desk, entry, command, command === 'limitPowerPercent' ? 100 : ratedOf(desk, entry)) ?? [])
    : []
  const all = [...bounded, ...free, now]
  return { deviceId: entry.config.id, lowestW: Math.min(...all) - now, highestW: Math.max(...all) - now }
}

const ratedOf = (desk: Desk, { config }: SiteDeviceEntry): number =>
  config.pv?.ratedPowerW ?? desk.number(config.id, 'ratedPowerW') ?? 0

function isHeldBack(desk: Desk, entry: SiteDeviceEntry, command: CommandName): boolean {
  const shown = desk.commands(entry).get(command)?.readBack?.point
  const limit = shown === undefined ? undefined : desk.number(entry.config.id, shown)
  return limit !== undefined && limit < (command === 'limitPowerPercent' ? 100 : ratedOf(desk, entry))
}
