import type { Site } from '#contract/site.ts'

const demoScheme = 'demo://'
/** Devices that the plant has only when it is told so; see service/plant.ts. */
const extra = /^(?:heater|charger-(\d+)|feeder-(\d+))$/

/** What the simulated plant must be told for a site, so that it has every device the site reaches at demo://NAME. */
export function plantArguments(site: Site): string[] {
  const names = site.devices.flatMap(({ connection }) =>
    connection.startsWith(demoScheme) ? [connection.slice(demoScheme.length)] : [],
  )
  if (!names.some((name) => extra.test(name))) return []
  const highest = (group: 1 | 2): number =>
    names.reduce((most, name) => Math.max(most, Number(extra.exec(name)?.[group] ?? 0)), 0)
  const chargers = String(highest(1))
  return [
    '--chargers',
    chargers,
    '--vehicles',
    chargers,
    '--feeders',
    String(highest(2)),
    '--devices',
    [...new Set(names)].join(','),
  ]
}
