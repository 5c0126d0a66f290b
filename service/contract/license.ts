import { z } from 'zod'
import { licenseFormat, maxLicenseLength } from './license-format.ts'

/** What a licence may allow. Everything else is free. */
export const licenseFeature = z.enum(['economic-control', 'redundancy', 'fleet'])
export type LicenseFeature = z.infer<typeof licenseFeature>

/** A limit of how large a licensed site may be. */
export const licenseLimit = z.enum(['devices', 'chargePoints', 'grids'])
export type LicenseLimit = z.infer<typeof licenseLimit>

export const licenseId = z.string().regex(/^[A-Z0-9][A-Z0-9-]{2,39}$/, 'capital letters, digits and hyphens')
export const licenseKeyId = z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'small letters, digits and hyphens')

const invisible = /[\p{C}\p{Zl}\p{Zp}]/u
const latin = /\p{Script=Latin}/u
const lookalike = /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Cherokee}\p{Script=Coptic}]/u

/** A name that people read: nothing decides by it, so it only has to look like what it is. */
const ownerName = z
  .string()
  .min(1)
  .max(120)
  .refine((text) => text === text.normalize('NFC'), 'not in its normal form (NFC)')
  .refine((text) => !invisible.test(text), 'has characters that cannot be seen')
  .refine((text) => text === text.trim(), 'begins or ends with a space')
  .refine(
    (text) => text.split(/[\s\p{P}]+/u).every((word) => !(latin.test(word) && lookalike.test(word))),
    'mixes letters of alphabets that look alike in one word',
  )

/** A time in UTC to the second, such as 2027-11-22T00:00:00Z. */
const instant = z.iso.datetime({ precision: 0, error: 'a time in UTC such as 2027-11-22T00:00:00Z' })

/** What is signed. */
export const licensePayload = z
  .strictObject({
    format: z.literal(licenseFormat),
    id: licenseId.meta({ title: 'Licence' }),
    owner: ownerName.meta({ title: 'Owner' }),
    keyId: licenseKeyId,
    issuedAt: instant,
    notBefore: instant,
    expiresAt: instant,
    /** Edges it is bound to; any edge without it. */
    edges: z.array(z.uuid()).min(1).max(200).optional(),
    features: z.array(licenseFeature).max(licenseFeature.options.length),
    limits: z
      .strictObject({
        devices: z.number().int().min(1).max(100_000).optional(),
        chargePoints: z.number().int().min(0).max(100_000).optional(),
        grids: z.number().int().min(1).max(1_000).optional(),
      })
      .optional(),
  })
  .refine(({ notBefore, expiresAt }) => Date.parse(notBefore) < Date.parse(expiresAt), {
    path: ['expiresAt'],
    error: 'not after notBefore',
  })
  .refine(({ features }) => new Set(features).size === features.length, {
    path: ['features'],
    error: 'names one twice',
  })
export type LicensePayload = z.infer<typeof licensePayload>

const base64 = z.base64()

/** What a licence is checked with. It decides the algorithm; nothing in a licence does. */
export const licenseKey = z.discriminatedUnion('algorithm', [
  z.strictObject({
    id: licenseKeyId,
    algorithm: z.literal('ed25519'),
    /** 32 bytes. */
    publicKey: base64,
  }),
  /** Whoever has the secret can make licences, and every program that checks them has it: only those known by their ID are believed. */
  z.strictObject({
    id: licenseKeyId,
    algorithm: z.literal('hmac-sha256'),
    secret: base64,
    /** From then on no licence of this key is believed. */
    acceptedUntil: instant,
    issued: z.array(licenseId).max(10_000),
  }),
])
export type LicenseKey = z.infer<typeof licenseKey>

/** How a licence stands. `grace`: it has ended, and what it allowed goes on for some days. */
export const licenseStanding = z.enum(['none', 'valid', 'grace', 'ended', 'not-yet', 'refused', 'bypassed'])
export type LicenseStanding = z.infer<typeof licenseStanding>

export const licenseSource = z.strictObject({
  kind: z.enum(['app', 'file', 'environment']),
  /** File name or name of the environment variable. */
  place: z.string(),
})
export type LicenseSource = z.infer<typeof licenseSource>

const atMs = z.number().meta({ title: 'Time', unit: 'ms' })

/** What a licence says, for people. */
export const licenseSummary = z.strictObject({
  id: z.string(),
  owner: z.string(),
  keyId: z.string(),
  algorithm: z.enum(['ed25519', 'hmac-sha256']),
  issuedAtMs: atMs,
  notBeforeMs: atMs,
  expiresAtMs: atMs,
  edges: z.array(z.string()).optional(),
  features: z.array(licenseFeature),
})
export type LicenseSummary = z.infer<typeof licenseSummary>

/** Why a feature is allowed or refused. `standing`: the licence does not count, as it has ended or is none. */
export const licenseCause = z.enum(['free', 'bypassed', 'licensed', 'none', 'standing', 'not-included', 'too-large'])
export type LicenseCause = z.infer<typeof licenseCause>

export const licenseState = z.strictObject({
  standing: licenseStanding,
  /** One sentence: how it stands. */
  message: z.string(),
  /** The edge that a licence may be bound to. */
  edgeId: z.string(),
  license: licenseSummary.optional(),
  source: licenseSource.optional(),
  /** Whole days until it ends; 0 on the last day and afterwards. */
  daysLeft: z.number().int().min(0).optional(),
  /** When what it allows is over, with the days of grace. */
  graceEndsAtMs: atMs.optional(),
  /** False while the clock shows a time that has been already, such as before the program was built. */
  clockBelieved: z.boolean(),
  features: z.array(
    z.strictObject({
      feature: licenseFeature,
      allowed: z.boolean(),
      because: licenseCause,
      /** One sentence: why. */
      reason: z.string(),
    }),
  ),
  /** How large the site is, and may be. */
  usage: z.array(z.strictObject({ limit: licenseLimit, used: z.number().int(), most: z.number().int().optional() })),
  /** Other licences that were found and do not count, and why. */
  others: z.array(z.strictObject({ source: licenseSource, standing: licenseStanding, message: z.string() })),
})
export type LicenseState = z.infer<typeof licenseState>

/** Put in place by the build: true in a production build. */
declare const R_EMS_PRODUCTION: boolean | undefined

/** `license` of the settings of an edge: where its licence is. */
export const licenseSettings = z.strictObject({
  /** A file; by default `license.txt`, `.key`, `.lic` or `.license` beside the configuration. */
  path: z.string().min(1).max(500).optional().meta({ title: 'Licence file' }),
  /** Name of the environment variable that may hold one. */
  environment: z
    .string()
    .regex(/^[A-Z_][A-Z0-9_]{0,60}$/, 'capital letters, digits and underscores')
    .default('R_EMS_LICENSE')
    .meta({ title: 'Environment variable of the licence' }),
  // Builds for development only: to a production build this is an unknown key.
  ...(typeof R_EMS_PRODUCTION !== 'undefined' && R_EMS_PRODUCTION
    ? {}
    : { allow_bypass: z.boolean().optional().meta({ title: 'Everything works without a licence' }) }),
})
export type LicenseSettings = z.infer<typeof licenseSettings>

/** A licence that is given to this edge. */
export const licenseUpload = z.strictObject({ text: z.string().min(1).max(maxLicenseLength) })
export type LicenseUpload = z.infer<typeof licenseUpload>
