import { z } from 'zod'
import { fault } from './api.ts'
import { check, checkRun } from './checks.ts'
import { failsafeEntry } from './control.ts'
import { deviceRole } from './site-device.ts'
import { siteLimit } from './site-limits.ts'

/*
 * The handover report: what stands on the site, what was proven and by whom, as JSON, as a page and as PDF. It is written while
 * one works; signing keeps it as it is, with the site's own key.
 *
 * GET    /api/v1/handover/draft          installer  HandoverDraft: what people have typed
 * PUT    /api/v1/handover/draft          installer  HandoverDraft in and out; handover.changed when its revision is not the newest
 * GET    /api/v1/handover                viewer     HandoverReport as it would be signed now
 * GET    /api/v1/handover/preview        viewer     the same as an HTML page
 * POST   /api/v1/handover/sign           installer  SignRequest in, SignedHandover out; kept in workbench/handover
 * GET    /api/v1/handover/signed         viewer     SignedHandovers: those that were kept
 * GET    /api/v1/handover/signed/:file   viewer     one of their files: ID.json, ID.html or ID.pdf
 */

const atMs = z.number().meta({ title: 'Time', unit: 'ms since 1970' })
const name = z.string().max(200)
const sentence = z.string().max(1000)
/** What a person types: one line. */
const line = (longest: number) =>
  z
    .string()
    .trim()
    .max(longest)
    .regex(/^[^\p{C}\p{Zl}\p{Zp}]*$/u, 'one line of visible characters')

export const handoverLanguage = z.enum(['en', 'de'])
export type HandoverLanguage = z.infer<typeof handoverLanguage>

export const handoverPerson = z.strictObject({
  /** Such as commissioning engineer, electrician, operator. */
  role: line(60).min(1).meta({ title: 'Function' }),
  name: line(80).min(1).meta({ title: 'Name' }),
  company: line(80).default('').meta({ title: 'Company' }),
})
export type HandoverPerson = z.infer<typeof handoverPerson>

/** A point that is left to do, and by whom. */
export const openPoint = z.strictObject({
  text: line(400).min(1).meta({ title: 'What is left to do' }),
  who: line(80).default('').meta({ title: 'By whom' }),
})
export type OpenPoint = z.infer<typeof openPoint>

/** PNG or JPEG as a data URL; nothing that could run. */
export const logo = z
  .string()
  .max(300_000)
  .regex(/^data:image\/(png|jpeg);base64,[A-Za-z0-9+/]+={0,2}$/, 'a PNG or JPEG file of at most 220 kB')

export const handoverDraft = z.strictObject({
  /** Grows with each change: the writer of an older one is told so. */
  revision: z.number().int().min(0),
  language: handoverLanguage,
  address: line(200).meta({ title: 'Address of the site' }),
  customer: line(120).meta({ title: 'Customer' }),
  project: line(120).meta({ title: 'Project or order number' }),
  company: line(120).meta({ title: 'Company that hands over' }),
  logo: logo.optional().meta({ title: 'Logo' }),
  people: z.array(handoverPerson).max(20),
  openPoints: z.array(openPoint).max(100),
  remarks: z.string().max(4000).meta({ title: 'Remarks' }),
})
export type HandoverDraft = z.infer<typeof handoverDraft>

export const emptyDraft: HandoverDraft = {
  revision: 0,
  language: 'en',
  address: '',
  customer: '',
  project: '',
  company: '',
  people: [],
  openPoints: [],
  remarks: '',
}

/** A device as it was read, not as it was typed. */
export const handoverDevice = z.strictObject({
  id: name,
  name,
  role: deviceRole,
  simulated: z.boolean(),
  connection: name,
  unitId: z.number().int(),
  vendor: name.optional(),
  model: name.optional(),
  serial: name.optional(),
  firmware: name.optional(),
  /** Where the four above were read: address and raw words. */
  readFrom: z.array(z.strictObject({ point: name, address: z.number().int(), raw: z.string().max(400) })).max(8),
  map: name,
  mapHash: name,
  link: name,
  points: z.strictObject({ total: z.number().int(), good: z.number().int() }),
  /** Signs, commands and points that were verified for this site, with who and when where that is known. */
  verified: z
    .array(
      z.strictObject({
        kind: z.enum(['sign', 'command', 'point']),
        of: name,
        by: name.optional(),
        atMs: atMs.optional(),
        how: sentence.optional(),
      }),
    )
    .max(2000),
})
export type HandoverDevice = z.infer<typeof handoverDevice>

export const handoverBus = z.strictObject({
  /** Canonical address, settings included. */
  name,
  state: name,
  devices: z.number().int(),
  requests: z.number().int(),
  failures: z.number().int(),
  opens: z.number().int(),
  discarded: z.number().int(),
  /** Slowest and median answer of its devices, as last measured. */
  medianMs: z.number().optional(),
  slowestMs: z.number().optional(),
})
export type HandoverBus = z.infer<typeof handoverBus>

/** A write by a person or a check, from the journal. */
export const handoverWrite = z.strictObject({
  seq: z.number().int(),
  atMs,
  principal: name,
  deviceId: name.optional(),
  command: name.optional(),
  value: z.number().optional(),
  outcome: name.optional(),
  detail: sentence.optional(),
})
export type HandoverWrite = z.infer<typeof handoverWrite>

export const handoverParts = [
  'site',
  'devices',
  'buses',
  'maps',
  'settings',
  'checks',
  'failsafe',
  'writes',
  'openPoints',
  'configuration',
] as const
/** One part of the report and whether it says all that it could. */
export const handoverPart = z.strictObject({
  id: z.enum(handoverParts),
  state: z.enum(['ready', 'open']),
  /** Such as 17 of 20. */
  done: z.number().int(),
  total: z.number().int(),
})
export type HandoverPart = z.infer<typeof handoverPart>

export const handoverSignature = z.strictObject({
  name: line(80).min(2).meta({ title: 'Name' }),
  role: line(60).min(1).meta({ title: 'Function' }),
})
export type HandoverSignature = z.infer<typeof handoverSignature>

export const handoverReport = z.strictObject({
  format: z.literal('r-ems-handover/1'),
  createdAtMs: atMs,
  timeZone: name,
  draft: handoverDraft,
  edge: z.strictObject({ id: name, version: name, mode: name }),
  site: z.strictObject({ name, demo: z.boolean() }),
  devices: z.array(handoverDevice).max(2500),
  buses: z.array(handoverBus).max(500),
  settings: z.array(siteLimit).max(5000),
  /** The newest run of each check; with its trace. */
  runs: z.array(checkRun).max(1000),
  /** Checks that nobody has run: they print as such. */
  notExecuted: z
    .array(check.pick({ id: true, title: true, reason: true, kind: true, subjectName: true, command: true }))
    .max(5000),
  failsafe: z.array(failsafeEntry).max(2500),
  /** The newest; `writesLeftOut` older ones are in the journal only. */
  writes: z.array(handoverWrite).max(500),
  writesLeftOut: z.number().int().min(0),
  configuration: z.strictObject({
    siteHash: name,
    generation: z.number().int().optional(),
    /** The generation that a rollback leads to. */
    rollbackTo: z.number().int().optional(),
    maps: z.array(z.strictObject({ id: name, hash: name })).max(500),
    journal: z.strictObject({ seq: z.number().int(), hash: name, ok: z.boolean() }).optional(),
  }),
  faults: z.array(fault).max(200),
  parts: z.array(handoverPart).max(20),
  /** People who have signed; empty until then. */
  signatures: z.array(handoverSignature).max(10),
})
export type HandoverReport = z.infer<typeof handoverReport>

export const signRequest = z.strictObject({
  signatures: z.array(handoverSignature).min(1).max(10),
  /** Parts that are still open and are handed over as they are, by their IDs. */
  acceptedParts: z.array(z.enum(handoverParts)).max(20).default([]),
})
export type SignRequest = z.input<typeof signRequest>

/** What the JSON file of a signed report holds. */
export const signedHandoverFile = z.strictObject({
  format: z.literal('r-ems-signed-handover/1'),
  /** SHA-256 of the public key. */
  keyId: z.string().regex(/^[0-9a-f]{64}$/),
  /** Ed25519, SubjectPublicKeyInfo as base64. */
  publicKey: z.string().max(100),
  /** Base64, over the UTF-8 bytes of `report`. */
  signature: z.string().regex(/^[A-Za-z0-9+/]{86}==$/),
  /** Canonical JSON (RFC 8785) of a HandoverReport. */
  report: z.string().max(40_000_000),
})
export type SignedHandoverFile = z.infer<typeof signedHandoverFile>

export const signedHandover = z.strictObject({
  /** Name of its files without their endings. */
  id: z.string().regex(/^\d{8}-\d{6}(-\d+)?$/),
  createdAtMs: atMs,
  signatures: z.array(handoverSignature).max(10),
  keyId: z.string(),
  /** Of the JSON file. */
  sha256: z.string(),
})
export type SignedHandover = z.infer<typeof signedHandover>
export const signedHandovers = z.strictObject({ reports: z.array(signedHandover).max(200) })
export type SignedHandovers = z.infer<typeof signedHandovers>
