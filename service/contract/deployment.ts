import { z } from 'zod'
import { siteChange, siteFilePath, siteFileTexts } from './configuration.ts'

/*
 * The receiving side of a deployment: what an edge accepts, and how it says where it stands. The same on every edge, whether a
 * laptop's service forwards to it over a pinned connection, the edge's own web UI asks, or r-emsctl on the machine.
 *
 * GET    /api/v1/deployment                     viewer     DeploymentStatus: what runs, who holds the deployment, trial, gates
 * GET    /api/v1/deployment/running             installer  RunningConfiguration: the files that run, and what a bundle has to be bound to
 * GET    /api/v1/deployment/generations         viewer     Generations: the newest 50 with who, when, why and what became of them
 * GET    /api/v1/deployment/generations/:number installer  RunningConfiguration of an older generation
 * POST   /api/v1/deployment/candidate           installer  SignedBundle in, Candidate out: verified, compared, kept; holds the deployment
 *                                                          for whoever sent it. deployment.busy names who holds it and since when.
 * POST   /api/v1/deployment/candidate/files     installer  CandidateFiles in, Candidate out: the edge makes and signs the bundle itself
 * GET    /api/v1/deployment/candidate           installer  Candidate; deployment.none without one
 * DELETE /api/v1/deployment/candidate           installer  lets it go and frees the deployment, by its owner or an admin
 * POST   /api/v1/deployment/candidate/checks    installer  starts the checks on the edge; CheckReport at once, then `checks` of the live
 *                                                          topic or GET. Running ones are started anew.
 * GET    /api/v1/deployment/candidate/checks    installer  CheckReport
 * DELETE /api/v1/deployment/candidate/checks    installer  stops them; what was found stays
 * POST   /api/v1/deployment/candidate/commit    installer  CommitRequest in, CommitAnswer out: the service restarts in place with the
 *                                                          candidate as a trial (all connections end; sessions and tokens go on)
 * POST   /api/v1/deployment/trial/confirm       installer  TrialRequest in, DeploymentStatus out: makes it permanent when every gate is
 *                                                          green, else deployment.gates with the first that is not
 * POST   /api/v1/deployment/trial/return        installer  TrialRequest in, DeploymentStatus out: back to the former generation now
 * POST   /api/v1/deployment/trial/extend        installer  ExtendRequest in, DeploymentStatus out: the countdown begins anew
 * POST   /api/v1/deployment/rollback            installer  RollbackRequest in, RollbackAnswer out: a new, edge-local generation with the
 *                                                          files of an older confirmed one; the service restarts in place
 * GET    /api/v1/deployment/keys                viewer     DeployKeys: whose bundles this edge accepts
 * POST   /api/v1/deployment/keys                installer  NewDeployKey in, DeployKey out; in the journal
 * DELETE /api/v1/deployment/keys/:id            installer  forgets one; in the journal
 *
 * Live topic `deployment` (viewer): DeploymentStatus whenever something has changed, and every second while it counts down.
 */

const atMs = z.number().meta({ title: 'Time', unit: 'ms since 1970' })
const text = z.string().max(1000)
const name = z.string().max(200)

/** One visible line, for people. */
const line = z
  .string()
  .trim()
  .min(3)
  .max(200)
  .regex(/^[^\p{C}\p{Zl}\p{Zp}]+$/u, 'one line of visible characters')

/** SHA-256 as lower-case hexadecimal. */
export const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits')

/** Number of a generation of this edge's configuration; grows by one with every change, whatever became of it. */
export const generationNumber = z.number().int().min(1).max(999_999)

/** Bound of a signed bundle as a file or a request, in bytes; see siteFolderBounds for the files in it. */
export const mostBundleBytes = 24_000_000

export const bundleManifest = z.strictObject({
  format: z.literal('r-ems-bundle/1'),
  /** The edge it is for, and no other. */
  edgeId: z.uuid(),
  siteName: z.string().min(1).max(120),
  /** The generation that it becomes; the edge's next one when it was made. */
  version: generationNumber,
  /** Of the configuration it was made on (`hash` of RunningConfiguration). */
  prevHash: sha256,
  notBeforeMs: atMs,
  notAfterMs: atMs,
  by: z
    .string()
    .min(1)
    .max(200)
    .regex(/^[^\p{C}\p{Zl}\p{Zp}]+$/u, 'one line of visible characters'),
  why: line,
  /** SHA-256 of every file. */
  files: z.record(siteFilePath, sha256),
})
export type BundleManifest = z.infer<typeof bundleManifest>

/** What is signed: the canonical JSON (RFC 8785) of this, byte for byte. */
export const bundle = z.strictObject({
  manifest: bundleManifest,
  files: siteFileTexts,
})
export type Bundle = z.infer<typeof bundle>

/** Which key: SHA-256 of its SubjectPublicKeyInfo (DER). */
export const keyId = sha256.meta({ title: 'Key' })

/** A bundle as it travels, in a request or as a file on a USB stick. */
export const signedBundle = z.strictObject({
  format: z.literal('r-ems-signed-bundle/1'),
  keyId,
  /** Ed25519, base64, over the UTF-8 bytes of `bundle`. The algorithm is that of the key, never that of a header. */
  signature: z.string().regex(/^[A-Za-z0-9+/]{86}==$/, 'expected 64 bytes as base64'),
  /** The canonical JSON of a Bundle. */
  bundle: z.string().max(mostBundleBytes),
})
export type SignedBundle = z.infer<typeof signedBundle>

/** How a generation came about. `found`: written by hand on the edge; `local`: a change of limits or a verification there. */
export const generationOrigin = z.enum(['found', 'deployed', 'local', 'rollback'])

/** What became of a generation. `trial` may still return; `returned` has, and is never taken up again by itself. */
export const generationState = z.enum(['trial', 'confirmed', 'returned'])

export const generation = z.strictObject({
  number: generationNumber,
  hash: sha256,
  origin: generationOrigin,
  state: generationState,
  /** The generation that it was made on. */
  base: generationNumber.optional(),
  siteName: name,
  by: name,
  why: name,
  atMs,
  confirmedAtMs: atMs.optional(),
  confirmedBy: name.optional(),
  returnedAtMs: atMs.optional(),
  /** One sentence. */
  returnedWhy: text.optional(),
  /** The key that the bundle was signed with. */
  keyId: keyId.optional(),
  /** The generation whose files it has, for a rollback. */
  restores: generationNumber.optional(),
  /** Whether it can be gone back to. */
  restorable: z.boolean(),
  active: z.boolean(),
})
export type Generation = z.infer<typeof generation>

export const generations = z.strictObject({ generations: z.array(generation).max(50) })
export type Generations = z.infer<typeof generations>

/** The files of a generation, or of a folder that nothing was deployed to yet (`number` is absent then). */
export const runningConfiguration = z.strictObject({
  edgeId: z.uuid(),
  siteName: name,
  number: generationNumber.optional(),
  /** What `prevHash` of the next bundle has to be. */
  hash: sha256,
  /** What `version` of the next bundle has to be. */
  nextVersion: generationNumber,
  files: bundle.shape.files,
})
export type RunningConfiguration = z.infer<typeof runningConfiguration>

/** Something that has to be agreed to by its ID before the candidate can be committed. */
export const consent = z.strictObject({
  /** `raise`: more is allowed than before (ID of the change). `lost`: read now, and no longer then (`device` or `device/point`). */
  kind: z.enum(['raise', 'lost']),
  id: name,
  /** One sentence. */
  text,
})
export type Consent = z.infer<typeof consent>

export const holder = z.strictObject({
  /** Who holds the deployment: one candidate or trial at a time. */
  name,
  sinceMs: atMs,
  /** Whether it is whoever asks; absent in the live topic. */
  own: z.boolean().optional(),
})
export type Holder = z.infer<typeof holder>

export const candidateFiles = z.strictObject({
  why: line,
  /** Of the configuration it was made on; deployment.stale when something else runs meanwhile. */
  prevHash: sha256,
  files: bundle.shape.files,
})
export type CandidateFiles = z.infer<typeof candidateFiles>

export const candidate = z.strictObject({
  id: z.uuid(),
  manifest: bundleManifest,
  /** SHA-256 of the signed bytes. */
  bundleHash: sha256,
  /** Hash of its files. */
  hash: sha256,
  keyId,
  holder,
  /** It is let go when nobody has asked about it for so long. */
  expiresAtMs: atMs,
  /** What it does differently from what runs. */
  changes: z.array(siteChange).max(5000),
  /** Everything that has to be named in CommitRequest. */
  consents: z.array(consent).max(5000),
})
export type Candidate = z.infer<typeof candidate>

export const checkState = z.enum(['waiting', 'running', 'ok', 'warning', 'failed', 'skipped'])

/**
 * In this order. `files`: parse, with all maps. `licence`: what it allows; never fails. `points`: every new and changed point is read.
 * `plausible`: what they read agrees with what the running configuration knows. `limits`: what has to be confirmed. `replay`: the last
 * week's capture with the candidate.
 */
export const checkId = z.enum(['files', 'licence', 'points', 'plausible', 'limits', 'replay'])

export const check = z.strictObject({
  id: checkId,
  state: checkState,
  /** One sentence: what was found, or what is being done. */
  text,
  /** 0 to 1 while it runs. */
  progress: z.number().min(0).max(1).optional(),
})
export type Check = z.infer<typeof check>

/** A new or changed point, as read on the edge with the candidate's map. */
export const checkedPoint = z.strictObject({
  deviceId: name,
  point: name,
  unit: z.string(),
  quality: z.enum(['good', 'bad']),
  value: z.union([z.number(), z.string()]).optional(),
  /** What the running configuration reads there. */
  before: z.union([z.number(), z.string()]).optional(),
  /** Why it is bad or remarkable, in one sentence. */
  reason: text.optional(),
})
export type CheckedPoint = z.infer<typeof checkedPoint>

export const checkReport = z.strictObject({
  candidateId: z.uuid(),
  state: z.enum(['running', 'passed', 'failed', 'cancelled']),
  startedAtMs: atMs,
  durationMs: z.number().optional(),
  checks: z.array(check).max(10),
  points: z.array(checkedPoint).max(20_000),
  /** What replaying the last week's capture has shown; absent where there is none. */
  replay: z
    .strictObject({
      fromMs: atMs,
      toMs: atMs,
      steps: z.number().int(),
      differingSteps: z.number().int(),
      firstDifference: text.optional(),
      /** Steps in which a limit would have been exceeded, running and candidate. */
      violationsBefore: z.number().int(),
      violationsAfter: z.number().int(),
    })
    .optional(),
})
export type CheckReport = z.infer<typeof checkReport>

export const shortestCountdownS = 10
export const longestCountdownS = 3600

export const commitRequest = z.strictObject({
  candidateId: z.uuid(),
  /** `raise` consents, by ID. */
  confirmedRaises: z.array(name).max(1000).default([]),
  /** Points or devices that need not come back: `device` or `device/point`. `lost` consents have to be among them. */
  waived: z.array(name).max(5000).default([]),
  countdownS: z
    .number()
    .int()
    .min(shortestCountdownS)
    .max(longestCountdownS)
    .default(120)
    .meta({ title: 'Returns by itself after', unit: 's' }),
  /** Commit although a check failed that may be overruled; the gates of the trial stay. */
  despiteChecks: z.boolean().default(false),
})
export type CommitRequest = z.input<typeof commitRequest>

export const commitAnswer = z.strictObject({
  generation: generationNumber,
  /** Named when confirming, so that no other one is meant. */
  trialId: z.uuid(),
  deadlineMs: atMs,
})
export type CommitAnswer = z.infer<typeof commitAnswer>

export const trialRequest = z.strictObject({ trialId: z.uuid() })
export const extendRequest = trialRequest.extend({ countdownS: commitRequest.shape.countdownS })

/** `connection`, `uptime`, `points`, `limits`, `loop`: what has to be green before a trial can be confirmed. */
export const gateId = z.enum(['connection', 'uptime', 'points', 'limits', 'loop'])

export const gate = z.strictObject({
  id: gateId,
  state: z.enum(['waiting', 'green', 'red']),
  /** One sentence with what is missing. */
  text,
  /** The points or limits that keep it from being green, at most the first 50. */
  missing: z.array(name).max(50),
})
export type Gate = z.infer<typeof gate>

export const trial = z.strictObject({
  trialId: z.uuid(),
  generation: generationNumber,
  /** The generation that it returns to. */
  returnsTo: generationNumber,
  by: name,
  startedAtMs: atMs,
  countdownS: z.number(),
  /** Until it returns by itself, counted on a clock that nobody can set. */
  leftS: z.number(),
  gates: z.array(gate).max(10),
  /** Every gate is green: it can be confirmed. */
  confirmable: z.boolean(),
})
export type Trial = z.infer<typeof trial>

/** `idle`: nobody deploys; `candidate`: one is held; `checking`; `switching`: about to restart; `trial`: counts down. */
export const deploymentPhase = z.enum(['idle', 'candidate', 'checking', 'switching', 'trial'])

export const deploymentStatus = z.strictObject({
  edgeId: z.uuid(),
  siteName: name,
  phase: deploymentPhase,
  /** Absent while the folder runs as it was written by hand: nothing was deployed yet. */
  active: generation.optional(),
  /** Of what runs. */
  hash: sha256,
  nextVersion: generationNumber,
  holder: holder.optional(),
  candidate: z.strictObject({ id: z.uuid(), why: name, version: generationNumber }).optional(),
  checks: checkReport.omit({ points: true }).optional(),
  trial: trial.optional(),
  /** How the last deployment ended; until the next one begins. */
  last: z
    .strictObject({
      generation: generationNumber,
      outcome: z.enum(['confirmed', 'returned', 'rolled-back']),
      atMs,
      text,
    })
    .optional(),
  /** Why nothing can be deployed here, such as the demo site, in one sentence. */
  unavailable: text.optional(),
})
export type DeploymentStatus = z.infer<typeof deploymentStatus>

export const rollbackRequest = z.strictObject({
  /** By default the confirmed one before the active one. */
  to: generationNumber.optional(),
  why: line.default('rollback'),
})
export type RollbackRequest = z.input<typeof rollbackRequest>

export const rollbackAnswer = z.strictObject({ generation: generationNumber, restores: generationNumber })
export type RollbackAnswer = z.infer<typeof rollbackAnswer>

/** An Ed25519 public key: SubjectPublicKeyInfo (DER) as base64. */
export const publicKey = z.string().regex(/^[A-Za-z0-9+/]{59}=$/, 'expected an Ed25519 public key as base64')

export const deployKey = z.strictObject({
  id: keyId,
  publicKey,
  /** Whose it is. */
  owner: name,
  addedBy: name,
  addedAtMs: atMs,
  /** The edge's own key, for candidates made in its web UI; it cannot be removed. */
  own: z.boolean(),
})
export type DeployKey = z.infer<typeof deployKey>
export const deployKeys = z.strictObject({ keys: z.array(deployKey).max(101) })
export type DeployKeys = z.infer<typeof deployKeys>

export const newDeployKey = z.strictObject({ publicKey, owner: line })
export type NewDeployKey = z.infer<typeof newDeployKey>
