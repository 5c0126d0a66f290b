import type { Circuit, Site } from '#contract/site.ts'
import type { SiteDevice } from '#contract/site-device.ts'
import { gridOfDevices } from './site-topology.ts'

/** The sign of a role's power decides whether control helps or harms; its point is named with or without the subsystem. */
const powerPoints: Readonly<Partial<Record<SiteDevice['role'], readonly string[]>>> = {
  'grid-meter': ['powerW', 'grid.powerW'],
  meter: ['powerW'],
  battery: ['powerW', 'battery.powerW'],
}

/**
 * Why automatic control must not use a command of a device yet (S12), or undefined when all it rests on is proven: the command, the
 * sign of the device's own power, and those of the meters that watch its grid and its circuits.
 */
export function unverified(site: Site, device: SiteDevice, command: string): string | undefined {
  if (!device.verified?.commands.includes(command))
    return `the command ${command} of ${device.name} is not verified for this site`
  const unproven = [device, ...metersOf(site, device)].find(({ role, verified }) => {
    const points = powerPoints[role]
    return points !== undefined && !points.some((point) => verified?.signs.includes(point))
  })
  return unproven && `the sign of the power of ${unproven.name} is not verified for this site`
}

function metersOf(site: Site, { id }: SiteDevice): SiteDevice[] {
  const gridOf = gridOfDevices(site)
  const watching = new Set(site.grids.flatMap(({ connection }) => circuitMeters(connection)))
  return site.devices.filter(
    (other) =>
      gridOf.get(other.id) === gridOf.get(id) &&
      (other.role === 'grid-meter' || (other.role === 'meter' && watching.has(other.id))),
  )
}

const circuitMeters = ({ meter, circuits = [] }: Circuit): string[] => [
  ...(meter === undefined ? [] : [meter]),
  ...circuits.flatMap(circuitMeters),
]
