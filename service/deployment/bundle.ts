import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import canonicalize from 'canonicalize'
import {
  bundle as bundleSchema,
  type Bundle,
  type BundleManifest,
  mostBundleBytes,
  type SignedBundle,
  signedBundle,
} from '#contract/deployment.ts'
import { EdgeError } from '#contract/errors.ts'
import { type SiteFiles, siteFilesFrom } from '../configuration/site-files.ts'

/** Who signs: the private key, and the ID under which an edge knows its public half. */
export interface Signer {
  readonly keyId: string
  readonly privateKey: KeyObject
}

/** What an edge holds against a bundle. */
export interface Receiver {
  readonly edgeId: string
  /** Number that the next generation gets, and the hash of what runs. */
  readonly nextVersion: number
  readonly hash: string
  readonly nowMs: number
  /** No date before this can be true: the day the program was built. */
  readonly clockFloorMs: number
  /** The edge's own key, whose bundles have just been made here: their dates say nothing. */
  readonly ownKeyId: string
  /** SubjectPublicKeyInfo of an accepted key, or undefined. */
  publicKey(keyId: string): Uint8Array | undefined
}

export interface VerifiedBundle {
  readonly manifest: BundleManifest
  readonly files: SiteFiles
  readonly keyId: string
  /** SHA-256 of the signed bytes. */
  readonly bundleHash: string
}

const sha256 = (text: string | Uint8Array): string => createHash('sha256').update(text).digest('hex')

/** Signs a configuration for one edge. */
export function makeBundle(
  manifest: Omit<BundleManifest, 'format' | 'files'>,
  files: SiteFiles,
  { keyId, privateKey }: Signer,
): SignedBundle {
  const hashes = Object.fromEntries([...files].map(([path, text]) => [path, sha256(text)]))
  const content: Bundle = bundleSchema.parse({
    manifest: { format: 'r-ems-bundle/1', ...manifest, files: hashes },
    files: Object.fromEntries(files),
  })
  const text = canonicalize(content) ?? ''
  const signature = sign(null, Buffer.from(text), privateKey).toString('base64')
  return { format: 'r-ems-signed-bundle/1', keyId, signature, bundle: text }
}

/** The bytes of a file that carries a signed bundle. */
export const formatBundleFile = (signed: SignedBundle): string => `${canonicalize(signed) ?? ''}\n`

/** Reads such a file, whose origin is not known yet. Throws bundle.malformed with what is wrong with `place`. */
export function parseBundleFile(bytes: Uint8Array, place: string): SignedBundle {
  if (bytes.length > mostBundleBytes) throw malformed(`${place} is larger than a bundle can be`)
  if (bytes.length === 0) throw malformed(`${place} is empty, as a copy is that was cut off`)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw malformed(`${place} is no text, as a copy is that was cut off`)
  }
  const whole = text.endsWith('}\n') ? text.slice(0, -1) : text
  if (!whole.startsWith('{') || !whole.endsWith('}'))
    throw malformed(
      `${place} is not a whole bundle: it ${whole.startsWith('{') ? 'ends' : 'begins'} in the wrong place`,
    )
  const parsed = signedBundle.safeParse(canonicalJson(whole, place))
  if (!parsed.success) throw malformed(`${place} is not a signed bundle: ${firstIssue(parsed.error)}`)
  return parsed.data
}

/**
 * Accepts a bundle or throws one sentence why not: bundle.untrusted, bundle.altered, bundle.malformed, bundle.foreign,
 * bundle.outdated, bundle.expired or bundle.forbidden. Nothing of the content is looked at before the signature is right.
 */
export function verifyBundle({ keyId, signature, bundle: text }: SignedBundle, receiver: Receiver): VerifiedBundle {
  const bytes = Buffer.from(text)
  const publicKey = receiver.publicKey(keyId)
  if (!publicKey)
    throw new EdgeError(
      'bundle.untrusted',
      `it is signed with the key ${keyId.slice(0, 16)}, which this edge does not know`,
    )
  const signed = Buffer.from(signature, 'base64')
  if (signed.length !== 64 || signed.toString('base64') !== signature)
    throw malformed('the signature is not 64 bytes as base64')
  if (!verify(null, bytes, ed25519Key(publicKey), signed))
    throw new EdgeError('bundle.altered', 'its signature does not fit: it was altered after it was signed')
  const parsed = bundleSchema.safeParse(canonicalJson(text, 'the bundle'))
  if (!parsed.success) throw new EdgeError('bundle.forbidden', `the bundle: ${firstIssue(parsed.error)}`)
  // A schema drops what could reach a prototype.
  if (canonicalize(parsed.data) !== text)
    throw new EdgeError('bundle.forbidden', 'the bundle has more than belongs to one')
  const { manifest, files } = parsed.data
  checkHashes(parsed.data)
  checkReceiver(manifest, receiver, keyId)
  return { manifest, files: checkedFiles(files), keyId, bundleHash: sha256(bytes) }
}

/** An Ed25519 key from its SubjectPublicKeyInfo. Throws deployment.key: nothing else verifies bundles. */
export function ed25519Key(spki: Uint8Array): KeyObject {
  let key: KeyObject | undefined
  try {
    key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  } catch {
    key = undefined
  }
  // What Node.js reads may be shorter than what was given.
  const same = key?.export({ format: 'der', type: 'spki' }).equals(Buffer.from(spki))
  if (key?.asymmetricKeyType !== 'ed25519' || !same)
    throw new EdgeError('deployment.key', 'this is not the public half of an Ed25519 key')
  return key
}

function checkHashes({ manifest, files }: Bundle): void {
  const names = new Set([...Object.keys(manifest.files), ...Object.keys(files)])
  for (const name of names) {
    const text = files[name]
    if (text === undefined) throw malformed(`${name} is named by the manifest and missing in the bundle`)
    if (manifest.files[name] !== sha256(text)) throw malformed(`${name} is not the file that the manifest names`)
  }
}

function checkReceiver(manifest: BundleManifest, receiver: Receiver, keyId: string): void {
  const { edgeId, version, prevHash, notBeforeMs, notAfterMs, siteName } = manifest
  const { nowMs, clockFloorMs, nextVersion } = receiver
  if (edgeId !== receiver.edgeId)
    throw new EdgeError(
      'bundle.foreign',
      `the bundle of "${siteName}" is for the edge ${edgeId}; this is ${receiver.edgeId}`,
    )
  if (version !== nextVersion)
    throw new EdgeError(
      'bundle.outdated',
      version < nextVersion
        ? `the bundle is generation ${version}, and this edge has had that one already: the next is ${nextVersion}`
        : `the bundle is generation ${version}, but the next of this edge is ${nextVersion}: it was made for another state of it`,
    )
  if (prevHash !== receiver.hash)
    throw new EdgeError('bundle.outdated', 'the bundle was made on another configuration than the one that runs now')
  if (keyId === receiver.ownKeyId) return
  const day = (atMs: number): string => new Date(atMs).toISOString().slice(0, 16).replace('T', ' ')
  if (nowMs < clockFloorMs)
    throw new EdgeError(
      'bundle.expired',
      `the clock of this edge says ${day(nowMs)} UTC, which cannot be: set it first`,
    )
  if (nowMs < notBeforeMs)
    throw new EdgeError(
      'bundle.expired',
      `the bundle is valid from ${day(notBeforeMs)} UTC on; here it is ${day(nowMs)} UTC`,
    )
  if (nowMs > notAfterMs)
    throw new EdgeError(
      'bundle.expired',
      `the bundle was valid until ${day(notAfterMs)} UTC; here it is ${day(nowMs)} UTC`,
    )
}

/** Only a site and its maps, without secrets, in the form in which files are compared. */
function checkedFiles(texts: Bundle['files']): SiteFiles {
  for (const [path, text] of Object.entries(texts))
    if (text.includes('\r') || text.startsWith('\uFEFF'))
      throw new EdgeError(
        'bundle.forbidden',
        `${path} has line ends of Windows or a BOM; whoever makes bundles takes them out`,
      )
  try {
    return siteFilesFrom(texts)
  } catch (error) {
    if (!(error instanceof EdgeError)) throw error
    throw new EdgeError('bundle.forbidden', error.message, { cause: error })
  }
}

/** JSON whose only spelling this is: no key twice, nothing behind it, no number in another form. */
function canonicalJson(text: string, place: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw malformed(`${place} is damaged or was cut off: it is not JSON`)
  }
  if (canonicalize(value) !== text) throw malformed(`${place} is not in canonical form (RFC 8785)`)
  return value
}

function malformed(message: string): EdgeError {
  return new EdgeError('bundle.malformed', message)
}

function firstIssue({ issues }: { issues: readonly { path: PropertyKey[]; message: string }[] }): string {
  const [issue] = issues
  const path = issue?.path.map(String).join('.') ?? ''
  return `${path === '' ? '' : `${path.slice(0, 200)}: `}${issue?.message ?? 'it does not fit'}`
}
