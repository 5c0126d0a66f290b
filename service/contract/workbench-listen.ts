import { z } from 'zod'
import { serialSettings } from './workbench-scan.ts'

/** What listening to a bus, or reading a recorded one, has brought. Nothing was sent for it. */

const atMs = z.number().meta({ title: 'Time', unit: 'ms since 1970' })
const count = z.number().int().min(0)
const unitId = z.number().int().min(0).max(255)
const word = z.number().int().min(0).max(65_535)
const exceptions = z.record(z.string().regex(/^\d{1,3}$/), count)

const endpoint = z.strictObject({ host: z.string(), port: z.number().int() })

export const heardFrame = z.strictObject({
  number: count,
  atMs,
  endMs: atMs,
  framing: z.enum(['rtu', 'tcp', 'givenergy']),
  /** The two ends of a recorded TCP connection. */
  conversation: z.strictObject({ client: endpoint, server: endpoint }).optional(),
  /** `unknown`: a valid frame that could be either; it is never guessed. `rejected`: bytes that are no frame. */
  role: z.enum(['request', 'answer', 'exception', 'unknown', 'rejected']),
  unitId: unitId.optional(),
  fc: z.number().int().optional(),
  exception: z.number().int().optional(),
  address: word.optional(),
  count: count.optional(),
  values: z.array(z.number()).optional(),
  /** Of an answer: `number` of its request. */
  answers: count.optional(),
  /** Of rejected bytes: why, in words. */
  note: z.string().optional(),
  hex: z.string(),
})
export type HeardFrame = z.infer<typeof heardFrame>

export const heardUnit = z.strictObject({
  /** Of a recorded TCP connection. */
  server: endpoint.optional(),
  unitId,
  asked: count,
  answered: count,
  exceptions,
  unanswered: count,
  crcErrors: count,
  turnaroundMs: z.strictObject({ median: z.number(), p95: z.number() }).optional(),
  lastHeardMs: atMs,
  /** Likeliest first. */
  candidates: z.array(
    z.strictObject({
      map: z.string(),
      vendor: z.string(),
      model: z.string(),
      confidence: z.number().min(0).max(1),
      evidence: z.array(z.string()),
    }),
  ),
})
export type HeardUnit = z.infer<typeof heardUnit>

/** One block of registers or bits that the other client reads or writes. */
export const heardBlock = z.strictObject({
  server: endpoint.optional(),
  unitId,
  fc: z.number().int(),
  access: z.enum(['read', 'write']),
  address: word,
  count,
  asked: count,
  answered: count,
  exceptions,
  periodMs: z.number().optional(),
  jitterMs: z.number().optional(),
  firstAtMs: atMs,
  lastAtMs: atMs,
  /** Newest values; empty before the first answer. */
  last: z.array(z.number()),
  changes: count,
  writes: z.array(
    z.strictObject({
      atMs,
      values: z.array(z.number()),
      result: z.enum(['answered', 'exception', 'unanswered']),
    }),
  ),
  proposed: z.array(
    z.strictObject({
      name: z.string(),
      title: z.string(),
      address: word,
      value: z.union([z.number(), z.string(), z.array(z.string())]).optional(),
      unit: z.string(),
      map: z.string(),
      confidence: z.number().min(0).max(1),
      reason: z.string(),
    }),
  ),
})
export type HeardBlock = z.infer<typeof heardBlock>

export const listenResult = z.strictObject({
  kind: z.literal('listen'),
  source: z.string(),
  live: z.boolean(),
  /** Of the port; null for a file. */
  settings: serialSettings.nullable(),
  startedAtMs: atMs,
  durationMs: z.number(),
  bytes: count,
  /** By construction: there is nothing to send with. */
  sentBytes: z.literal(0),
  quietMs: z.number(),
  /** In one sentence. */
  summary: z.string(),
  frames: z.strictObject({
    requests: count,
    answers: count,
    exceptions: count,
    unknown: count,
    rejected: count,
    rejectedBytes: count,
    crcErrors: count,
  }),
  pairs: count,
  units: z.array(heardUnit),
  /** By unit, function and address. */
  map: z.array(heardBlock),
  mapLeftOut: count,
  /** Recorded connections on which something else than Modbus was spoken. */
  foreignConnections: count,
  /** Newest, oldest first. */
  recentFrames: z.array(heardFrame),
  end: z.strictObject({ complete: z.boolean(), reason: z.string().optional() }).optional(),
  /** Whether the recorded frames can be had as pcapng. */
  capture: z.boolean(),
})
export type ListenResult = z.infer<typeof listenResult>
