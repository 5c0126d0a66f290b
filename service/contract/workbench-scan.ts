import { z } from 'zod'

/**
 * What the workbench finds out about ports, buses, networks and registers. Results are plain data: they are kept in the
 * site folder, exported, and given back to a scan that goes on where another one ended.
 */

const unitId = z.number().int().min(0).max(255).meta({ title: 'Unit ID' })
const address = z.number().int().min(0).max(65_535).meta({ title: 'Address, zero-based' })
const milliseconds = z.number().min(0)
const count = z.number().int().min(0)
const sentence = z.string().max(1000)

/** How characters are sent on a serial line; always eight data bits. */
export const serialSettings = z.strictObject({
  baud: z.number().int().min(300).max(1_000_000),
  parity: z.enum(['none', 'even', 'odd']),
  stopBits: z.literal([1, 2]),
})
export type SerialSettings = z.infer<typeof serialSettings>

/** A serial port and what is behind it; null where that is not known. */
export const serialAdapter = z.strictObject({
  /** To open it by. */
  path: z.string().max(300),
  /** The name that stays the same when adapters are plugged in another order. */
  byIdPath: z.string().max(300).nullable(),
  kind: z.enum(['usb', 'uart', 'terminal']),
  vendorId: z.string().max(4).nullable(),
  productId: z.string().max(4).nullable(),
  vendor: z.string().max(200).nullable(),
  product: z.string().max(200).nullable(),
  serial: z.string().max(200).nullable(),
  driver: z.string().max(100).nullable(),
  /** As the port is set now. */
  settings: serialSettings.nullable(),
  /** How long the adapter may hold an answer back. */
  latencyMs: milliseconds.nullable().meta({ title: 'Latency', unit: 'ms' }),
})
export type SerialAdapter = z.infer<typeof serialAdapter>

/** What became of the wish to lower the latency of an adapter. */
export const latencyOutcome = z.strictObject({
  latencyMs: milliseconds.nullable(),
  /** True when it is at its least now. */
  lowered: z.boolean(),
  /** What happened, or the command that an administrator has to run. */
  text: sentence,
})
export type LatencyOutcome = z.infer<typeof latencyOutcome>

/** What a device may be, as r-emsctl identify prints it; null where it is not known. */
export const scanCandidate = z.strictObject({
  unitId,
  map: z.string().nullable(),
  vendor: z.string().nullable(),
  model: z.string().nullable(),
  serial: z.string().nullable(),
  firmware: z.string().nullable(),
  confidence: z.number().min(0).max(1),
  /** In words, the strongest first. */
  evidence: z.array(z.string()),
})
export type ScanCandidate = z.infer<typeof scanCandidate>

export const scannedUnit = z.strictObject({
  unitId,
  /** `two-devices`: what comes is damaged again and again, as when two answer at once. */
  status: z.enum(['present', 'busy', 'two-devices']),
  /** From the end of the request to the first byte of the answer. */
  latencyMs: milliseconds.nullable().meta({ title: 'Latency', unit: 'ms' }),
  /** What it answered with, in words. */
  answer: z.string(),
  /** Likeliest first; null before it was identified. */
  candidates: z.array(scanCandidate).nullable(),
  /** Other unit IDs under which the same device answers. */
  alsoUnitIds: z.array(unitId),
  notes: z.array(sentence),
})
export type ScannedUnit = z.infer<typeof scannedUnit>

/** How a scan ended. Anything but `complete` can be resumed. */
export const scanState = z.enum([
  'complete',
  'cancelled',
  /** Bytes came that nobody here asked for. */
  'foreign-traffic',
  /** Damaged answers again and again. */
  'line-errors',
  /** The port or connection did not open, or is gone. */
  'closed',
])
export type ScanState = z.infer<typeof scanState>

const common = {
  state: scanState,
  /** Why it ended before its end; null when it did not. */
  reason: sentence.nullable(),
  startedAtMs: z.number(),
  /** Of all runs together. */
  elapsedMs: milliseconds,
  /** The least that the same work takes with the latency that was measured. */
  floorMs: milliseconds,
  requests: count,
  notes: z.array(sentence),
}

/** Unit IDs that were asked and kept silent, by the time that they were given. */
const silentGroup = z.strictObject({ waitedMs: milliseconds, unitIds: z.array(unitId) })

export const unitScan = z.strictObject({
  kind: z.literal('units'),
  /** Canonical address. */
  bus: z.string().max(300),
  /** Null where there is no serial line of our own, or its settings were not found. */
  settings: serialSettings.nullable(),
  ...common,
  thorough: z.boolean(),
  /** What was heard before and between our own requests. */
  heard: z.strictObject({ quietMs: milliseconds, bytes: count, text: sentence }),
  units: z.array(scannedUnit),
  silent: z.array(silentGroup),
  /** IDs at which a slow device could still be: never asked, or not given time enough. */
  notExcluded: z.array(unitId),
  /** Time allowed to the first byte at the end. */
  timeoutMs: milliseconds,
  /** Time spent on finding out what the units are, beside elapsedMs. */
  identifyMs: milliseconds,
})
export type UnitScan = z.infer<typeof unitScan>

export const scannedEndpoint = z.strictObject({
  bus: z.string().max(300),
  host: z.string().max(100),
  port: z.number().int().min(1).max(65_535),
  /** `silent`: takes connections, but answers nothing; `other`: talks, but not Modbus; `held`: in use by this service. */
  status: z.enum(['modbus', 'silent', 'other', 'held', 'reset']),
  latencyMs: milliseconds.nullable(),
  text: sentence,
})
export type ScannedEndpoint = z.infer<typeof scannedEndpoint>

/** What a host of the network says about itself by mDNS. A hint: anybody can announce anything. */
export const announcedService = z.strictObject({
  name: z.string().max(100),
  /** Type of the service, as _modbus._tcp. */
  service: z.string().max(60),
  host: z.string().max(100),
  port: z.number().int().min(1).max(65_535),
})
export type AnnouncedService = z.infer<typeof announcedService>

export const networkScan = z.strictObject({
  kind: z.literal('network'),
  /** The ranges that were scanned, in words. */
  bus: z.string().max(1000),
  settings: z.null(),
  ...common,
  ranges: z.array(z.string()),
  ports: z.array(z.number().int()),
  /** What a connection may do, to be shown beforehand. */
  warning: sentence,
  endpoints: z.array(scannedEndpoint),
  units: z.array(scannedUnit.extend({ bus: z.string() })),
  /** Of hosts in the ranges, in their order. Results of earlier versions have none. */
  announced: z.array(announcedService).max(400).default([]),
  /** Endpoints that take connections but did not say what they are. */
  notExcluded: z.array(z.string()),
  /** Endpoints asked so far, in the order of the ranges; the next run begins there. */
  asked: count,
  total: count,
})
export type NetworkScan = z.infer<typeof networkScan>

export const registerStatus = z.enum([
  'value',
  /** A long run of one value that stands for nothing, such as 0xFFFF. */
  'sentinel',
  'illegal-address',
  'other-exception',
  'silence',
  /** Excluded by the map of the device or by the request. */
  'skipped',
])
export type RegisterStatus = z.infer<typeof registerStatus>

/** Neighbouring addresses of one kind. */
export const registerSpan = z.strictObject({
  address,
  count: z.number().int().min(1).max(65_536),
  status: registerStatus,
  /** One per address of a value or sentinel, else empty. */
  words: z.array(z.number().int().min(0).max(65_535)),
  /** Exception code; null when there was none. */
  code: z.number().int().nullable(),
  /** True where not each address of the span was asked, only one at every stride. */
  inferred: z.boolean(),
})
export type RegisterSpan = z.infer<typeof registerSpan>

export const registerScan = z.strictObject({
  kind: z.literal('registers'),
  bus: z.string().max(300),
  unitId,
  fn: z.literal([1, 2, 3, 4]),
  from: address,
  to: address,
  ...common,
  /** Distance of the addresses that are asked where nothing is: every island of so many registers is found. 1 asks all. */
  stride: z.number().int().min(1).max(1000),
  /** Most registers that the device gives at once; null while unknown. */
  largestBlock: z.number().int().min(1).nullable(),
  /** In order, without gaps, from `from` to the last address that was looked at. */
  spans: z.array(registerSpan),
  /** First address that was not looked at; `to` + 1 at the end. */
  next: z.number().int().min(0).max(65_536),
})
export type RegisterScan = z.infer<typeof registerScan>

export const scanResult = z.discriminatedUnion('kind', [unitScan, networkScan, registerScan])
export type ScanResult = z.infer<typeof scanResult>

export const scanProgress = z.strictObject({
  phase: z.enum(['listen', 'settings', 'units', 'thorough', 'identify', 'network', 'registers']),
  done: count,
  total: count,
  /** Expected from what was measured so far; null before anything was. */
  leftMs: milliseconds.nullable(),
  text: sentence,
})
export type ScanProgress = z.infer<typeof scanProgress>
