import { createRing, quantile } from './ring.ts'
import type { Endpoint, ListenFrame, MapEntry, WrittenValues } from './types.ts'

/** One block of registers or bits, as far as it was heard. */
export interface BlockTally {
  readonly place: BlockPlace
  requested(frame: ListenFrame): void
  /** `asked` is absent of an answer that names its registers itself. */
  answered(answer: ListenFrame, asked: ListenFrame | undefined): void
  unanswered(): void
  /** The newest values, or of writes what was written. */
  readonly last: readonly number[]
  snapshot(): Omit<MapEntry, 'proposed'>
}

export interface BlockPlace {
  readonly server: Endpoint | undefined
  readonly unitId: number
  readonly fc: number
  readonly access: 'read' | 'write'
  readonly address: number
  readonly count: number
}

const keptIntervals = 128
const keptWrites = 16

/** The block a frame is about; undefined when it is about none. FC 23 reads one and writes another. */
export function placeOfFrame(frame: ListenFrame, access: 'read' | 'write'): BlockPlace | undefined {
  const { unitId, fc, address, count, written, conversation } = frame
  if (unitId === undefined || fc === undefined || address === undefined || count === undefined) return undefined
  const common = { server: conversation?.server, unitId, fc, access }
  if (access === 'read') return [1, 2, 3, 4, 0x17].includes(fc) ? { ...common, address, count } : undefined
  if (written) return { ...common, address: written.address, count: written.values.length }
  return [5, 6, 0x0f, 0x10, 0x16].includes(fc) ? { ...common, address, count } : undefined
}

export function createBlockTally(place: BlockPlace): BlockTally {
  const intervals = createRing<number>(keptIntervals)
  const writes = createRing<{ -readonly [K in keyof WrittenValues]: WrittenValues[K] }>(keptWrites)
  const exceptions: Record<number, number> = {}
  let open: ReturnType<typeof writes.items>[number] | undefined
  let asked = 0
  let answered = 0
  let changes = 0
  let heard = 0
  let firstAtMs = Number.NaN
  let lastAtMs = Number.NaN
  let last: readonly number[] = []

  function happened(atMs: number): void {
    if (heard++ === 0) firstAtMs = atMs
    else intervals.push(atMs - lastAtMs)
    lastAtMs = atMs
  }

  function remember(values: readonly number[]): void {
    if (last.length > 0 && !isEqual(last, values)) changes++
    last = values
  }

  return {
    place,
    requested(frame) {
      asked++
      happened(frame.atMs)
      if (place.access === 'read') return
      const values = frame.written?.values ?? frame.values ?? []
      remember(values)
      open = { atMs: frame.atMs, values, result: 'unanswered' }
      writes.push(open)
    },
    answered(answer, request) {
      if (!request) happened(answer.atMs)
      if (answer.exception !== undefined) {
        exceptions[answer.exception] = (exceptions[answer.exception] ?? 0) + 1
        if (open) open.result = 'exception'
      } else {
        answered++
        if (open) open.result = 'answered'
        if (place.access === 'read' && answer.values) remember(answer.values)
      }
      open = undefined
    },
    unanswered: () => void (open = undefined),
    get last() {
      return last
    },
    snapshot() {
      const { server, ...rest } = place
      return {
        ...(server && { server }),
        ...rest,
        asked,
        answered,
        exceptions: { ...exceptions },
        ...periodOf(intervals.items()),
        firstAtMs,
        lastAtMs,
        last,
        changes,
        writes: writes.items().map((write) => ({ ...write })),
      }
    },
  }
}

/** Not known from fewer than three requests, nor where nothing tells when they were. */
function periodOf(intervals: readonly number[]): Pick<MapEntry, 'periodMs' | 'jitterMs'> {
  const median = quantile(intervals, 0.5)
  if (intervals.length < 2 || median === undefined || median <= 0) return {}
  const deviations = intervals.map((interval) => Math.abs(interval - median))
  return { periodMs: Math.round(median), jitterMs: Math.round(quantile(deviations, 0.5)!) }
}

function isEqual(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index])
}
