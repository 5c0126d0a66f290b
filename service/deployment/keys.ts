import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { z } from 'zod'
import { type DeployKey, deployKey, type DeployKeys, type NewDeployKey } from '#contract/deployment.ts'
import { EdgeError } from '#contract/errors.ts'
import { ed25519Key, type Signer } from './bundle.ts'

/** Signing key of this service or laptop, in its data folder (0600). It never leaves it. */
export const signingKeyFile = 'deploy-key.pem'
/** Keys whose bundles this edge accepts, in its data folder. */
const enrolledFile = 'deploy-keys.json'
const mostKeys = 100

/** A folder of small private files (0600), each replaced as a whole and durably. */
export interface KeyFolder {
  /** Undefined when there is none. */
  read(name: string): Promise<string | undefined>
  write(name: string, text: string): Promise<void>
}

export interface OwnKey extends Signer {
  /** SubjectPublicKeyInfo as base64: what is enrolled. */
  readonly publicKey: string
}

const keyIdOf = (spki: Uint8Array): string => createHash('sha256').update(spki).digest('hex')

/** The key of this folder, made at first use. Rejects with deployment.key when the file is damaged. */
export async function openSigningKey(folder: KeyFolder): Promise<OwnKey> {
  let pem = await folder.read(signingKeyFile)
  if (pem === undefined) {
    pem = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
    await folder.write(signingKeyFile, pem)
  }
  try {
    const privateKey = createPrivateKey(pem)
    const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
    ed25519Key(spki)
    return { privateKey, keyId: keyIdOf(spki), publicKey: spki.toString('base64') }
  } catch (error) {
    throw new EdgeError('deployment.key', `${signingKeyFile} is damaged; delete it and enrol the new one`, {
      cause: error,
    })
  }
}

export interface EnrolledKeys {
  list(): DeployKeys
  publicKey(keyId: string): Uint8Array | undefined
  /** Resolves once it is durable. Rejects with deployment.key. */
  add(key: NewDeployKey, by: string): Promise<DeployKey>
  /** Rejects with deployment.key. */
  remove(id: string): Promise<void>
}

const stored = z.strictObject({ keys: z.array(deployKey.omit({ own: true })).max(mostKeys) })

/**
 * The keys that an installer has enrolled over a signed-in connection, and the edge's own. A damaged file enrols nobody: what
 * runs goes on, and keys are added anew.
 */
export async function openEnrolledKeys(options: {
  folder: KeyFolder
  own: OwnKey
  nowMs(): number
}): Promise<{ readonly keys: EnrolledKeys; readonly damaged: boolean }> {
  const { folder, own, nowMs } = options
  const text = await folder.read(enrolledFile)
  const found = text === undefined ? { keys: [] } : stored.safeParse(parseJson(text)).data
  let enrolled = found?.keys ?? []
  const mine: DeployKey = {
    id: own.keyId,
    publicKey: own.publicKey,
    owner: 'this edge',
    addedBy: 'this edge',
    addedAtMs: 0,
    own: true,
  }

  async function save(next: typeof enrolled): Promise<void> {
    await folder.write(enrolledFile, `${JSON.stringify({ keys: next }, undefined, 2)}\n`)
    enrolled = next
  }

  const keys: EnrolledKeys = {
    list: () => ({ keys: [mine, ...enrolled.map((key) => ({ ...key, own: false }))] }),
    publicKey(keyId) {
      const key = keyId === own.keyId ? mine : enrolled.find(({ id }) => id === keyId)
      return key && Buffer.from(key.publicKey, 'base64')
    },
    async add({ publicKey, owner }, by) {
      const spki = Buffer.from(publicKey, 'base64')
      ed25519Key(spki)
      const id = keyIdOf(spki)
      const known = enrolled.find((key) => key.id === id)
      if (known) return { ...known, own: false }
      if (id === own.keyId) return mine
      if (enrolled.length >= mostKeys)
        throw new EdgeError('deployment.key', `this edge has ${mostKeys} keys already; remove one first`)
      const key = { id, publicKey, owner, addedBy: by, addedAtMs: nowMs() }
      await save([...enrolled, key])
      return { ...key, own: false }
    },
    async remove(id) {
      if (id === own.keyId) throw new EdgeError('deployment.key', "the edge's own key cannot be removed")
      if (!enrolled.some((key) => key.id === id)) throw new EdgeError('deployment.key', 'there is no such key')
      await save(enrolled.filter((key) => key.id !== id))
    },
  }
  return { keys, damaged: found === undefined }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
