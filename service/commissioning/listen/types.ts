import type { LoadedMap } from '../../pointmap/types.ts'
import type { SunspecModels } from '../../pointmap/sunspec/models.ts'

export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** The two ends of a recorded TCP connection. */
export interface Conversation {
  readonly client: Endpoint
  readonly server: Endpoint
}

/** What came at once, as the operating system or a capture handed it over. The bytes are valid only during the call. */
export interface Chunk {
  /** Wall-clock time of its last byte. */
  readonly atMs: number
  readonly bytes: Uint8Array
  /** Where each side was recorded on its own. */
  readonly from?: 'client' | 'server'
  /** Absent on a bus, where all hear each other. */
  readonly conversation?: Conversation
  /** Where the source knows it; found out from the first bytes otherwise. */
  readonly framing?: Framing
  /** The capture lacks bytes before this one. */
  readonly afterGap?: true
}

export interface ChunkSink {
  chunk(chunk: Chunk): void
  /** Once, when chunks can come from now on. A source that cannot be opened rejects instead. */
  opened?(): void
}

/** How a source ended. */
export interface SourceEnd {
  /** False when there would have been more: a file cut in the middle, an adapter pulled. */
  readonly complete: boolean
  /** In a sentence, where there is something to say. */
  readonly reason?: string
}

/** Something that can be listened to. There is nothing to send with. */
export interface ListenSource {
  /** A port or a file, for people. */
  readonly name: string
  /** Whether chunks come as they happen, so that quiet means something. */
  readonly live: boolean
  /**
   * Hands over chunks until it ends or is aborted, which both resolve. Rejects with an EdgeError `serial.*` or
   * `capture.*` when it cannot be opened.
   */
  run(sink: ChunkSink, signal: AbortSignal): Promise<SourceEnd>
}

export type Framing = 'rtu' | 'tcp' | 'givenergy'

/** `unknown`: a valid frame that could be either; it is never guessed. */
export type FrameRole = 'request' | 'answer' | 'exception' | 'unknown' | 'rejected'

/**
 * Why a frame has its role.
 *   form: its length and fields allow no other
 *   exchange: it fits, or cannot fit, as the answer to the frame before it
 *   timing: it came soon after the frame before it, which had stood alone
 *   direction: the capture tells the two sides apart
 *   undecided: both are possible
 */
export type RoleReason = 'form' | 'exchange' | 'timing' | 'direction' | 'undecided'

/** One frame, or a run of bytes that are none. */
export interface ListenFrame {
  /** Counts up from 0 without gaps. */
  readonly number: number
  /** When its first and last byte came. */
  readonly atMs: number
  readonly endMs: number
  readonly framing: Framing
  readonly conversation?: Conversation
  readonly role: FrameRole
  readonly roleBy: RoleReason
  /** Of rejected bytes, unit and function only: what they look like but for their checksum. */
  readonly unitId?: number
  /** Function code without the exception bit. */
  readonly fc?: number
  readonly exception?: number
  /** Zero-based; of an answer on a bus, that of its request. For FC 23 what is read. */
  readonly address?: number
  readonly count?: number
  /** Registers or bits that the frame carries: read, or to be written. */
  readonly values?: readonly number[]
  /** What FC 23 writes before it reads. */
  readonly written?: { readonly address: number; readonly values: readonly number[] }
  /** Of an answer: `number` of its request. */
  readonly answers?: number
  /** Transaction of Modbus TCP. */
  readonly transaction?: number
  /** Of rejected bytes: why, in words. */
  readonly note?: string
  readonly hex: string
}

/** A request and its answer. */
export interface ListenPair {
  readonly request: number
  readonly answer: number
  readonly unitId: number
  readonly fc: number
  /** From the end of the request to the first byte of the answer, as precise as the chunks. */
  readonly turnaroundMs: number
  readonly exception?: number
}

export interface UnitStatistics {
  /** Of a recorded connection: whose units these are. */
  readonly server?: Endpoint
  readonly unitId: number
  readonly asked: number
  readonly answered: number
  /** How often per exception code. */
  readonly exceptions: Readonly<Record<number, number>>
  /** Requests that were followed by another frame instead of an answer. */
  readonly unanswered: number
  /** Damaged bytes that had the form of a frame of this unit. */
  readonly crcErrors: number
  /** Absent until an answer was timed. */
  readonly turnaroundMs?: { readonly median: number; readonly p95: number }
  readonly lastHeardMs: number
  /** What the unit may be, likeliest first, from what is asked and what it answers. */
  readonly candidates: readonly MapCandidate[]
}

/** A map of the library that fits the traffic of a unit. */
export interface MapCandidate {
  readonly map: string
  readonly vendor: string
  readonly model: string
  /** 0..1 */
  readonly confidence: number
  readonly evidence: readonly string[]
}

/** A name for registers, and why. */
export interface ProposedPoint {
  readonly name: string
  readonly title: string
  readonly address: number
  readonly value?: number | string | readonly string[]
  readonly unit: string
  readonly map: string
  /** That of the map for the unit. */
  readonly confidence: number
  readonly reason: string
}

export interface WrittenValues {
  readonly atMs: number
  readonly values: readonly number[]
  readonly result: 'answered' | 'exception' | 'unanswered'
}

/** One block of registers or bits that the foreign client reads or writes. */
export interface MapEntry {
  readonly server?: Endpoint
  readonly unitId: number
  readonly fc: number
  readonly access: 'read' | 'write'
  readonly address: number
  readonly count: number
  readonly asked: number
  readonly answered: number
  readonly exceptions: Readonly<Record<number, number>>
  /** Median time between two requests, and its median deviation; absent before the third request. */
  readonly periodMs?: number
  readonly jitterMs?: number
  readonly firstAtMs: number
  readonly lastAtMs: number
  /** Newest values; empty before the first answer. */
  readonly last: readonly number[]
  /** How often an answer, or what was written, differed from the one before. */
  readonly changes: number
  /** The newest 16 writes, oldest first. */
  readonly writes: readonly WrittenValues[]
  readonly proposed: readonly ProposedPoint[]
}

export interface FrameCounts {
  readonly requests: number
  readonly answers: number
  readonly exceptions: number
  readonly unknown: number
  /** Runs of rejected bytes, and their bytes. */
  readonly rejected: number
  readonly rejectedBytes: number
  /** Runs that had the form of a frame, but not its checksum. */
  readonly crcErrors: number
}

/** What listening has brought so far. Plain data. */
export interface ListenSnapshot {
  readonly source: string
  readonly live: boolean
  /** Of a capture: from its first byte to its last. */
  readonly startedAtMs: number
  readonly durationMs: number
  readonly bytes: number
  readonly sentBytes: 0
  /** Since the last byte; of a live source that has heard none, since it was opened. */
  readonly quietMs: number
  /** Recorded connections that carry something else. */
  readonly foreignConnections: number
  /** In one sentence, such as "nothing heard for 12 s". */
  readonly summary: string
  readonly frames: FrameCounts
  readonly pairs: number
  readonly units: readonly UnitStatistics[]
  /** By server, unit, function and address. */
  readonly map: readonly MapEntry[]
  /** Blocks that were left out because there were too many. */
  readonly mapLeftOut: number
  /** Newest, oldest first. */
  readonly recentFrames: readonly ListenFrame[]
  readonly recentPairs: readonly ListenPair[]
  /** Set when the source has ended. */
  readonly end?: SourceEnd
}

/** Maps from which names are proposed. */
export interface ListenLibrary {
  readonly maps: readonly LoadedMap[]
  readonly sunspecModels: SunspecModels
}

export interface Listening extends AsyncDisposable {
  /** Resolves when the source is open, rejects with its EdgeError when it cannot be. */
  readonly opened: Promise<void>
  /** Resolves when the source has ended or listening was disposed. Never rejects. */
  readonly ended: Promise<SourceEnd>
  snapshot(): ListenSnapshot
  /** Every frame from now on, in order. Returns what ends it. */
  onFrame(listener: (frame: ListenFrame) => void): () => void
  onPair(listener: (pair: ListenPair) => void): () => void
  /** The recent frames as pcapng; rejected bytes are packets with a comment. */
  pcapng(): Buffer
}
