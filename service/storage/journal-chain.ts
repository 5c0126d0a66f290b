import { createHash } from 'node:crypto'

/** Hash before the first entry. */
export const genesisHash = '0'.repeat(64)

/** A place in the chain: the entry's number and its hash. */
export interface ChainPoint {
  readonly seq: number
  readonly hash: string
}

export interface JournalInput {
  /** What was attempted: write, release, arm, configuration; gap, pruned and set-aside are the journal's own. */
  readonly kind: string
  /** Who. */
  readonly principal: string
  readonly deviceId?: string | undefined
  readonly command?: string | undefined
  /** In the unit of the command. */
  readonly value?: number | undefined
  readonly outcome?: string | undefined
  readonly detail?: string | undefined
  /** Bytes on the wire, in hex. */
  readonly frames?: readonly string[] | undefined
  /** Anything else, such as the address a request came from. */
  readonly data?: Readonly<Record<string, string | number | boolean>> | undefined
}

interface JournalBody extends JournalInput {
  readonly seq: number
  readonly atMs: number
  readonly prevHash: string
}

export interface JournalEntry extends JournalBody {
  readonly hash: string
}

/** An entry as it is stored: the very text that was hashed. */
export interface JournalRow {
  readonly seq: number
  readonly body: string
  readonly hash: string
}

export type CanonicalValue =
  | string
  | number
  | boolean
  | undefined
  | readonly CanonicalValue[]
  | { readonly [key: string]: CanonicalValue }

/** JSON with sorted keys and no white space, so that equal content has one text. Numbers that JSON lacks become strings. */
export function canonicalJson(value: CanonicalValue): string {
  if (typeof value === 'number') return Number.isFinite(value) ? JSON.stringify(value) : JSON.stringify(String(value))
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item)).join(',')}]`
  if (typeof value !== 'object') return JSON.stringify(value ?? '')
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`).join(',')}}`
}

export const hashOf = (body: string): string => createHash('sha256').update(body).digest('hex')

/** Bounds of one entry, so that the journal's size is bounded too. */
const maxText = 2_000
const maxFrame = 600
const maxFrames = 16

/** Makes the entry that follows `previous`. */
export function chainEntry(
  input: JournalInput,
  previous: ChainPoint,
  atMs: number,
): { readonly entry: JournalEntry; readonly row: JournalRow } {
  const { detail, frames, value, ...rest } = input
  const body: JournalBody = {
    ...rest,
    ...(value !== undefined && Number.isFinite(value) && { value }),
    ...(detail !== undefined && { detail: detail.slice(0, maxText) }),
    ...(frames !== undefined && { frames: frames.slice(0, maxFrames).map((frame) => frame.slice(0, maxFrame)) }),
    seq: previous.seq + 1,
    atMs,
    prevHash: previous.hash,
  }
  const text = canonicalJson({ ...body })
  const hash = hashOf(text)
  return { entry: { ...body, hash }, row: { seq: body.seq, body: text, hash } }
}

/** An entry for reading. One that was damaged is shown as such; `verify` tells more. */
export function readEntry(row: JournalRow): JournalEntry {
  const body = parseBody(row.body)
  const unreadable = { kind: 'unreadable', principal: '', seq: row.seq, atMs: 0, prevHash: '' }
  return { ...(body ?? unreadable), hash: row.hash }
}

function parseBody(text: string): JournalBody | undefined {
  try {
    const body: unknown = JSON.parse(text)
    return isBody(body) ? body : undefined
  } catch {
    return undefined
  }
}

/** What every entry has; the rest was written by `chainEntry`, as the hash proves. */
function isBody(value: unknown): value is JournalBody {
  if (typeof value !== 'object' || value === null) return false
  const types: Readonly<Record<string, string>> = {
    seq: 'number',
    atMs: 'number',
    kind: 'string',
    principal: 'string',
    prevHash: 'string',
  }
  return Object.entries(types).every(([key, type]) => typeof Reflect.get(value, key) === type)
}

export type VerifyResult =
  | { readonly ok: true; readonly entries: number; readonly head: ChainPoint }
  | {
      readonly ok: false
      readonly problem: 'edited' | 'missing' | 'reordered' | 'truncated'
      /** Number of the first entry that is wrong or missing. */
      readonly seq: number
      readonly message: string
    }
export type ChainProblem = Extract<VerifyResult, { ok: false }>

/** Kinds of entries that allow the journal to begin later than at 1, and say up to where entries are gone. */
const checkpointKinds: ReadonlySet<string> = new Set(['pruned', 'set-aside'])

export interface ChainVerifier {
  /** Takes the next stored row; returns what is wrong with it. */
  add(row: JournalRow): ChainProblem | undefined
  /** To be called after the last row, with the newest place known from elsewhere. */
  finish(known: ChainPoint): VerifyResult
}

/** Checks rows in their order. `from` tells whether the first row given must be the journal's first one. */
export function createChainVerifier(from: 'start' | 'middle'): ChainVerifier {
  let previous: ChainPoint | undefined
  let first: JournalBody | undefined
  let entries = 0
  let beginAllowed = from === 'middle'

  const bad = (problem: ChainProblem['problem'], seq: number, message: string): ChainProblem => ({
    ok: false,
    problem,
    seq,
    message,
  })

  return {
    add(row) {
      if (previous && row.seq !== previous.seq + 1)
        return bad('missing', previous.seq + 1, `entries ${previous.seq + 1} to ${row.seq - 1} are missing`)
      const body = hashOf(row.body) === row.hash ? parseBody(row.body) : undefined
      if (!body) return bad('edited', row.seq, `entry ${row.seq} was changed after it was written`)
      if (body.seq !== row.seq)
        return bad('reordered', row.seq, `entry ${body.seq} stands in the place of entry ${row.seq}`)
      if (previous && body.prevHash !== previous.hash)
        return bad('edited', previous.seq, `entry ${row.seq} does not follow from entry ${previous.seq} as it is now`)
      first ??= body
      if (body.seq === 1 && body.prevHash === genesisHash) beginAllowed = true
      if (checkpointKinds.has(body.kind) && first.seq > 1) {
        const upTo = Number(body.data?.['upToSeq'])
        beginAllowed ||= upTo > first.seq - 1 || (upTo === first.seq - 1 && body.data?.['upToHash'] === first.prevHash)
      }
      previous = { seq: row.seq, hash: row.hash }
      entries += 1
      return undefined
    },
    finish(known) {
      const head = previous ?? { seq: 0, hash: genesisHash }
      if (first && !beginAllowed) return bad('missing', first.seq - 1, `entries before ${first.seq} are missing`)
      if (known.seq > head.seq)
        return bad(
          'truncated',
          head.seq + 1,
          `the journal ends at entry ${head.seq}, but entry ${known.seq} was written`,
        )
      if (known.seq === head.seq && known.hash !== head.hash)
        return bad('edited', head.seq, `entry ${head.seq} is not the one that was written`)
      return { ok: true, entries, head }
    },
  }
}
