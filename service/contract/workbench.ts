import { z } from 'zod'
import { mapId } from './site-device.ts'
import { workbenchResult } from './workbench-results.ts'
import { scanProgress, serialAdapter, serialSettings } from './workbench-scan.ts'

/**
 * The workbench: getting to know a bus and its devices, through the service, wherever that runs. It only reads. What it
 * finds is kept as plain files in the site folder.
 */

const atMs = z.number().meta({ title: 'Time', unit: 'ms since 1970' })
const ms = (title: string) => z.number().min(0).meta({ title, unit: 'ms' })
const unitId = z.number().int().min(0).max(255).meta({ title: 'Unit ID' })
const register = z.number().int().min(0).max(65_535)
/** One line of text from outside that is shown and kept. */
const line = (longest: number) =>
  z
    .string()
    .max(longest)
    .regex(/^[^\p{C}\p{Zl}\p{Zp}]+$/u, 'one line of visible characters')

export const portPath = z
  .string()
  .max(200)
  .regex(/^(\/[^\s?]+|COM\d{1,4})$/i, 'the path of a serial port, such as /dev/ttyUSB0 or COM3')
  .meta({ title: 'Serial port' })

/** A bus with everything that is needed to talk on it. */
export const busAddress = z
  .string()
  .max(300)
  .regex(
    /^(tcp|rtutcp|rtu):\/\/\S+$/,
    'expected tcp://HOST[:PORT], rtutcp://HOST:PORT or rtu:///dev/PATH?baud=9600&parity=N&stopbits=1',
  )
  .meta({ title: 'Bus' })

/** A serial port of the machine that the service runs on. */
export const workbenchPort = serialAdapter.extend({
  /** False when it was pulled out, or a path that was typed in leads nowhere. */
  present: z.boolean(),
  /** Typed in by a person. */
  manual: z.boolean(),
  /** The bus of the site that the service polls on it; null when it has none. */
  heldAs: z.string().nullable(),
})
export type WorkbenchPort = z.infer<typeof workbenchPort>
export const workbenchPorts = z.strictObject({ ports: z.array(workbenchPort) })
export type WorkbenchPorts = z.infer<typeof workbenchPorts>
export const newPort = z.strictObject({ path: portPath })

export const cidr = z
  .string()
  .max(18)
  .regex(/^\d{1,3}(\.\d{1,3}){3}\/\d{1,2}$/, 'such as 192.168.1.0/24')
  .meta({ title: 'Range' })

const tcpPort = z.number().int().min(1).max(65_535)

/** A recorded file under captures/ in the workbench folder. */
export const captureName = z
  .string()
  .regex(/^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,79}$/u, 'a file name of letters, digits, dots, dashes or spaces')
  .meta({ title: 'File name' })

/** What the workbench can do; one job at a time per bus. */
export const jobRequest = z.discriminatedUnion('kind', [
  /** Sends nothing. Without settings it finds them from the traffic. */
  z.strictObject({
    kind: z.literal('listen'),
    port: portPath,
    settings: serialSettings.optional(),
    seconds: z.number().int().min(1).max(86_400).default(3600).meta({ title: 'At most', unit: 's' }),
  }),
  /** The same with a recorded file. */
  z.strictObject({ kind: z.literal('replay'), file: captureName }),
  /** Finds the settings of a line: listens, then asks likely units under likely settings. */
  z.strictObject({ kind: z.literal('settings'), port: portPath }),
  z.strictObject({
    kind: z.literal('units'),
    bus: busAddress.meta({ description: 'A serial port without settings: they are found out' }),
    thorough: z.boolean().default(false).meta({ description: 'Also waits for units that take a second to answer' }),
  }),
  z.strictObject({
    kind: z.literal('subnet'),
    range: cidr.optional().meta({ description: 'Without one: the networks of this machine' }),
    ports: z.array(tcpPort).min(1).max(16).optional().meta({ description: 'Without them: 502' }),
    foreign: z.boolean().default(false).meta({ description: 'Also a network that this machine is not part of' }),
    /** A scan connects to everything it finds: a device with a single client may drop the one it has. */
    understood: z.literal(true).meta({ description: 'The person has read the warning' }),
  }),
  z.strictObject({
    kind: z.literal('registers'),
    bus: busAddress,
    unitId,
    /** The function that reads: 1 coils, 2 discrete inputs, 3 holding, 4 input registers. */
    fn: z.literal([1, 2, 3, 4]).default(3),
    from: register.default(0),
    to: register.default(59_999),
  }),
  z.strictObject({
    kind: z.literal('identify'),
    bus: busAddress,
    unitIds: z.array(unitId).min(1).max(256),
  }),
])
export type JobRequest = z.infer<typeof jobRequest>
export type JobKind = JobRequest['kind']

export const jobId = z
  .string()
  .max(60)
  .regex(/^[0-9]{8}-[0-9]{6}-[a-z]+(-[0-9]+)?$/)
  .meta({ title: 'Job' })

export const jobState = z.enum(['running', 'done', 'stopped', 'failed', 'interrupted'])
export type JobState = z.infer<typeof jobState>

export const jobProgress = scanProgress.extend({
  elapsedMs: ms('Gone'),
  /** What the whole would take at the very least, with the answer times that were measured; null before they were. */
  floorMs: ms('Floor').nullable(),
})
export type JobProgress = z.infer<typeof jobProgress>

export const jobProblem = z.strictObject({ message: z.string(), action: z.string().optional() })

/** A piece of work of the workbench, without what it found. */
export const jobSummary = z.strictObject({
  id: jobId,
  request: jobRequest,
  /** The port, connection or network that it works on, for people. */
  place: z.string(),
  state: jobState,
  /** Why it ended early. */
  problem: jobProblem.optional(),
  startedBy: z.string(),
  startedAtMs: atMs,
  endedAtMs: atMs.optional(),
  progress: jobProgress,
  /** It can go on where it was. */
  resumable: z.boolean(),
  /** Requests that were sent. */
  requests: z.number().int().min(0),
})
export type JobSummary = z.infer<typeof jobSummary>

export const job = jobSummary.extend({ result: workbenchResult.optional() })
export type Job = z.infer<typeof job>

export const leaseRequest = z.strictObject({
  bus: busAddress,
  minutes: z.number().int().min(1).max(60).default(10),
  reason: line(200),
})
export type LeaseRequest = z.infer<typeof leaseRequest>

/** A bus of the site that is lent to the workbench: nobody polls or controls on it until then. */
export const lease = z.strictObject({
  id: z.string().max(40),
  bus: z.string(),
  reason: z.string(),
  heldBy: z.string(),
  sinceMs: atMs,
  untilMs: atMs,
  /** It ends then unless it is renewed: whoever borrowed has gone. */
  renewByMs: atMs,
  /** Devices that were given back control and read back before. */
  released: z.array(z.string()),
})
export type Lease = z.infer<typeof lease>

/** A bus that the service polls, and whether it may be borrowed. */
export const heldBus = z.strictObject({
  bus: z.string(),
  devices: z.array(z.string()),
  /** Why it cannot be lent now. */
  notLendable: z.string().optional(),
  /** Why nothing may be scanned on it while the service holds it. */
  notScannable: z.string().optional(),
})
export type HeldBus = z.infer<typeof heldBus>

/** A unit that a person accepted as a device of this site. */
export const foundDevice = z.strictObject({
  bus: busAddress,
  unitId,
  name: line(60),
  map: mapId.optional().meta({ title: 'Point map' }),
  vendor: line(80).optional(),
  model: line(80).optional(),
  serial: line(80).optional(),
  firmware: line(80).optional(),
  confidence: z.number().min(0).max(1).optional(),
  evidence: z.array(z.string().max(300)).max(20).default([]),
})
export type FoundDevice = z.infer<typeof foundDevice>
export const acceptedDevice = foundDevice.extend({ acceptedAt: z.iso.datetime(), acceptedBy: z.string() })
export type AcceptedDevice = z.infer<typeof acceptedDevice>
/** devices-found.yaml in the workbench folder of a site. */
export const foundDevices = z.strictObject({ devices: z.array(acceptedDevice).max(2000) })

/** Everything about the workbench but what its jobs found. */
export const workbench = z.strictObject({
  /** Where its files are, on the machine of the service. */
  folder: z.string(),
  /** Newest first. */
  jobs: z.array(jobSummary),
  leases: z.array(lease),
  heldBuses: z.array(heldBus),
  found: z.array(acceptedDevice),
  /** Settings that lines usually have, the most frequent first. */
  likelySettings: z.array(serialSettings),
})
export type Workbench = z.infer<typeof workbench>
