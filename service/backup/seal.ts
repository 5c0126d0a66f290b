import { createCipheriv, createDecipheriv, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { z } from 'zod'
import { backupFormat, type BackupHeader, backupHeader, backupMark, maxBackupBytes } from '#contract/backup.ts'
import { EdgeError } from '#contract/errors.ts'

const derive = promisify<string, Buffer, number, object, Buffer>(scrypt)
/** 64 MiB and a quarter of a second: fixed by the format, so that no file can ask for more. */
const cost = { N: 65_536, r: 8, p: 1, maxmem: 96 * 1024 * 1024 }
const tagBytes = 16
const cipher = 'aes-256-gcm'

async function keysOf(passphrase: string, salt: Buffer): Promise<{ key: Buffer; check: Buffer }> {
  const derived = await derive(passphrase.normalize('NFKC'), salt, 48, cost)
  return { key: derived.subarray(0, 32), check: derived.subarray(32) }
}

/** Encrypts with a passphrase. What stands in the header can be read by everybody, and changed by nobody. */
export async function seal(
  content: Uint8Array,
  passphrase: string,
  origin: Pick<BackupHeader, 'site' | 'edgeId' | 'createdAtMs'>,
): Promise<Buffer> {
  const salt = randomBytes(16)
  const nonce = randomBytes(12)
  const { key, check } = await keysOf(passphrase, salt)
  const header: BackupHeader = {
    format: backupFormat,
    ...origin,
    salt: salt.toString('base64'),
    nonce: nonce.toString('base64'),
    check: check.toString('base64'),
    length: content.length + tagBytes,
  }
  const head = Buffer.from(`${backupMark}\n${JSON.stringify(header)}\n`)
  const encryption = createCipheriv(cipher, key, nonce).setAAD(head)
  return Buffer.concat([head, encryption.update(content), encryption.final(), encryption.getAuthTag()])
}

/** Rejects with backup.invalid, backup.newer, backup.damaged or backup.passphrase: one sentence each. */
export async function unseal(
  file: Buffer,
  passphrase: string,
): Promise<{ readonly content: Buffer; readonly header: BackupHeader }> {
  const { header, head } = readHeader(file)
  const body = file.subarray(head.length)
  if (body.length < header.length)
    throw damaged(`it was cut off: ${body.length} of ${header.length} bytes of its content are there`)
  if (body.length > header.length) throw damaged('something was added at its end')
  const { key, check } = await keysOf(passphrase, Buffer.from(header.salt, 'base64'))
  const expected = Buffer.from(header.check, 'base64')
  if (expected.length !== check.length || !timingSafeEqual(expected, check))
    throw new EdgeError('backup.passphrase', 'the passphrase is not that of this backup')
  try {
    const decryption = createDecipheriv(cipher, key, Buffer.from(header.nonce, 'base64'), { authTagLength: tagBytes })
    decryption.setAAD(head).setAuthTag(body.subarray(-tagBytes))
    return { content: Buffer.concat([decryption.update(body.subarray(0, -tagBytes)), decryption.final()]), header }
  } catch (error) {
    throw damaged('it was altered', error)
  }
}

const damaged = (why: string, cause?: unknown): EdgeError =>
  new EdgeError('backup.damaged', `the backup cannot be used: ${why}`, { cause })

/** A header is far shorter. */
const longestHeader = 2_000

function readHeader(file: Buffer): { header: BackupHeader; head: Buffer } {
  const mark = Buffer.from(`${backupMark}\n`)
  if (file.length > maxBackupBytes + longestHeader) throw damaged('it is larger than any backup')
  if (!file.subarray(0, mark.length).equals(mark))
    throw new EdgeError('backup.invalid', 'this file is no backup of R-EMS')
  const end = file.indexOf('\n', mark.length)
  if (end < 0 || end > longestHeader) throw damaged('it was cut off in its first lines')
  const said = parse(file.subarray(mark.length, end).toString('utf8'))
  const { format } = z.object({ format: z.number() }).safeParse(said).data ?? {}
  if (format !== undefined && format > backupFormat)
    throw new EdgeError('backup.newer', `the backup has format ${format}, and this program knows up to ${backupFormat}`)
  const header = backupHeader.safeParse(said)
  if (!header.success) throw damaged('its first lines were altered', header.error)
  return { header: header.data, head: file.subarray(0, end + 1) }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
