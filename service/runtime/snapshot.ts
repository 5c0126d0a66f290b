import type { ControlState, Flow, PowerFlow, SetpointState } from '#contract/api.ts'
import type { Site } from '#contract/site.ts'
import type { StepResult } from '../control/step.ts'
import { type Measured, valueOf } from '../domain/measured.ts'
import { loadOf, perPhaseValues, type ProcessImage, type SiteImage, staleAfterMs } from '../domain/site-image.ts'
import type { CycleTiming } from './cycle.ts'

/** Everything one cycle has seen and decided, as the API shows it. */
export function powerFlowOf(input: {
  site: Site
  processImage: ProcessImage
  image: SiteImage
  result: StepResult
  setpoints: SetpointState[]
  control: ControlState
  timing: CycleTiming
  durationMs: number
}): PowerFlow {
  const { site, processImage, image, result, setpoints, control, timing, durationMs } = input
  const idsOf = (role: string): string[] => site.devices.filter((device) => device.role === role).map(({ id }) => id)
  const flow = (measured: Measured, deviceIds: string[]): Flow =>
    measured.ok
      ? { powerW: measured.value, quality: 'good', deviceIds, atMs: processImage.atMs - measured.ageMs }
      : flowWithout(measured.reason, deviceIds, processImage, site)
  const frequencyHz = valueOf(image.grid.frequencyHz)
  const socPercent = image.battery && valueOf(image.battery.socPercent)
  const weather = weatherOf(site, processImage)
  return {
    atMs: processImage.atMs,
    cycle: timing.number,
    durationMs,
    latenessMs: timing.latenessMs,
    grid: {
      ...flow(image.grid.powerW, idsOf('grid-meter')),
      currentA: perPhaseValues(image.grid.currentA),
      voltageV: perPhaseValues(image.grid.voltageV),
      ...(frequencyHz !== undefined && { frequencyHz }),
    },
    pv: flow(image.pvW, idsOf('pv')),
    battery: {
      ...flow(image.battery?.powerW ?? { ok: false, reason: 'the site has no battery' }, idsOf('battery')),
      ...(socPercent !== undefined && { socPercent }),
    },
    load: flow(loadOf(image), []),
    ...(weather && { weather }),
    limits: [...result.limits],
    setpoints,
    control,
  }
}

/** Not measured now: stale when a value was seen before, bad when not. The old number is not repeated as if it were true. */
function flowWithout(reason: string, deviceIds: string[], image: ProcessImage, site: Site): Flow {
  const seen = deviceIds.some((id) =>
    [...(image.devices.get(id)?.values() ?? [])].some(
      (reading) => reading.quality !== 'bad' && reading.ageMs > staleAfterMs(site.cycleMs),
    ),
  )
  return { quality: seen ? 'stale' : 'bad', reason, deviceIds }
}

function weatherOf(site: Site, image: ProcessImage): PowerFlow['weather'] {
  const mast = site.devices.find((device) => device.role === 'weather')
  const readings = mast && image.devices.get(mast.id)
  if (!readings) return undefined
  const fresh = (metric: string): number | undefined => {
    const reading = readings.get(metric)
    const usable = reading?.quality === 'good' && reading.ageMs <= 5 * staleAfterMs(site.cycleMs)
    return usable && typeof reading.value === 'number' ? reading.value : undefined
  }
  const irradianceWm2 = fresh('irradianceWm2')
  const temperatureC = fresh('temperatureC')
  return {
    ...(irradianceWm2 !== undefined && { irradianceWm2 }),
    ...(temperatureC !== undefined && { temperatureC }),
  }
}
