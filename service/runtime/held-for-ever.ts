import type { MapCommand } from '#contract/point-map.ts'
import type { SiteDevice } from '#contract/site-device.ts'

/** Commands that only ever restrict a device: the lower, the less it can load anything. */
const restricting: ReadonlySet<string> = new Set([
  'limitPowerW',
  'limitPowerPercent',
  'limitChargeW',
  'limitDischargeW',
  'setCurrentA',
  'switchOn',
  'setPhases',
])

/**
 * Why a value must not be given to a device that would hold it for ever (S3), or undefined. No stop routine runs on a power cut,
 * so what it is told last has to be safe without anybody.
 *   - A command that restricts may be set to its safe value or below. Where its map calls the device's own state safe (`release`),
 *     every restriction of it is.
 *   - A forced power may only be the safe value, or 0 where that is `release`.
 *   - A reserve may only be the safe value or more.
 * The current or power without measurements that the site declares counts as safe too.
 */
export function unsafeForEver(
  name: string,
  { expiry, safeValue, unit }: MapCommand,
  value: number,
  device: Pick<SiteDevice, 'charger' | 'load'>,
): string | undefined {
  if (expiry.kind !== 'none') return undefined
  const refuse = (allowed: string): string =>
    `the device would hold ${value} ${unit} for ever if R-EMS died; only ${allowed} is safe for that`
  if (name === 'setReservePercent')
    return safeValue === 'release' || value >= safeValue ? undefined : refuse(`${safeValue} ${unit} or more`)
  if (!restricting.has(name)) {
    const safe = safeValue === 'release' ? 0 : safeValue
    return value === safe ? undefined : refuse(`${safe} ${unit}`)
  }
  if (safeValue === 'release') return undefined
  const declared = name === 'setCurrentA' ? device.charger?.safeCurrentA : device.load?.safeW
  const safe = Math.max(safeValue, name === 'switchOn' ? (declared ? 1 : 0) : (declared ?? 0))
  return value <= safe ? undefined : refuse(`${safe} ${unit} or less`)
}
