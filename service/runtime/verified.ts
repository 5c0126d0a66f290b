import type { Site } from '#contract/site.ts'
import type { SiteDevice } from '#contract/site-device.ts'

/** The sign of a role's power decides whether control helps or harms; its point is named with or without the subsystem. */
const powerPoints: Readonly<Partial<Record<SiteDevice['role'], readonly string[]>>> = {
  'grid-meter': ['powerW', 'grid.powerW'],
  battery: ['powerW', 'battery.powerW'],
}

/** Why automatic control must not use a command of a device yet (S12), or undefined when all it rests on is proven. */
export function unverified(site: Site, device: SiteDevice, command: string): string | undefined {
  if (!device.verified?.commands.includes(command))
    return `the command ${command} of ${device.name} is not verified for this site`
  const leaned = [device, ...site.devices.filter(({ role }) => role === 'grid-meter')]
  const unproven = leaned.find(({ role, verified }) => {
    const points = powerPoints[role]
    return points !== undefined && !points.some((point) => verified?.signs.includes(point))
  })
  return unproven && `the sign of the power of ${unproven.name} is not verified for this site`
}
