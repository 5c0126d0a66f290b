import { z } from 'zod'
import { phases } from './metrics.ts'

/** What a device is for on this site. */
export const deviceRole = z
  .enum(['grid-meter', 'meter', 'pv', 'battery', 'charger', 'load', 'weather', 'sensor'])
  .meta({
    title: 'Role',
    description:
      'What the device is for on this site. Automatic control acts on batteries, chargers, loads and plants.',
  })
export type DeviceRole = z.infer<typeof deviceRole>

/** `eastron/sdm630`: folder and file name under pointmaps/. */
export const mapId = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9-]*\/[a-z0-9][a-z0-9-]*$/,
    'a point map is named maker/model, as the file pointmaps/maker/model.yaml',
  )
  .max(80)

const tcpAddress = /^(tcp|rtutcp):\/\/(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?$/
const rtuAddress = /^rtu:\/\/\/[^?\s]+(\?[a-z0-9=&]+)?$/i
const demoAddress = /^demo:\/\/[a-z][a-z0-9-]*$/

/**
 * Where a device is reached.
 *   tcp://HOST[:PORT]     Modbus TCP (default port 502)
 *   rtutcp://HOST:PORT    Modbus RTU frames over a TCP socket
 *   rtu:///dev/ttyUSB0?baud=9600&parity=N&stopbits=1
 *   demo://NAME           a device of the simulated plant, wherever that plant reports to have bound it
 */
export const connection = z
  .string()
  .max(300)
  .refine((text) => tcpAddress.test(text) || rtuAddress.test(text) || demoAddress.test(text), {
    error:
      'expected tcp://HOST[:PORT], rtutcp://HOST:PORT, rtu:///dev/PATH?baud=9600&parity=N&stopbits=1 or demo://NAME',
  })
  .meta({
    title: 'Connection',
    description: 'tcp://HOST[:PORT], rtutcp://HOST:PORT or rtu:///dev/PATH?baud=9600&parity=N&stopbits=1.',
  })

/** Identifies a grid, circuit, device or signal within its kind. */
export const siteId = z
  .string()
  .regex(/^[a-z][a-z0-9-]*$/, 'lower-case letters, digits and dashes, starting with a letter')
  .max(40)

export const phase = z.enum(phases)

/**
 * The grid's phase to which each phase of the device is connected, in the order of the device's own terminals: `[l2, l3, l1]` is a
 * rotated connection, `[l2]` a one-phase device on L2.
 */
export const phaseMapping = z
  .array(phase)
  .min(1)
  .max(3)
  .refine((list) => new Set(list).size === list.length, { error: 'a phase is named twice' })
  .meta({
    title: 'Phases',
    description:
      'The grid phase at each terminal of the device, in the order of its own terminals: L2 L3 L1 is a rotated connection.',
  })

const powerW = z.number().positive().max(10_000_000)
/** How fast a setpoint that loads a limit may grow (S4); relief is immediate. */
const rampWPerS = powerW.default(1000).meta({
  title: 'Ramp',
  unit: 'W/s',
  description: 'How fast a setpoint that loads a limit may grow. Relief is immediate.',
})
/** Claims of one priority share fairly; a lower number is served first. */
const priority = z.number().int().min(1).max(9).default(5).meta({
  title: 'Priority, 1 is served first',
  description: 'Devices of one priority share fairly; a lower number is served first.',
})
const minOnS = z.number().min(0).max(86_400).meta({
  title: 'Shortest time on',
  unit: 's',
  description: 'It is not switched off earlier, except for a physical limit.',
})
const minOffS = z
  .number()
  .min(0)
  .max(86_400)
  .meta({ title: 'Shortest time off', unit: 's', description: 'It is not switched on again earlier.' })
/** Under an operator's dim signal (§14a EnWG) this device keeps at least 4.2 kW. */
const dimmable = z.boolean().default(false).meta({
  title: 'Obeys the dim signal of the grid operator',
  description: 'Under a dim signal (§14a EnWG) it is held to 4.2 kW at least.',
})

/** Share of the rated power that a temperature allows, linear between the points, constant outside. */
const derating = z
  .array(z.strictObject({ temperatureC: z.number().min(-60).max(150), percent: z.number().min(0).max(100) }))
  .min(2)
  .max(8)
  .meta({
    title: 'Power allowed at a temperature',
    description: 'Share of the rated power at a temperature, linear between the points.',
  })

export const batterySettings = z.strictObject({
  minSocPercent: z
    .number()
    .min(0)
    .max(100)
    .default(10)
    .meta({ title: 'Reserve', unit: '%', description: 'Economics does not discharge below it.' }),
  maxSocPercent: z
    .number()
    .min(0)
    .max(100)
    .default(100)
    .meta({ title: 'Charge up to', unit: '%', description: 'Economics does not charge above it.' }),
  maxChargeW: powerW.meta({
    title: 'Charge power limit',
    unit: 'W',
    description: 'Most that the battery may be charged with.',
  }),
  maxDischargeW: powerW.meta({
    title: 'Discharge power limit',
    unit: 'W',
    description: 'Most that the battery may be discharged with.',
  }),
  rampWPerS,
  derating: derating.optional(),
  /** Whether economics may charge it from the grid; physical and safety limits never need this. */
  chargeFromGrid: z.boolean().default(false).meta({
    title: 'May charge from the grid',
    description: 'Only economics needs it; physical and safety limits never do.',
  }),
  /** Whether chargers may count on it: false keeps its energy for the house. */
  supportsChargers: z
    .boolean()
    .default(false)
    .meta({ title: 'May feed vehicles', description: 'Off keeps its energy for the house.' }),
  dimmable,
})
export type BatterySettings = z.infer<typeof batterySettings>

export const chargerSettings = z.strictObject({
  minCurrentA: z.number().min(1).max(80).default(6).meta({
    title: 'Lowest charging current',
    unit: 'A',
    description: 'Below it a vehicle does not charge at all; 6 A by IEC 61851.',
  }),
  maxCurrentA: z
    .number()
    .min(1)
    .max(1000)
    .default(16)
    .meta({ title: 'Highest charging current', unit: 'A', description: 'Of the charger and its cable, per phase.' }),
  /** `fast` takes what the limits leave, `surplus` only what would be exported, `off` nothing. */
  mode: z.enum(['fast', 'surplus', 'off']).default('fast').meta({
    title: 'Charging mode',
    description: 'fast: what the limits leave. surplus: only what would be exported. off: nothing.',
  }),
  /** It can be told to charge on one phase only (command `setPhases`); done before it is stopped. */
  switchesPhases: z.boolean().default(false).meta({
    title: 'Switches between one and three phases',
    description: 'It can be told to charge on one phase only.',
  }),
  /** Current when inputs are missing (S5): it must be safe together with the same of all other devices. */
  safeCurrentA: z.number().min(0).max(80).default(0).meta({
    title: 'Current without measurements',
    unit: 'A',
    description: 'It must be safe together with the same of all other devices.',
  }),
  minOnS: minOnS.default(60),
  minOffS: minOffS.default(180),
  /** Wait before a rise; a reduction never waits (S4). */
  dwellS: z
    .number()
    .min(0)
    .max(3600)
    .default(10)
    .meta({ title: 'Wait before a rise', unit: 's', description: 'A reduction never waits.' }),
  rampAPerS: z
    .number()
    .positive()
    .max(1000)
    .default(4)
    .meta({ title: 'Ramp', unit: 'A/s', description: 'How fast the current may rise. Relief is immediate.' }),
  priority,
  dimmable,
})
export type ChargerSettings = z.infer<typeof chargerSettings>

export const loadSettings = z.strictObject({
  /** `switched` is on or off at its rated power, `modulating` takes any power between its ends, or none. */
  kind: z.enum(['switched', 'modulating']).meta({
    title: 'Kind of load',
    description: 'switched: on or off at its rated power. modulating: any power between its ends, or none.',
  }),
  minW: z
    .number()
    .min(0)
    .max(10_000_000)
    .default(0)
    .meta({ title: 'Lowest power while on', unit: 'W', description: 'A modulating load takes this much at least.' }),
  maxW: powerW.meta({ title: 'Rated power', unit: 'W', description: 'What it takes at most.' }),
  mode: z.enum(['fast', 'surplus', 'off']).default('fast').meta({
    title: 'Runs',
    description: 'fast: what the limits leave. surplus: only what would be exported. off: never.',
  }),
  safeW: z.number().min(0).max(10_000_000).default(0).meta({
    title: 'Power without measurements',
    unit: 'W',
    description: 'It must be safe together with the same of all other devices.',
  }),
  minOnS: minOnS.default(60),
  minOffS: minOffS.default(60),
  dwellS: z
    .number()
    .min(0)
    .max(3600)
    .default(10)
    .meta({ title: 'Wait before a rise', unit: 's', description: 'A reduction never waits.' }),
  rampWPerS,
  priority,
  dimmable,
})
export type LoadSettings = z.infer<typeof loadSettings>

export const pvSettings = z.strictObject({
  /** Needed where it can be curtailed. */
  ratedPowerW: powerW.optional().meta({
    title: 'Rated power',
    unit: 'W',
    description: 'Peak power of the plant. Needed where it may be curtailed.',
  }),
  /** Control may reduce it where a limit demands it. */
  curtailable: z
    .boolean()
    .default(false)
    .meta({ title: 'May be curtailed', description: 'Control may reduce it where a limit demands it.' }),
  /** How fast a curtailed plant may come back. */
  rampWPerS,
})
export type PvSettings = z.infer<typeof pvSettings>

/** A reading of a device that says yes or no: a breaker, a relay, a signal of the grid operator. */
export const condition = z.strictObject({
  device: siteId,
  point: z.string().max(60),
  /** True when the reading equals this; by default when it is not zero. */
  equals: z.union([z.number(), z.string().max(60)]).optional(),
})
export type Condition = z.infer<typeof condition>

const proofName = z.string().min(1).max(60)
/** Something that a person has proven on this site. By its name alone, as written by hand, or with who, when and how. */
export const proof = z.union([
  proofName,
  z.strictObject({
    name: proofName,
    by: z.string().min(1).max(120).meta({ title: 'Proven by' }),
    at: z.iso.datetime().meta({ title: 'Proven at' }),
    how: z.string().min(1).max(200).meta({ title: 'How it was proven' }),
  }),
])
export type Proof = z.infer<typeof proof>

export const siteDevice = z.strictObject({
  id: siteId.meta({
    title: 'Device ID',
    description: 'Short name in files: small letters, digits and dashes. It stays when the name changes.',
  }),
  name: z.string().min(1).max(60).meta({ title: 'Name', description: 'As people on site call the device.' }),
  role: deviceRole,
  map: mapId.meta({ title: 'Point map', description: 'maker/model: how its registers are read.' }),
  connection,
  unitId: z
    .number()
    .int()
    .min(0)
    .max(255)
    .default(1)
    .meta({ title: 'Unit ID', description: 'Its address on the bus; 1 for most devices on Ethernet.' }),
  /**
   * The circuit it hangs on; by default the grid connection of the only grid. A shared device lists its possible
   * circuits, each with the condition under which it is connected there; when not exactly one holds, nobody controls it.
   */
  circuit: z
    .union([
      siteId,
      z
        .array(z.strictObject({ circuit: siteId, when: condition }))
        .min(2)
        .max(4),
    ])
    .optional()
    .meta({
      title: 'Circuit',
      description: 'The fuse that it hangs on. Without it, the grid connection of the only grid.',
    }),
  phases: phaseMapping.default(['l1', 'l2', 'l3']),
  battery: batterySettings.optional(),
  charger: chargerSettings.optional(),
  load: loadSettings.optional(),
  pv: pvSettings.optional(),
  /**
   * What a person has proven for this device on this site. Automatic control uses no other command, and relies on no other
   * sign (S12).
   */
  verified: z
    .strictObject({
      commands: z.array(proof).max(20).default([]).meta({ title: 'Commands that do what they say' }),
      signs: z.array(proof).max(100).default([]).meta({ title: 'Points whose sign is right' }),
      points: z.array(proof).max(1000).default([]).meta({ title: 'Points whose value is right' }),
    })
    .optional(),
})
export type SiteDevice = z.infer<typeof siteDevice>
