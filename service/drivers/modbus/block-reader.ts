import { splitBlock } from '../../pointmap/plan.ts'
import type { ReadBlock, RegisterFunction } from '../../pointmap/types.ts'
import type { BusUnit } from './bus.ts'
import { exceptionText, type Answer, type Failure, type ReadRequest } from './pdu.ts'
import type { Priority } from './queue.ts'
import type { ImagePage } from './register-image.ts'

/** One moment on both clocks. */
export interface Instant {
  readonly atMs: number
  readonly monotonicMs: number
}

/** What came of one read request. */
export type BlockResult =
  | { readonly kind: 'read'; readonly block: ReadBlock; readonly page: ImagePage; readonly at: Instant }
  /** No valid answer; the registers may well exist. */
  | { readonly kind: 'lost'; readonly block: ReadBlock; readonly failure: Failure; readonly reason: string }
  /** The device answers, but not this now. */
  | { readonly kind: 'refused'; readonly block: ReadBlock; readonly reason: string }
  /** The device does not have this value: asked for alone, and twice. */
  | { readonly kind: 'absent'; readonly block: ReadBlock; readonly reason: string }

export interface ReadOptions {
  /** Time of an answer. */
  readonly now: () => Instant
  readonly priority: Priority
  readonly signal: AbortSignal
  /** Whether the device has answered this very block before: a refusal is then asked about once more. */
  readonly proven: boolean
}

const codes: Readonly<Record<RegisterFunction, 1 | 2 | 3 | 4>> = { coil: 1, discrete: 2, holding: 3, input: 4 }

/** Failures after which asking again may help; the others were not sent, or are wished. */
const transient: ReadonlySet<Failure> = new Set<Failure>(['timeout', 'garbled', 'crc', 'closed'])

/**
 * Reads one block. What may be noise is asked once more; a block that is refused for one of its registers is halved
 * until the culprit stands alone.
 */
export async function readBlock(unit: BusUnit, block: ReadBlock, options: ReadOptions): Promise<BlockResult[]> {
  const request: ReadRequest = { fn: codes[block.function], address: block.address, count: block.count }
  const { priority, signal, proven, now } = options
  let answer = await unit.ask(request, { priority, signal })
  const halves = refusedForPart(answer) && !proven ? splitBlock(block) : undefined
  if (!halves && mayBeNoise(answer)) answer = await unit.ask(request, { priority, signal })
  if (answer.kind === 'words') return [read(block, answer.words, now())]
  if (answer.kind === 'bits') return [read(block, answer.bits, now())]
  if (answer.kind === 'failed') return [{ kind: 'lost', block, failure: answer.failure, reason: answer.reason }]
  const reason = answer.kind === 'exception' ? exceptionText(answer.code) : 'an answer of another kind'
  if (answer.kind === 'exception' && isGatewaySilence(answer.code))
    return [{ kind: 'lost', block, failure: 'timeout', reason }]
  if (!refusedForPart(answer)) return [{ kind: 'refused', block, reason }]
  const parts = halves ?? splitBlock(block)
  if (!parts) return [{ kind: 'absent', block, reason }]
  // One after the other: what the first half shows often decides the second.
  const rest = { ...options, proven: false }
  return [...(await readBlock(unit, parts[0], rest)), ...(await readBlock(unit, parts[1], rest))]
}

function read(block: ReadBlock, words: ArrayLike<number>, at: Instant): BlockResult {
  return { kind: 'read', block, page: { function: block.function, address: block.address, words }, at }
}

function mayBeNoise(answer: Answer): boolean {
  if (answer.kind === 'failed') return transient.has(answer.failure)
  return answer.kind === 'exception' && !isGatewaySilence(answer.code)
}

/** 2 is what the protocol demands for a missing register; 3 and 4 are what many devices say instead. */
function refusedForPart(answer: Answer): boolean {
  return answer.kind === 'exception' && answer.code >= 2 && answer.code <= 4
}

function isGatewaySilence(code: number): boolean {
  return code === 10 || code === 11
}
