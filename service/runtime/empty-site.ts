import { economics } from '#contract/economics.ts'
import { type Site, siteVersion } from '#contract/site.ts'

/** What a service runs that has no site yet: no device, no control; the workbench and the setup wizard are there. */
export const emptySite: Site = {
  version: siteVersion,
  name: 'New site',
  cycleMs: 1000,
  timeZone: 'UTC',
  grids: [
    {
      id: 'grid',
      name: 'Grid',
      nominalVoltageV: 230,
      phases: ['l1', 'l2', 'l3'],
      connection: { id: 'main', name: 'Grid connection' },
    },
  ],
  ties: [],
  signals: [],
  controllers: [],
  economics: economics.parse({}),
  devices: [],
}
