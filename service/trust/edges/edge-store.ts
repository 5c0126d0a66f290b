import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { z } from 'zod'
import { edgeAddress } from '#contract/desktop.ts'

/** Encrypts with the key store of the system. */
export interface KeyStore {
  /** False where the system would only obscure the text. */
  isSafe(): boolean
  encrypt(text: string): Buffer
  decrypt(data: Buffer): string
}

const storedEdge = z.strictObject({
  id: z.uuid(),
  name: z.string(),
  address: edgeAddress,
  /** PEM of the roots it was paired with. */
  roots: z.string(),
  /** PEM of what it last told about its CA. */
  intermediates: z.string(),
  revocations: z.string(),
  /** Base64 of the encrypted token; absent where there is no key store. */
  token: z.string().optional(),
})
const storedEdges = z.strictObject({ version: z.literal(1), edges: z.array(storedEdge).max(1_000) })

export type StoredEdge = Omit<z.infer<typeof storedEdge>, 'token'>

/** Known edges on disk. Tokens are on disk only encrypted by the system, otherwise in memory until the app is closed. */
export interface EdgeStore {
  list(): readonly StoredEdge[]
  find(id: string): StoredEdge | undefined
  tokenOf(id: string): string | undefined
  tokenPlace(id: string): 'stored' | 'session' | 'none'
  put(edge: StoredEdge, token?: string): void
  remove(id: string): void
}

/** Opens the list in `file`. One that cannot be read is set aside as FILE.damaged, and a new one started. */
export function openEdgeStore(file: string, keys: KeyStore): EdgeStore {
  const edges = new Map(read(file).map((edge) => [edge.id, edge]))
  const session = new Map<string, string>()

  function save(): void {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(`${file}.new`, JSON.stringify({ version: 1, edges: [...edges.values()] }), { mode: 0o600 })
    renameSync(`${file}.new`, file)
  }

  function stored(id: string): string | undefined {
    const token = edges.get(id)?.token
    if (token === undefined || !keys.isSafe()) return undefined
    try {
      return keys.decrypt(Buffer.from(token, 'base64'))
    } catch {
      // Another user, another machine or a new key store: it has to be paired again.
      return undefined
    }
  }

  return {
    list: () => [...edges.values()],
    find: (id) => edges.get(id),
    tokenOf: (id) => session.get(id) ?? stored(id),
    tokenPlace: (id) => (session.has(id) ? 'session' : stored(id) === undefined ? 'none' : 'stored'),
    put(edge, token) {
      const kept = token === undefined ? edges.get(edge.id)?.token : undefined
      const encrypted = token !== undefined && keys.isSafe() ? keys.encrypt(token).toString('base64') : kept
      if (token !== undefined && encrypted === undefined) session.set(edge.id, token)
      const { id, name, address, roots, intermediates, revocations } = edge
      const plain = { id, name, address, roots, intermediates, revocations }
      edges.set(id, encrypted === undefined ? plain : { ...plain, token: encrypted })
      save()
    },
    remove(id) {
      session.delete(id)
      if (edges.delete(id)) save()
    },
  }
}

function read(file: string): z.infer<typeof storedEdge>[] {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return []
  }
  try {
    return storedEdges.parse(JSON.parse(text)).edges
  } catch {
    renameSync(file, `${file}.damaged`)
    return []
  }
}
