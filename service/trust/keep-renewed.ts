import type { Clock } from '../domain/clock.ts'
import type { SiteCa } from './site-ca.ts'

const everyMs = 60_000

/**
 * Looks every minute whether a certificate has to be replaced: when two thirds of its life are over, when the edge has a
 * new address, when the clock was set. Ends with the signal. `report` gets what a person has to act on, and undefined
 * once all is well again.
 */
export async function keepRenewed(
  ca: Pick<SiteCa, 'renew'>,
  clock: Clock,
  signal: AbortSignal,
  report: (problem: unknown) => void,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await ca.renew()
      report(undefined)
    } catch (error) {
      report(error)
    }
    try {
      await clock.sleep(everyMs, signal)
    } catch {
      return
    }
  }
}
