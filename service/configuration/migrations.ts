import { z } from 'zod'
import { siteVersion } from '#contract/site.ts'
import type { Edit } from './edit.ts'

/** Leads a site file from one version of the format to the next. Never changed once released, only followed by another. */
export interface Migration {
  readonly from: number
  readonly to: number
  /** What changes for whoever knows the older format; one sentence. */
  readonly note: string
  /** Takes whatever an older file may hold; what does not fit is found by the schema afterwards. */
  edits(data: unknown): readonly Edit[]
}

const record = z.record(z.string(), z.unknown())
const first = z.looseObject({
  grid: record.catch({}),
  battery: record.optional().catch(undefined),
  devices: z.array(z.looseObject({ id: z.unknown(), role: z.unknown() })).catch([]),
})

/** One grid connection with its fuse in `grid`, the settings of the only battery beside it. */
function fromOneGrid(data: unknown): readonly Edit[] {
  const { grid, battery, devices } = first.parse(data)
  const { mainFuseA, ...others } = grid
  const meter = devices.find(({ role }) => role === 'grid-meter')?.id
  const connection = {
    id: 'main',
    name: 'Grid connection',
    ...(mainFuseA !== undefined && { fuseA: mainFuseA }),
    ...(meter !== undefined && { meter }),
  }
  const settings = devices.flatMap(({ role }, at): Edit[] => {
    if (role === 'load-meter') return [{ path: ['devices', at, 'role'], value: 'meter' }]
    return role === 'battery' && battery ? [{ path: ['devices', at, 'battery'], value: battery }] : []
  })
  return [
    { path: ['version'], value: 2 },
    { path: ['grid'], key: 'grids', value: [{ id: 'grid', name: 'Grid', ...others, connection }] },
    ...settings,
    ...(battery ? [{ path: ['battery'], value: undefined }] : []),
  ]
}

export const migrations: readonly Migration[] = [
  {
    from: 1,
    to: 2,
    note: 'grid.mainFuseA is now the fuse of a grid connection under grids, and the settings of the battery are those of its device; commands and signs have to be verified again',
    edits: fromOneGrid,
  },
  {
    from: 2,
    to: siteVersion,
    note: 'controllers may be listed in the order of fail-over; nothing else changes',
    edits: () => [{ path: ['version'], value: 3 }],
  },
]
