import type { Circuit, Site } from '#contract/site.ts'
import type { SiteDevice } from '#contract/site-device.ts'

/** The grid that each device belongs to; a shared device belongs to the first grid it can be on. */
export function gridOfDevices(site: Site): ReadonlyMap<string, string> {
  const gridOf = new Map<string, string>()
  const take = (circuit: Circuit, gridId: string): void => {
    gridOf.set(circuit.id, gridId)
    for (const inner of circuit.circuits ?? []) take(inner, gridId)
  }
  for (const { id, connection } of site.grids) take(connection, id)
  const firstGrid = site.grids[0]?.id ?? ''
  const circuitOf = ({ circuit }: SiteDevice): string | undefined =>
    typeof circuit === 'string' ? circuit : circuit?.[0]?.circuit
  return new Map(site.devices.map((device) => [device.id, gridOf.get(circuitOf(device) ?? '') ?? firstGrid]))
}

/** Period of a grid's cycle. */
export const cycleMsOf = (site: Site, gridId: string | undefined): number =>
  site.grids.find(({ id }) => id === gridId)?.cycleMs ?? site.cycleMs
