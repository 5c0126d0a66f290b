import type { TrustFiles } from './trust-files.ts'
import { type Certificate, isSignedBy, readCertificate } from './certificate.ts'
import { identity } from './check-certificate.ts'
import { createKeys, issueCa, issueLeaf, issueRoot, type Keys, type Period, readKeys, type Signer } from './issue.ts'

const dayMs = 86_400_000
/** Other clocks may be behind by this much. */
const backdateMs = dayMs
const life = { root: 20 * 365 * dayMs, issuing: 5 * 365 * dayMs, device: 180 * dayMs } as const

/** One root with what hangs below it. A rotation starts the next. */
export interface Generation {
  readonly number: number
  readonly root: Certificate
  /** This root, signed by the one before: for those who know only that one. */
  readonly cross: Certificate | undefined
  readonly issuing: Signer
  readonly device: Signer
}

const folderOf = (number: number): string => `ca-${number}`

/** Makes a root, an issuing CA and a device certificate, and stores them; `before` is the root that it replaces. */
export async function createGeneration(
  files: TrustFiles,
  number: number,
  device: { readonly edgeId: string; readonly names: readonly string[] },
  atMs: number,
  before?: Signer,
): Promise<Generation> {
  const folder = folderOf(number)
  await files.remove(folder)
  const rootKeys = await createKeys()
  const rootName = `R-EMS site root ${device.edgeId.slice(0, 8)}-${number}`
  const root = await issueRoot(rootName, rootKeys, periodAt(atMs, life.root))
  const cross =
    before && (await issueCa(rootName, rootKeys.publicKey, periodAt(atMs, life.root, before.certificate), before, 1))
  await files.write(`${folder}/root-key.pem`, rootKeys.pem)
  await files.write(`${folder}/root.pem`, root.pem)
  if (cross) await files.write(`${folder}/cross.pem`, cross.pem)
  const issuing = await makeIssuing(files, number, { certificate: root, keys: rootKeys }, await createKeys(), atMs)
  return { number, root, cross, issuing, device: await makeDevice(files, number, issuing, device, atMs) }
}

/** Reads a generation. Throws where something is missing or does not belong together. */
export async function readGeneration(files: TrustFiles, number: number): Promise<Generation> {
  const folder = folderOf(number)
  const root = readCertificate(await need(files, `${folder}/root.pem`))
  const cross = await files.read(`${folder}/cross.pem`)
  const issuing = await readSigner(files, `${folder}/issuing.pem`)
  const device = await readSigner(files, `${folder}/device.pem`)
  if (!isSignedBy(issuing.certificate, root))
    throw new Error(`${folder}/issuing.pem was not signed by ${folder}/root.pem`)
  if (!isSignedBy(device.certificate, issuing.certificate))
    throw new Error(`${folder}/device.pem was not signed by ${folder}/issuing.pem`)
  return { number, root, cross: cross === undefined ? undefined : readCertificate(cross), issuing, device }
}

/** The root with its key; undefined when the key was taken offline. */
export async function readRoot(files: TrustFiles, { number, root }: Generation): Promise<Signer | undefined> {
  const pem = await files.read(`${folderOf(number)}/root-key.pem`)
  return pem === undefined ? undefined : { certificate: root, keys: await readKeys(pem, root) }
}

/** A new certificate for the key of the issuing CA, so that all it has signed stays valid. */
export async function renewIssuing(
  files: TrustFiles,
  generation: Generation,
  root: Signer,
  atMs: number,
): Promise<Generation> {
  const issuing = await makeIssuing(files, generation.number, root, generation.issuing.keys, atMs)
  return { ...generation, issuing }
}

/** A new device certificate with a new key. */
export async function renewDevice(
  files: TrustFiles,
  generation: Generation,
  device: { readonly edgeId: string; readonly names: readonly string[] },
  atMs: number,
): Promise<Generation> {
  return { ...generation, device: await makeDevice(files, generation.number, generation.issuing, device, atMs) }
}

export async function removeGeneration(files: TrustFiles, number: number): Promise<void> {
  await files.remove(folderOf(number))
}

/** Two thirds of the life of a certificate. */
export function renewalMs({ notBeforeMs, notAfterMs }: Period): number {
  return notBeforeMs + ((notAfterMs - notBeforeMs) * 2) / 3
}

/** From a day ago, never beyond the end of its issuer. */
export function periodAt(atMs: number, lifeMs: number, issuer?: Certificate): Period {
  // Certificates know whole seconds.
  const startMs = Math.floor((atMs - backdateMs) / 1_000) * 1_000
  return {
    notBeforeMs: Math.max(startMs, issuer?.notBeforeMs ?? startMs),
    notAfterMs: Math.min(startMs + lifeMs, issuer?.notAfterMs ?? Infinity),
  }
}

async function makeIssuing(files: TrustFiles, number: number, root: Signer, keys: Keys, atMs: number): Promise<Signer> {
  const name = root.certificate.commonName.replace('root', 'issuing CA')
  const period = periodAt(atMs, life.issuing, root.certificate)
  const certificate = await issueCa(name, keys.publicKey, period, root, 0)
  return writeSigner(files, `${folderOf(number)}/issuing.pem`, { certificate, keys })
}

async function makeDevice(
  files: TrustFiles,
  number: number,
  issuing: Signer,
  { edgeId, names }: { readonly edgeId: string; readonly names: readonly string[] },
  atMs: number,
): Promise<Signer> {
  const keys = await createKeys()
  const certificate = await issueLeaf(
    {
      commonName: names[0] ?? edgeId,
      publicKey: keys.publicKey,
      period: periodAt(atMs, life.device, issuing.certificate),
      use: 'server',
      names,
      uri: identity.edge(edgeId),
    },
    issuing,
  )
  return writeSigner(files, `${folderOf(number)}/device.pem`, { certificate, keys })
}

/** Certificate and key in one file: they change at once or not at all. */
async function writeSigner(files: TrustFiles, name: string, signer: Signer): Promise<Signer> {
  await files.write(name, signer.certificate.pem + signer.keys.pem)
  return signer
}

async function readSigner(files: TrustFiles, name: string): Promise<Signer> {
  const text = await need(files, name)
  const certificate = readCertificate(text)
  const key = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----/.exec(text)?.[0]
  if (key === undefined) throw new Error(`${name} holds no key`)
  return { certificate, keys: await readKeys(key, certificate) }
}

async function need(files: TrustFiles, name: string): Promise<string> {
  const text = await files.read(name)
  if (text === undefined) throw new Error(`${name} is missing`)
  return text
}
