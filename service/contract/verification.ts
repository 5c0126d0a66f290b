import { z } from 'zod'
import { siteId } from './site-device.ts'

/** What can be proven: that a command does what it says, that a sign is right, that a value is right. */
export const proofKind = z.enum(['command', 'sign', 'point'])
export type ProofKind = z.infer<typeof proofKind>

/** Why something is believed, from what is proven on this site down to what nobody has said. */
export const provenance = z.enum(['verified', 'plausible', 'manual', 'field-knowledge', 'listened', 'none'])
export type Provenance = z.infer<typeof provenance>

/** Something on a device of this site that a person can prove. */
export const verifiable = z.strictObject({
  deviceId: siteId,
  deviceName: z.string(),
  kind: proofKind,
  /** The command, or the point. */
  name: z.string().max(60),
  title: z.string(),
  /** Automatic control waits for it (S12). */
  needed: z.boolean(),
  provenance,
  /** Who proved it, when and how; absent while it is not verified, or where the site file does not say. */
  by: z.string().optional(),
  atMs: z.number().optional(),
  how: z.string().optional(),
})
export type Verifiable = z.infer<typeof verifiable>

/** What is proven on this site, and what is open. */
export const verification = z.strictObject({
  /** `session`: until the service ends, because the site is part of the program. */
  kept: z.enum(['file', 'session']),
  /** Of what automatic control needs. */
  needed: z.number().int().min(0),
  verified: z.number().int().min(0),
  /** Everything that control needs, and whatever else is proven. */
  items: z.array(verifiable),
})
export type Verification = z.infer<typeof verification>

export const proofTarget = z.strictObject({ deviceId: siteId, kind: proofKind, name: z.string().min(1).max(60) })
export type ProofTarget = z.infer<typeof proofTarget>

const words = z
  .string()
  .trim()
  .min(3)
  .max(200)
  .regex(/^[^\p{C}\p{Zl}\p{Zp}]*$/u, 'one line of visible characters')

/** That a person has proven something, and how: "switched the kettle on, import rose by 2 kW". */
export const newProof = z.strictObject({ how: words })
export type NewProof = z.infer<typeof newProof>

export const proofWithdrawal = z.strictObject({ reason: words.default('withdrawn') })
export type ProofWithdrawal = z.infer<typeof proofWithdrawal>
