import type { RefusedRegister, RegisterRange, WatchedBlock } from '#contract/workbench-registers.ts'
import type { Clock } from '../../domain/clock.ts'
import type { ReadOnlyBus } from '../../drivers/modbus/bus.ts'
import { type Answer, exceptionText } from '../../drivers/modbus/pdu.ts'
import { leastMs, type ReadRate } from '../scan/register-reader.ts'
import { type Block, type BlockLimits, halves, planBlocks } from './blocks.ts'

export interface UnitWatchOptions {
  readonly bus: ReadOnlyBus
  readonly unitId: number
  readonly ranges: readonly RegisterRange[]
  readonly limits?: BlockLimits
  /** Default: 10 requests per second, half of the time of a serial line. */
  readonly rate?: Partial<ReadRate>
  /** From the beginning of one round to that of the next at least, in ms. */
  readonly everyMs: number
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Some registers were read, or their reading failed. */
  changed?(): void
  /** Each reading, as it comes. */
  read?(block: Block, words: ArrayLike<number>): void
}

/** One register range as it was read last. */
export interface WatchedValues {
  readonly block: Block
  readonly words: Uint16Array
  /** Times of the newest readings, monotonic, oldest first. */
  readonly readMs: number[]
  readonly atMs: number
  /** When each register was last seen to have moved, monotonic; -Infinity for never. */
  readonly changedMs: Float64Array
}

/** Registers of one unit that are read again and again. */
export interface UnitWatch {
  /** By function and address; without those that were never read. */
  values(): WatchedValues[]
  refused(): readonly RefusedRegister[]
  /** What was read since the function was called last. */
  takeRead(): WatchedBlock[]
  readonly requests: number
  readonly failures: number
  readonly rounds: number
  readonly roundMs: number | null
  /** Why nothing comes, in words; undefined while the unit answers. */
  readonly problem: string | undefined
  /** Reads until the signal is aborted, or so many rounds. Never rejects for what happens in the field. */
  run(rounds?: number): Promise<void>
}

const usualRate: ReadRate = { perS: 10, duty: 0.5 }
/** A unit that is silent is asked so often again. */
const silentPauseMs = 1000
const keptReadings = 64

export function createUnitWatch(options: UnitWatchOptions): UnitWatch {
  const { bus, unitId, ranges, limits, everyMs, clock, signal, changed, read: tellRead } = options
  const rate = { ...usualRate, ...options.rate }
  const unit = bus.unit(unitId)
  let blocks = planBlocks(ranges, limits)
  const known = new Map<Block, { -readonly [Key in keyof WatchedValues]: WatchedValues[Key] }>()
  const fresh = new Set<Block>()
  const refused: RefusedRegister[] = []
  let [requests, failures, rounds] = [0, 0, 0]
  let roundMs: number | null = null
  let problem: string | undefined

  function note(block: Block, read: ArrayLike<number>): void {
    const nowMs = clock.monotonicMs()
    const before = known.get(block)
    const values = before ?? {
      block,
      words: Uint16Array.from(read),
      readMs: [],
      atMs: 0,
      changedMs: new Float64Array(block.count).fill(Number.NEGATIVE_INFINITY),
    }
    for (let at = 0; at < block.count; at++) {
      const word = read[at] ?? 0
      if (values.words[at] === word) continue
      values.words[at] = word
      values.changedMs[at] = nowMs
    }
    values.readMs.push(nowMs)
    if (values.readMs.length > keptReadings) values.readMs.shift()
    values.atMs = clock.nowMs()
    known.set(block, values)
    fresh.add(block)
    tellRead?.(block, read)
    problem = undefined
  }

  /** What becomes of a block. A unit that refuses it as a whole is asked for its halves. */
  function take(block: Block, answer: Answer): readonly Block[] {
    if (answer.kind === 'words' || answer.kind === 'bits') {
      note(block, answer.kind === 'words' ? answer.words : answer.bits)
      return [block]
    }
    failures++
    if (answer.kind === 'exception' && answer.code <= 3) {
      problem = undefined
      if (block.count > 1 && answer.code > 1) return halves(block)
      for (let at = 0; at < block.count; at++)
        refused.push({ fn: block.fn, address: block.address + at, code: answer.code })
      return []
    }
    if (answer.kind === 'exception') problem = `unit ${unitId}: ${exceptionText(answer.code)}`
    else problem = answer.kind === 'failed' ? answer.reason : 'an answer of another kind'
    return [block]
  }

  async function pause(ms: number): Promise<void> {
    if (ms > 0 && !signal.aborted) await clock.sleep(ms, signal).catch(() => undefined)
  }

  /** One reading of everything. False when the unit does not answer. */
  async function round(): Promise<boolean> {
    const startMs = clock.monotonicMs()
    const todo = [...blocks]
    const done: Block[] = []
    let answered = false
    for (let block = todo.shift(); block && !signal.aborted; block = todo.shift()) {
      const fromMs = clock.monotonicMs()
      requests++
      const answer = await unit.ask({ fn: block.fn, address: block.address, count: block.count }, { signal })
      if (signal.aborted) break
      const kept = take(block, answer)
      if (kept.length > 1) todo.unshift(...kept)
      else done.push(...kept)
      answered ||= answer.kind !== 'failed'
      changed?.()
      if (answer.kind === 'failed' && answer.failure !== 'garbled' && answer.failure !== 'crc') {
        done.push(...todo)
        break
      }
      const words = answer.kind === 'words' ? block.count : 0
      await pause(leastMs(bus, rate, words) - (clock.monotonicMs() - fromMs))
    }
    if (signal.aborted) return answered
    blocks = done
    if (answered) {
      rounds++
      roundMs = Math.round(clock.monotonicMs() - startMs)
    }
    return answered
  }

  return {
    values: () => [...known.values()].toSorted((a, b) => a.block.fn - b.block.fn || a.block.address - b.block.address),
    refused: () => refused,
    takeRead() {
      const read = [...fresh].flatMap((block): WatchedBlock[] => {
        const values = known.get(block)
        return values ? [blockMessage(values)] : []
      })
      fresh.clear()
      return read
    },
    get requests() {
      return requests
    },
    get failures() {
      return failures
    },
    get rounds() {
      return rounds
    },
    get roundMs() {
      return roundMs
    },
    get problem() {
      return problem
    },
    async run(most = Number.POSITIVE_INFINITY) {
      while (!signal.aborted && blocks.length > 0) {
        const startMs = clock.monotonicMs()
        const answered = await round()
        if (rounds >= most || (!answered && Number.isFinite(most))) return
        await pause(Math.max(answered ? 0 : silentPauseMs, everyMs - (clock.monotonicMs() - startMs)))
      }
      if (blocks.length === 0) problem = 'the unit refuses all of these registers'
    },
  }
}

export const blockMessage = ({ block, words, atMs }: WatchedValues): WatchedBlock => ({
  fn: block.fn,
  address: block.address,
  words: Array.from(words),
  atMs,
})
