import { z } from 'zod'

/** What a device is for on this site. */
export const deviceRole = z
  .enum(['grid-meter', 'pv', 'battery', 'load-meter', 'weather', 'sensor'])
  .meta({ title: 'Role' })
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
  .meta({ title: 'Connection' })

export const deviceId = z
  .string()
  .regex(/^[a-z][a-z0-9-]*$/, 'lower-case letters, digits and dashes, starting with a letter')
  .max(40)

export const siteDevice = z.strictObject({
  id: deviceId.meta({ title: 'Device ID' }),
  name: z.string().min(1).max(60).meta({ title: 'Name' }),
  role: deviceRole,
  map: mapId.meta({ title: 'Point map' }),
  connection,
  unitId: z.number().int().min(0).max(255).default(1).meta({ title: 'Unit ID' }),
  /**
   * What a person has proven for this device on this site. Automatic control uses no other command, and relies on no other
   * sign (S12).
   */
  verified: z
    .strictObject({
      commands: z.array(z.string().max(40)).max(20).default([]).meta({ title: 'Commands that do what they say' }),
      signs: z.array(z.string().max(60)).max(100).default([]).meta({ title: 'Points whose sign is right' }),
    })
    .optional(),
})
export type SiteDevice = z.infer<typeof siteDevice>

export const batteryLimits = z.strictObject({
  minSocPercent: z.number().min(0).max(100).default(10).meta({ title: 'Reserve', unit: '%' }),
  maxSocPercent: z.number().min(0).max(100).default(100).meta({ title: 'Charge up to', unit: '%' }),
  maxChargeW: z.number().positive().max(10_000_000).meta({ title: 'Charge power limit', unit: 'W' }),
  maxDischargeW: z.number().positive().max(10_000_000).meta({ title: 'Discharge power limit', unit: 'W' }),
  /** How fast a setpoint that loads a limit may grow (S4); relief is immediate. */
  rampWPerS: z.number().positive().max(10_000_000).default(1000).meta({ title: 'Ramp', unit: 'W/s' }),
})

/** site.yaml: one grid connection, its devices and limits. Unknown keys are errors. */
export const site = z
  .strictObject({
    version: z.literal(1),
    name: z.string().min(1).max(60).meta({ title: 'Site name' }),
    cycleMs: z.number().int().min(100).max(60_000).default(1000).meta({ title: 'Control cycle', unit: 'ms' }),
    grid: z.strictObject({
      mainFuseA: z.number().positive().max(10_000).meta({ title: 'Main fuse per phase', unit: 'A' }),
      nominalVoltageV: z.number().min(100).max(1000).default(230).meta({ title: 'Phase voltage', unit: 'V' }),
    }),
    battery: batteryLimits.optional(),
    devices: z.array(siteDevice).min(1).max(500),
  })
  .superRefine((value, context) => {
    const seen = new Map<string, number>()
    for (const [index, device] of value.devices.entries()) {
      const first = seen.get(device.id)
      if (first !== undefined)
        context.addIssue({
          code: 'custom',
          path: ['devices', index, 'id'],
          message: `"${device.id}" is already the ID of device ${first + 1}`,
        })
      seen.set(device.id, index)
    }
    for (const role of ['grid-meter', 'battery'] as const) {
      const holders = value.devices.flatMap((device, index) => (device.role === role ? [index] : []))
      if (holders.length > 1)
        context.addIssue({
          code: 'custom',
          path: ['devices', holders[1]!, 'role'],
          message: `only one device can be the ${role}; "${value.devices[holders[0]!]!.id}" is it already`,
        })
      if (role === 'battery' && holders.length > 0 && !value.battery)
        context.addIssue({
          code: 'custom',
          path: ['devices', holders[0]!],
          message: 'a battery needs its limits: add battery: { maxChargeW, maxDischargeW }',
        })
    }
    if (value.battery && value.battery.minSocPercent > value.battery.maxSocPercent)
      context.addIssue({
        code: 'custom',
        path: ['battery', 'minSocPercent'],
        message: 'the reserve is above maxSocPercent',
      })
  })
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
