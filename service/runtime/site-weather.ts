import type { PowerFlow } from '#contract/api.ts'
import type { SiteDevice } from '#contract/site-device.ts'
import { measured, type Readings, valueOf } from '../domain/measured.ts'
import { shownFreshMs } from './grid-flows.ts'

/** What the weather station of the site measures, while it is fresh. It changes slowly and is polled rarely. */
export function weatherOf(devices: readonly SiteDevice[], readings: Readings, cycleMs: number): PowerFlow['weather'] {
  const station = devices.find(({ role }) => role === 'weather')
  const found = station && readings.get(station.id)
  if (!found) return undefined
  const fresh = (metric: string): number | undefined => valueOf(measured(found.get(metric), 5 * shownFreshMs(cycleMs)))
  const irradianceWm2 = fresh('irradianceWm2')
  const temperatureC = fresh('temperatureC')
  return {
    ...(irradianceWm2 !== undefined && { irradianceWm2 }),
    ...(temperatureC !== undefined && { temperatureC }),
  }
}
