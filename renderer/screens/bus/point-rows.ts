import type { Device, DevicePoint, PollGroup } from '#contract/api.ts'
import type { Quality } from '#contract/reading.ts'

export type Row =
  | { readonly kind: 'group'; readonly key: string; readonly group: PollGroup; readonly words: number }
  | { readonly kind: 'point'; readonly key: string; readonly point: DevicePoint }

export interface PointFilter {
  readonly text: string
  /** Only points that are stale, bad or not read yet. */
  readonly notGood: boolean
}

/** What a point is shown as; without a reading it has no quality yet, and what the device does not have is no failure. */
export type Shown = Quality | 'none' | 'absent'

export const qualityOf = ({ reading }: DevicePoint): Shown =>
  reading?.absent ? 'absent' : (reading?.quality ?? 'none')

/** Whether a person should look at it. */
export const needsAttention = (point: DevicePoint): boolean => !['good', 'absent'].includes(qualityOf(point))

/** Every typed word must be in the name, the title or the address (40, 0x28) of the point. */
function matches(point: DevicePoint, words: readonly string[]): boolean {
  const address = point.address === undefined ? '' : `${point.address} 0x${point.address.toString(16).padStart(4, '0')}`
  const text = `${point.name} ${point.title} ${address}`.toLowerCase()
  return words.every((word) => text.includes(word))
}

/** Points under their poll groups in the order of the device; groups that would be empty are left out. */
export function pointRows(device: Device, filter: PointFilter): Row[] {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean)
  const shown = device.points.filter((point) => (!filter.notGood || needsAttention(point)) && matches(point, words))
  const known = new Set(device.pollGroups.map(({ name }) => name))
  const others = [...new Set(shown.map(({ pollGroup }) => pollGroup))].filter((name) => !known.has(name))
  const groups: PollGroup[] = [...device.pollGroups, ...others.map((name) => ({ name, requests: [] }))]
  return groups.flatMap((group): Row[] => {
    const points = shown.filter(({ pollGroup }) => pollGroup === group.name)
    if (points.length === 0) return []
    const words = group.requests.reduce((sum, { count }) => sum + count, 0)
    return [
      { kind: 'group', key: `group/${group.name}`, group, words },
      ...points.map((point): Row => ({ kind: 'point', key: point.name, point })),
    ]
  })
}
