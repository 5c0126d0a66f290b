import { z } from 'zod'
import { registerFunction } from './api.ts'
import { pointName } from './metrics.ts'
import { mapId } from './site-device.ts'

/**
 * Format v1 of pointmaps/<maker>/<model>.yaml. Addresses are zero-based, as on the wire. Signs are converted here,
 * so that nothing downstream negates: grid > 0 import, battery > 0 discharge, PV >= 0, loads >= 0.
 */

/** What kind of device a map describes. */
export const deviceKind = z.enum([
  'pv-inverter',
  'hybrid-inverter',
  'battery',
  'bms',
  'meter',
  'ev-charger',
  'weather-station',
  'tracker',
  'wind-turbine',
  'generator',
  'heat-pump',
  'relay',
  'gateway',
])

export type DeviceKind = z.infer<typeof deviceKind>

/**
 * Register types. `string:N`, `bcd:N` and `bytes:N` take N registers; `bit:B` is bit B (0 = lowest) of one register.
 * `date-time` is yy mm dd hh mi ss in the bytes of 3 registers, `date-time:6` the same with one register each,
 * `date-time:2` seconds since 1970.
 */
export const pointType = z
  .string()
  .regex(
    /^(u?int(8h|8l|16|32|48|64)|float(32|64)|acc(16|32|64)|enum(16|32)|flags(16|32|64)|sunssf|bool|ipv4|ipv6|eui48|date-time(:[26])?|string:([1-9]|[1-9]\d|1[01]\d|12[0-5])|bytes:([1-9]|[1-5]\d|6[0-4])|bcd:[1-8]|bit:(\d|1[0-5]))$/,
    'not a register type; see pointmaps/README.md for the list',
  )

/** Order of 16-bit words in a value that spans several: big = high word first (ABCD), little = low word first (CDAB). */
export const wordOrder = z.enum(['big', 'little'])
/** Order of the bytes inside each word: big (AB) or little (BA). */
export const byteOrder = z.enum(['big', 'little'])

export const confidence = z.enum(['verified', 'cited', 'field-knowledge'])

const address = z.number().int().min(0).max(65_535)
const scale = z
  .number()
  .refine((value) => value !== 0 && Number.isFinite(value), 'must be a finite number other than 0')

const modelNumber = z.number().int().min(1).max(65_534)

/** A point inside a SunSpec model: found by walking, wherever the device keeps that model. */
export const sunspecPlace = z.strictObject({
  /** Model number; of several, the first that the device has (integer and float models name their points alike). */
  model: z.union([modelNumber, z.array(modelNumber).min(2).max(8)]),
  /** Name of the point inside the model. */
  point: z.string().min(1).max(40),
  /** 0-based repetition of the model's repeating group, when the point is in it. */
  group: z.number().int().min(0).max(200).optional(),
  /** Which one, when a device has the model several times (0 = first). */
  instance: z.number().int().min(0).max(50).optional(),
})

const place = {
  /** Zero-based wire address. Two or more addresses when the registers of one value are not adjacent, highest word first. */
  address: z.union([address, z.array(address).min(2).max(4)]).optional(),
  sunspec: sunspecPlace.optional(),
  function: registerFunction.optional(),
  type: pointType.optional(),
  wordOrder: wordOrder.optional(),
  byteOrder: byteOrder.optional(),
  /** value = (raw * scale * 10^scaleFactor) + offset. A negative scale turns the device's sign into ours. */
  scale: scale.optional(),
  /** Address of the register (sunssf) that holds the power of ten, read together with the value. */
  scaleFactor: address.optional(),
  /** Address of the register (int16) that holds the number of decimals instead: the power of ten is its negative. */
  decimals: address.optional(),
  offset: z.number().optional(),
} as const

export const point = z
  .strictObject({
    ...place,
    /** Unit the device counts in, after scale. Converted to the SI unit of the metric, which is also the default. */
    unit: z.string().max(12).optional(),
    title: z.string().max(80).optional(),
    /** Raw register values that mean "not available", such as 0xFFFF or -32768; as text ('0x80…') beyond 53 bits. */
    sentinels: z
      .array(z.union([z.number().int(), z.string().regex(/^0x[0-9a-fA-F]{1,16}$/, 'hexadecimal, such as 0xFFFF')]))
      .max(16)
      .optional(),
    /**
     * Whether the SunSpec "not implemented" value of the type (int16 0x8000, uint16 0xFFFF …) means not available.
     * Default: true for SunSpec points and for acc, sunssf and address types, false for plain integers.
     */
    typeSentinels: z.boolean().optional(),
    /** Raw number -> word, for enum, bool and bit types. */
    values: z.record(z.string().regex(/^\d+$/), z.string().max(64)).optional(),
    /** Bit number -> word, for flag types. */
    bits: z.record(z.string().regex(/^\d+$/), z.string().max(64)).optional(),
    /** Values outside are refused as implausible (quality bad). In the unit of the metric; default: the metric's range. */
    range: z.tuple([z.number(), z.number()]).optional(),
    pollGroup: z.enum(['fast', 'normal', 'slow', 'once']).optional(),
    /** For values whose sign is in another register: negative when that point has this value, whatever sign was sent. */
    negativeWhen: z.strictObject({ point: pointName, equals: z.union([z.number(), z.string()]) }).optional(),
    /** Why this point shares registers with another one; refused without. Parts of one register need no reason. */
    overlapReason: z.string().min(3).max(200).optional(),
    confidence: confidence.optional(),
    note: z.string().max(400).optional(),
    source: z.string().max(200).optional(),
  })
  .meta({ title: 'Point' })
export type MapPoint = z.infer<typeof point>
export type SunspecPlace = z.infer<typeof sunspecPlace>

/** A value computed from points of the same device; not measured when one of them is not. */
export const derivedPoint = z.strictObject({
  /** Points and factors: value = sum(point * factor). */
  sum: z
    .array(z.strictObject({ point: pointName, factor: z.number().optional() }))
    .min(1)
    .max(24)
    .optional(),
  /** Points whose product it is. */
  product: z.array(pointName).min(2).max(4).optional(),
  scale: scale.optional(),
  title: z.string().max(80).optional(),
  note: z.string().max(400).optional(),
})
export type DerivedPoint = z.infer<typeof derivedPoint>

/** One register write of a command. Its raw value is (value - offset) / scale / 10^scaleFactor. */
export const commandWrite = z.strictObject({
  ...place,
  address: address.optional(),
  function: z.enum(['holding', 'coil']).optional(),
  /** A constant, the command's value (`$value`) or its size without sign (`$magnitude`), or how long it may live (`$expiryS`). */
  value: z.union([z.number(), z.literal('$value'), z.literal('$magnitude'), z.literal('$expiryS')]),
  /** The register counts percent of this point, which is in the unit of the command: setpoints relative to a rating. */
  percentOf: pointName.optional(),
  /** Only for values of these signs: devices with separate registers, or a direction, for charging and discharging. */
  when: z
    .array(z.enum(['negative', 'zero', 'positive']))
    .min(1)
    .max(2)
    .optional(),
  /** FC06 or FC16 where the device takes only one of them; automatic otherwise. */
  with: z.enum(['single', 'multiple']).optional(),
})
export type CommandWrite = z.infer<typeof commandWrite>

/** Names of the commands automatic control and people know. */
export const commandName = z.enum([
  'setPowerW', // battery or inverter active power, > 0 discharges or feeds in
  'limitPowerW', // upper limit of generated or consumed power
  'limitPowerPercent', // upper limit of generated power, of the rated power
  'setCurrentA', // charging current per phase
  'setPhases', // phases to charge on, 1 or 3
  'limitChargeW',
  'limitDischargeW',
  'setReservePercent',
  'switchOn', // 1 on, 0 off
])
export type CommandName = z.infer<typeof commandName>

const limitSource = z.union([z.number(), z.strictObject({ point: pointName, factor: z.number().optional() })])

export const command = z
  .strictObject({
    title: z.string().max(80).optional(),
    unit: z.string().max(12),
    /** Allowed values, in `unit`: numbers, or a point of the device times a factor. A command without limits is refused. */
    limits: z.strictObject({ min: limitSource, max: limitSource }),
    /** Smallest difference the device can express. */
    step: z.number().positive().optional(),
    /** What is written, in this order. */
    writes: z.array(commandWrite).min(1).max(8),
    /** What is written to give control back to the device, in this order. */
    release: z.array(commandWrite).max(8).optional(),
    /** The point that shows the setpoint in force, for read-back and for the first move after a start (S7). */
    readBack: z
      .strictObject({
        point: pointName,
        tolerance: z.number().min(0),
        withinMs: z.number().int().min(0).max(60_000).default(1000),
      })
      .optional(),
    /** A measured point that must follow; without effect the command is reported and not repeated for ever. */
    effect: z
      .strictObject({ point: pointName, tolerance: z.number().min(0), withinMs: z.number().int().min(0).max(600_000) })
      .optional(),
    /**
     * How the setpoint dies with us (S3).
     *   reversion: the device counts down `seconds` from each write and falls back to `fallback`
     *   watchdog: the device falls back when no request (or no `heartbeat` write) comes for `seconds`
     *   none: it is held for ever, so only values that are safe for ever may be written
     */
    expiry: z.discriminatedUnion('kind', [
      z.strictObject({
        kind: z.literal('reversion'),
        seconds: z.number().int().min(1).max(3600),
        fallback: z.string().max(120),
      }),
      z.strictObject({
        kind: z.literal('watchdog'),
        seconds: z.number().int().min(1).max(3600),
        heartbeat: z.array(commandWrite).max(4).optional(),
        fallback: z.string().max(120),
      }),
      z.strictObject({ kind: z.literal('none') }),
    ]),
    /** Written when the inputs a setpoint depends on are missing (S5). */
    safeValue: z.union([z.number(), z.literal('release')]),
    /** Non-volatile registers wear out: written only on change, with a daily budget. */
    storage: z.enum(['volatile', 'non-volatile']),
    dailyWrites: z.number().int().min(1).max(100_000).optional(),
    confidence: confidence.optional(),
    note: z.string().max(400).optional(),
    source: z.string().max(200).optional(),
  })
  .meta({ title: 'Command' })
export type MapCommand = z.infer<typeof command>

/** A read-only question whose answer tells whether this is the device. */
export const identityProbe = z.strictObject({
  ...place,
  /** Any of these must hold. For text, `matches` is a regular expression without look-around. */
  equals: z.union([z.number(), z.string()]).optional(),
  oneOf: z
    .array(z.union([z.number(), z.string()]))
    .max(64)
    .optional(),
  range: z.tuple([z.number(), z.number()]).optional(),
  matches: z.string().max(120).optional(),
  /** Unit ID to ask, when it is not the device's own. */
  unitId: z.number().int().min(0).max(255).optional(),
  /** How much a match says, 0..1: a vendor's name 0.6, a serial pattern 0.4, a plausible mains voltage 0.1. */
  weight: z.number().min(0).max(1),
  /** The sentence shown as evidence. `{value}` is replaced by what was read. */
  evidence: z.string().max(200),
})

const registerRange = z.tuple([address, address])

/** What must be respected on the wire. All of it is data; no code knows a model of device. */
export const quirks = z.strictObject({
  /** Silence after connecting before the first request. */
  connectDelayMs: z.number().int().min(0).max(10_000).optional(),
  /** Silence between an answer and the next request. */
  requestGapMs: z.number().int().min(0).max(10_000).optional(),
  /** Time allowed to the first byte of an answer. */
  timeoutMs: z.number().int().min(10).max(30_000).optional(),
  /** Most registers per read. */
  maxReadRegisters: z.number().int().min(1).max(125).optional(),
  /** Most coils or discrete inputs per read. */
  maxReadBits: z.number().int().min(1).max(2000).optional(),
  /** Most registers of no interest to read along, to save a request. */
  maxGapRegisters: z.number().int().min(0).max(124).optional(),
  /** Ranges (first and last address) that no block may touch. */
  holes: z.array(registerRange).max(200).optional(),
  /** Ranges with side effects on reading: no scan touches them. */
  noScanRanges: z.array(registerRange).max(100).optional(),
  /** Most requests under way at once on one TCP connection. */
  pipeline: z.number().int().min(1).max(16).optional(),
  /** Accepts one TCP client: connect, work, disconnect. */
  singleClient: z.boolean().optional(),
  /** The device closes a connection that was idle this long; we close first. */
  idleCloseMs: z.number().int().min(100).max(3_600_000).optional(),
  /** The first request after connecting is lost. */
  firstAnswerLost: z.boolean().optional(),
  /** Frames on TCP: modbus-tcp (MBAP), or RTU frames with CRC. */
  framing: z.enum(['modbus-tcp', 'rtu-over-tcp']).optional(),
  /** Writes with FC06 only, or FC16 only. */
  writeFunction: z.enum(['single', 'multiple']).optional(),
  /** Answers whatever unit ID it is asked as. */
  ignoresUnitId: z.boolean().optional(),
  /** Anything else a person must know, shown in words. */
  notes: z.array(z.string().max(300)).max(20).optional(),
})
export type Quirks = z.infer<typeof quirks>

const serialFormat = z.string().regex(/^[78][NEO][12]$/, 'data bits, parity and stop bits, such as 8N1')

export const pointMap = z
  .strictObject({
    format: z.literal(1),
    maker: z.string().min(1).max(60),
    model: z.string().min(1).max(120),
    kind: deviceKind,
    /** Another map whose keys this one inherits and overrides point by point. `null` removes an inherited point, derived point or command. */
    extends: mapId.optional(),
    connection: z
      .strictObject({
        tcp: z.strictObject({ port: z.number().int().min(1).max(65_535) }).optional(),
        rtu: z.strictObject({ baud: z.number().int().min(300).max(1_000_000), format: serialFormat }).optional(),
        unitId: z.number().int().min(0).max(255).optional(),
      })
      .optional(),
    quirks: quirks.optional(),
    identify: z.array(identityProbe).max(20).optional(),
    /** Used where a point does not say otherwise. */
    defaults: z
      .strictObject({
        function: registerFunction.optional(),
        type: pointType.optional(),
        wordOrder: wordOrder.optional(),
        byteOrder: byteOrder.optional(),
        pollGroup: z.enum(['fast', 'normal', 'slow', 'once']).optional(),
        typeSentinels: z.boolean().optional(),
        confidence: confidence.optional(),
      })
      .optional(),
    /** Period of each poll group. fast defaults to the control cycle, normal to 5 s, slow to 60 s; once is read after connecting. */
    poll: z
      .strictObject({
        fastMs: z.number().int().min(100).max(60_000).optional(),
        normalMs: z.number().int().min(100).max(600_000).optional(),
        slowMs: z.number().int().min(1000).max(86_400_000).optional(),
      })
      .optional(),
    points: z.record(pointName, point.nullable()),
    derived: z.record(pointName, derivedPoint.nullable()).optional(),
    commands: z.partialRecord(commandName, command.nullable()).optional(),
    sources: z
      .array(z.strictObject({ text: z.string().max(300), confidence }))
      .max(30)
      .optional(),
    notes: z.array(z.string().max(400)).max(20).optional(),
  })
  .meta({
    title: 'R-EMS point map',
    description: 'Describes one model of device: how to recognise, read and command it.',
  })
export type PointMap = z.infer<typeof pointMap>
