import { z } from 'zod'
import { siteFilePath } from './configuration.ts'

/** A backup file is this line, a line of JSON (`backupHeader`), and the encrypted content. */
export const backupMark = 'R-EMS-BACKUP'
export const backupFormat = 1

/** Largest backup, in bytes. */
export const maxBackupBytes = 33_554_432

const base64 = z.base64()
const atMs = z.number().min(0).meta({ title: 'Time', unit: 'ms' })

/** Readable without the passphrase; it cannot be changed without being noticed. */
export const backupHeader = z.strictObject({
  format: z.literal(backupFormat),
  site: z.string().max(60),
  edgeId: z.uuid(),
  createdAtMs: atMs,
  /** Of scrypt with N = 2^16, r = 8, p = 1. */
  salt: base64,
  /** Of AES-256-GCM. */
  nonce: base64,
  /** What tells a wrong passphrase from a damaged file. */
  check: base64,
  /** Bytes of the encrypted content with its tag. */
  length: z.number().int().min(16).max(maxBackupBytes),
})
export type BackupHeader = z.infer<typeof backupHeader>

const name = '[A-Za-z0-9][A-Za-z0-9._-]{0,99}'

/** Files that a backup may carry, and a restore may write: nothing else, wherever it pretends to be. */
const configFile = z.union([
  siteFilePath,
  z.string().regex(new RegExp(`^(edge\\.(yaml|toml)|secrets/${name}|license\\.(txt|key|lic|license))$`)),
])
const dataFile = z
  .string()
  .regex(
    new RegExp(
      `^(accounts\\.json|identity\\.json|license\\.txt|license-clock\\.json|deploy-key\\.pem|deploy-keys\\.json|failsafe-proofs\\.json|write-budget\\.json|trust/(${name}/){0,2}${name})$`,
    ),
  )

/** What is encrypted. */
export const backupContent = z.strictObject({
  /** Of the folder of the configuration: the confirmed site, settings of the installation, secrets. */
  config: z.record(configFile, base64),
  /** Of the data folder: accounts, certificates with their keys, licence, identity. */
  data: z.record(dataFile, base64),
})
export type BackupContent = z.infer<typeof backupContent>

export const passphrase = z.string().min(12, 'needs 12 characters or more').max(200).meta({ title: 'Passphrase' })

export const backupRequest = z.strictObject({ passphrase })
export const restoreRequest = z.strictObject({
  passphrase: z.string().min(1).max(200),
  /** The backup file. */
  file: z.base64().max(Math.ceil(maxBackupBytes / 3) * 4 + 8),
})
export type RestoreRequest = z.infer<typeof restoreRequest>

/** Of which edge a backup was. */
export const backupOrigin = backupHeader.pick({ site: true, edgeId: true, createdAtMs: true })
export type BackupOrigin = z.infer<typeof backupOrigin>

export const restoreAnswer = z.strictObject({
  ...backupOrigin.shape,
  /** One sentence: what happens next. */
  message: z.string(),
})
export type RestoreAnswer = z.infer<typeof restoreAnswer>

/** Somebody vouches that the edge that was replaced does not run any more. */
export const replacementRequest = z.strictObject({
  oldEdge: z.literal('gone'),
  reason: z.string().trim().min(3).max(200),
})
export type ReplacementRequest = z.infer<typeof replacementRequest>

export const backupState = z.strictObject({
  edgeId: z.string(),
  /** Why nothing can be restored here, or absent. */
  notRestorable: z.string().optional(),
  /** Set while this edge stands in for another one that may still run: control stays off (S9). */
  replaces: z.strictObject({ backupAtMs: atMs, restoredAtMs: atMs }).optional(),
})
export type BackupState = z.infer<typeof backupState>
