import type { Site } from '#contract/site.ts'
import type { Condition } from '#contract/site-device.ts'

/**
 * What the points of conditions read when nothing is given: signals are not active, ties are open, no grid is on its own,
 * and a shared device hangs on the first of its circuits. By device and point.
 */
export function conditionPoints(site: Site): ReadonlyMap<string, ReadonlyMap<string, number | string>> {
  const points = new Map<string, Map<string, number | string>>()
  const put = ({ device, point }: Condition, value: number | string): void => {
    const ofDevice = points.get(device) ?? new Map<string, number | string>()
    points.set(device, ofDevice.set(point, value))
  }
  const no = (condition: Condition): void => put(condition, otherThan(condition.equals))
  for (const { active } of site.signals) no(active)
  for (const { closed } of site.ties) no(closed)
  for (const { island } of site.grids) if (island) no(island)
  for (const { circuit } of site.devices) {
    if (!Array.isArray(circuit)) continue
    for (const { when } of circuit.toReversed()) {
      no(when)
      if (when === circuit[0]?.when) put(when, when.equals ?? 1)
    }
  }
  return points
}

function otherThan(value: number | string | undefined): number | string {
  if (typeof value === 'string') return `not ${value}`
  return value === 0 ? 1 : 0
}

export function holds(condition: Condition, value: number | string | undefined): boolean {
  if (condition.equals !== undefined) return value === condition.equals
  return typeof value === 'number' && value !== 0
}
