import { proofName } from '../configuration/edit-proof.ts'
import type { Circuit, Site } from '#contract/site.ts'
import type { Proof, SiteDevice } from '#contract/site-device.ts'
import { gridOfDevices } from './site-topology.ts'

/** The sign of a role's power decides whether control helps or harms; its point is named with or without the subsystem. */
const powerPoints: Readonly<Partial<Record<SiteDevice['role'], readonly string[]>>> = {
  'grid-meter': ['powerW', 'grid.powerW'],
  meter: ['powerW'],
  battery: ['powerW', 'battery.powerW'],
}

const proves = (proofs: readonly Proof[] | undefined, name: string): boolean =>
  proofs?.some((proof) => proofName(proof) === name) ?? false

/** The points that may carry the sign on which control of a device rests; none for roles whose sign it does not use. */
export const signPointsOf = (role: SiteDevice['role']): readonly string[] => powerPoints[role] ?? []

/**
 * Why automatic control must not use a command of a device yet (S12), or undefined when all it rests on is proven: the command, the
 * sign of the device's own power, and those of the meters that watch its grid and its circuits.
 */
export function unverified(site: Site, device: SiteDevice, command: string): string | undefined {
  if (!proves(device.verified?.commands, command))
    return `the command ${command} of ${device.name} is not verified for this site`
  const unproven = [device, ...metersOf(site, device)].find(({ role, verified }) => {
    const points = powerPoints[role]
    return points !== undefined && !points.some((point) => proves(verified?.signs, point))
  })
  return unproven && `the sign of the power of ${unproven.name} is not verified for this site`
}

/** The meters whose signs control of a device rests on. */
export function metersOf(site: Site, { id }: SiteDevice): SiteDevice[] {
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
