import { z } from 'zod'
import { limitState, setpointState } from './api.ts'

const name = z.string().max(120)

/** A limit of the site that an installer may change without touching anything else of the site file. */
export const siteLimit = z.strictObject({
  /** Place in the site file, such as `grids.0.connection.fuseA`. */
  id: z.string().max(200),
  /** What it belongs to: circuit, device or site. */
  owner: name,
  title: name,
  unit: z.string().max(8),
  tier: z.enum(['physical', 'safety', 'economic']),
  /** Absent where no such limit is set. */
  value: z.number().optional(),
  /** Whether it may be absent. */
  optional: z.boolean(),
  /** Smallest and largest value that make sense, in `unit`. */
  min: z.number(),
  max: z.number(),
  /** Which way more is allowed: a fuse is looser when larger, a reserve when smaller. */
  looser: z.enum(['larger', 'smaller']),
})
export type SiteLimit = z.infer<typeof siteLimit>

export const siteLimits = z.strictObject({
  /** Changes with every change of the site; a change names the one that it was made on. */
  revision: z.string().max(64),
  /** `file`: a change is kept in the site file. `session`: until the service ends, because the site is part of the program. */
  kept: z.enum(['file', 'session']),
  limits: z.array(siteLimit).max(10_000),
})
export type SiteLimits = z.infer<typeof siteLimits>

export const limitChange = z.strictObject({
  id: z.string().max(200),
  /** null takes the limit away. */
  value: z.number().nullable(),
})
export type LimitChange = z.infer<typeof limitChange>

const changes = z.array(limitChange).min(1).max(200)

export const limitsPreviewRequest = z.strictObject({ revision: z.string().max(64), changes })
export type LimitsPreviewRequest = z.infer<typeof limitsPreviewRequest>

export const limitsChangeRequest = limitsPreviewRequest.extend({
  /** IDs of the limits that become looser; each must be named, so that nobody raises a fuse by a slip of the finger. */
  confirmedLooser: z.array(z.string().max(200)).max(200).default([]),
  reason: z.string().trim().min(3).max(200),
})
export type LimitsChangeRequest = z.infer<typeof limitsChangeRequest>

/** What one more step on the newest readings would decide with the changed limits. Nothing of it is written. */
export const limitsPreview = z.strictObject({
  /** IDs of the changes that allow more than before. */
  looser: z.array(z.string()),
  limits: z.array(limitState),
  setpoints: z.array(
    z.strictObject({
      deviceId: name,
      command: name,
      unit: z.string(),
      before: z.number().optional(),
      after: z.number().optional(),
      /** Deciding rule first, with the changed limits. */
      reasons: setpointState.shape.reasons,
    }),
  ),
  violations: z.array(z.strictObject({ limitId: name, text: z.string() })),
})
export type LimitsPreview = z.infer<typeof limitsPreview>
