import { z } from 'zod'
import { economics } from './economics.ts'
import { phases } from './metrics.ts'
import { checkSite } from './site-check.ts'
import { condition, siteDevice, siteId } from './site-device.ts'

const limitA = z.number().positive().max(10_000)
const limitW = z.number().min(0).max(100_000_000)

interface CircuitInput {
  id: string
  name: string
  fuseA?: number | undefined
  [key: string]: unknown
}

/**
 * One node of the circuit tree: a fuse with what hangs below it. Its current is measured by its meter, else it is the sum of
 * its devices and child circuits, which is only known when all of them are measured.
 */
const circuitFields = z.strictObject({
  id: siteId.meta({ title: 'Circuit ID', description: 'Short name in files: small letters, digits and dashes.' }),
  name: z.string().min(1).max(60).meta({ title: 'Name', description: 'As people on site call it.' }),
  /** Rated current of the fuse of each phase; in both directions. */
  fuseA: limitA.optional().meta({
    title: 'Fuse per phase',
    unit: 'A',
    description: 'Rated current of the fuse of each phase, in both directions.',
  }),
  maxImportW: limitW.optional().meta({
    title: 'Import limit',
    unit: 'W',
    description: 'Most that may be taken through this circuit. It needs a meter.',
  }),
  /** 0 allows no export at all. */
  maxExportW: limitW
    .optional()
    .meta({ title: 'Export limit', unit: 'W', description: 'Most that may be fed back; 0 allows no export at all.' }),
  /** Largest difference between two phases. */
  maxUnbalanceA: limitA
    .optional()
    .meta({ title: 'Unbalance limit', unit: 'A', description: 'Largest difference between two phases.' }),
  /** Device that measures this circuit: of the role `grid-meter` at a grid connection, `meter` elsewhere. */
  meter: siteId.optional().meta({
    title: 'Meter',
    description: 'The device that measures this circuit. A limit without one cannot be kept.',
  }),
})
export type Circuit = z.infer<typeof circuitFields> & { circuits?: Circuit[] | undefined }

export const circuit: z.ZodType<Circuit, CircuitInput> = circuitFields.extend({
  get circuits() {
    return z.array(circuit).max(100).optional()
  },
})

export const grid = z.strictObject({
  id: siteId.meta({ title: 'Grid ID', description: 'Short name in files: small letters, digits and dashes.' }),
  name: z.string().min(1).max(60).meta({ title: 'Name', description: 'As people on site call it.' }),
  nominalVoltageV: z
    .number()
    .min(100)
    .max(1000)
    .default(230)
    .meta({ title: 'Phase voltage', unit: 'V', description: 'Between a phase and neutral.' }),
  phases: z
    .array(z.enum(phases))
    .min(1)
    .max(3)
    .default(['l1', 'l2', 'l3'])
    .meta({ title: 'Phases', description: 'The phases that this grid has.' }),
  /** Control cycle of this grid; the site's by default. */
  cycleMs: z
    .number()
    .int()
    .min(100)
    .max(60_000)
    .optional()
    .meta({ title: 'Control cycle', unit: 'ms', description: 'How often control decides for this grid.' }),
  /** Whether it can be without the public grid, and how that is seen. On its own, there is no exchange to optimise. */
  island: condition
    .optional()
    .meta({ title: 'On its own, when', description: 'A reading that says that the public grid is away.' }),
  /** The grid connection with everything below it. */
  connection: circuit,
})
export type Grid = z.infer<typeof grid>

/** A breaker between two grids. While it is closed they are one, and the first of them controls both. */
export const tie = z.strictObject({
  id: siteId,
  name: z.string().min(1).max(60),
  between: z.tuple([siteId, siteId]),
  closed: condition,
})
export type Tie = z.infer<typeof tie>

/** A demand from outside that control obeys: the grid operator's relay, ripple control, a limit in watt from a box. */
export const signal = z.strictObject({
  id: siteId,
  name: z.string().min(1).max(60),
  grid: siteId.optional(),
  /**
   * `dim`: every dimmable device is held to `limitW`, at least 4.2 kW each (§14a EnWG, BK6-22-300), never to zero.
   * `import`, `export`: the grid connection is held to `limitW`.
   * `shed`: loads of priority 6 to 9 are switched off.
   */
  kind: z.enum(['dim', 'import', 'export', 'shed']),
  active: condition,
  limitW: limitW.optional().meta({ title: 'Limit while active', unit: 'W' }),
  /** What counts while the signal cannot be read. */
  whenUnknown: z.enum(['active', 'inactive']).default('active'),
})
export type Signal = z.infer<typeof signal>

/** One of the edges that may control this site. Their order is that of fail-over: the first one that is alive controls. */
export const controller = z.strictObject({
  name: z
    .string()
    .max(60)
    .regex(/^[a-z0-9]([a-z0-9.:-]*[a-z0-9])?$/, 'a name in lower case, such as edge-a')
    .meta({ title: 'Controller' }),
  address: z
    .string()
    .max(300)
    .regex(/^https:\/\/[^\s/]+:\d{1,5}$/, 'expected https://HOST:PORT')
    .optional()
    .meta({ title: 'Address', description: 'https://HOST:PORT where the others reach it.' }),
})
export type Controller = z.infer<typeof controller>

/** The version of the format that this service writes. Files of older ones are migrated when they are read. */
export const siteVersion = 3

/** site.yaml: grids with their circuits, devices, limits and preferences. Unknown keys are errors. */
export const site = z
  .strictObject({
    version: z.literal(siteVersion, { error: `the format of this site is not of version ${siteVersion}` }),
    name: z.string().min(1).max(60).meta({ title: 'Site name' }),
    cycleMs: z.number().int().min(100).max(60_000).default(1000).meta({ title: 'Control cycle', unit: 'ms' }),
    timeZone: z.string().max(40).default('UTC').meta({ title: 'Time zone, for tariffs' }),
    grids: z.array(grid).min(1).max(16),
    ties: z.array(tie).max(16).default([]),
    signals: z.array(signal).max(32).default([]),
    economics: economics.prefault({}),
    controllers: z.array(controller).max(8).default([]).meta({ title: 'Controllers, in the order of fail-over' }),
    devices: z.array(siteDevice).min(1).max(2500),
  })
  .superRefine(checkSite)
export type Site = z.infer<typeof site>

/**
 * edge.yaml in the data folder: properties of this edge that no site folder or bundle carries (S1).
 * Absent means control off and dry run on.
 */
export const edgeSettings = z.strictObject({
  enable_control: z.boolean().default(false).meta({ title: 'Control enabled' }),
  dry_run: z.boolean().default(true).meta({ title: 'Dry run' }),
})
export type EdgeSettings = z.infer<typeof edgeSettings>
