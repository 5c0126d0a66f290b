import type { MapCommand } from '#contract/point-map.ts'

/** Where a device never forgets and may be written to as often as one likes, so that a device that was swapped learns it too. */
const volatileForEverMs = 20_000

/**
 * How long a setpoint may stand before it is written again: a third of the time after which the device would drop it (S3).
 * Infinity for registers that wear out and never expire: those are written on change only.
 */
export function renewalMs({ expiry, storage }: MapCommand): number {
  if (expiry.kind === 'none') return storage === 'volatile' ? volatileForEverMs : Infinity
  return (expiry.seconds * 1000) / 3
}
