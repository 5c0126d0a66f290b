import type { LinkState } from '#contract/api.ts'

export interface TreeDevice {
  readonly id: string
  readonly name: string
  readonly bus: string
  readonly unitId: number
  readonly link: { readonly state: LinkState }
}

export interface Bus<T extends TreeDevice> {
  readonly name: string
  readonly devices: readonly T[]
  readonly online: number
}

/** Devices by bus, both in the order in which the site names them. */
export function groupByBus<T extends TreeDevice>(devices: readonly T[]): Bus<T>[] {
  const buses = new Map<string, T[]>()
  for (const device of devices) {
    const group = buses.get(device.bus)
    if (group) group.push(device)
    else buses.set(device.bus, [device])
  }
  return [...buses].map(([name, group]) => ({
    name,
    devices: group,
    online: group.filter(({ link }) => link.state === 'online').length,
  }))
}

export type Status = 'good' | 'degraded' | 'fault' | 'unknown'

/** The shape that stands for a link. */
export function statusOfLink(state: LinkState): Status {
  if (state === 'online') return 'good'
  if (state === 'degraded') return 'degraded'
  return state === 'silent' ? 'fault' : 'unknown'
}
