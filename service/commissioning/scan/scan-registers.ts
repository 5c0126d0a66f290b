import type { RegisterScan, RegisterSpan, ScanProgress } from '#contract/workbench-scan.ts'
import type { ReadOnlyBus } from '../../drivers/modbus/bus.ts'
import { createRegisterReader, leastMs, type ReadOutcome, type ReadRate } from './register-reader.ts'
import { createRegisterTable } from './register-table.ts'
import type { ScanTools } from './scan-line.ts'

export interface RegisterScanOptions {
  /** Any bus that reads, also one that another program holds. */
  readonly bus: ReadOnlyBus
  readonly unitId: number
  readonly fn: 1 | 2 | 3 | 4
  /** Default: 0. */
  readonly from?: number
  /** Default: 59999, as reading what lies behind has side effects on some devices. */
  readonly to?: number
  /** First and last addresses that are not touched, from the map of the device. */
  readonly noScanRanges?: readonly (readonly [number, number])[]
  /** Addresses that are asked as well, such as those of a map: they may be islands too small to be met otherwise. */
  readonly likelyAddresses?: readonly number[]
  /** Most registers in one request, where it is known. */
  readonly mostRegisters?: number
  /** Distance of questions where nothing is; 1 asks for every address. Default: 32. */
  readonly stride?: number
  /** Default: 10 requests per second, half of the time of a serial line. */
  readonly rate?: Partial<ReadRate>
  /** Goes on where this one ended. */
  readonly previous?: RegisterScan
}

const usualStride = 32
const usualTo = 59_999
const usualRate: ReadRate = { perS: 10, duty: 0.5 }

/**
 * Finds out which registers a unit has, and what they read. Where nothing is, every 32nd address is asked alone; at one
 * that answers, the edges of its island are found by halving, and the island is read in the largest blocks that the device
 * gives. Only reads. Never rejects for what happens in the field.
 */
export async function scanRegisters(
  options: RegisterScanOptions,
  tools: ScanTools<RegisterScan>,
): Promise<RegisterScan> {
  const { bus, unitId, fn, previous } = options
  const { clock, signal, onProgress } = tools
  const { from = previous?.from ?? 0, to = previous?.to ?? usualTo } = options
  const stride = options.stride ?? previous?.stride ?? usualStride
  const rate = { ...usualRate, ...options.rate }
  const startMs = clock.monotonicMs()
  const startedAtMs = clock.nowMs()
  const table = createRegisterTable(previous?.spans)
  for (const [first, last] of options.noScanRanges ?? [])
    for (let address = first; address <= last; address++) table.set(address, 'skipped', null)
  const reader = createRegisterReader({ bus, unitId, fn, rate, clock, signal })
  /** The largest block that came, and the largest that may come. */
  let proven = previous?.largestBlock ?? 1
  let upper = previous?.largestBlock ?? options.mostRegisters ?? (fn <= 2 ? 2000 : 125)
  let next = previous?.next ?? from
  let unknownFunction = false

  const blockSize = (): number => (proven < upper && upperSeen ? (proven + upper + 1) >> 1 : upper)
  /** Whether `upper` is what a refusal has shown, so that the limit is between it and what came. */
  let upperSeen = false

  function refuseSize(count: number): void {
    upper = Math.max(1, Math.min(upper, count - 1))
    proven = Math.min(proven, upper)
    upperSeen = true
  }

  /** Asks and notes. True when values came. */
  async function read(address: number, count: number): Promise<boolean> {
    const outcome = await reader.read(address, count)
    if (outcome.kind === 'values') {
      table.setValues(address, outcome.words)
      proven = Math.max(proven, count)
      return true
    }
    if (outcome.kind === 'illegal-value' && count > 1) refuseSize(count)
    if (count === 1) note(address, outcome)
    return false
  }

  function note(address: number, outcome: ReadOutcome): void {
    if (outcome.kind === 'illegal-address') table.set(address, 'illegal-address', 2)
    else if (outcome.kind === 'silence') table.set(address, 'silence', null)
    else if (outcome.kind === 'illegal-value') table.set(address, 'other-exception', 3)
    else if (outcome.kind === 'exception') {
      unknownFunction ||= outcome.code === 1 && next === from
      table.set(address, 'other-exception', outcome.code)
    }
  }

  async function isThere(address: number): Promise<boolean> {
    if (table.known(address)) return table.isValue(address)
    return read(address, 1)
  }

  /** The border between a known and an unknown state of `there`, by halving: the last address that is like `near`. */
  async function border(near: number, far: number): Promise<number> {
    const there = table.isValue(near)
    let close = near
    let distant = far
    while (Math.abs(distant - close) > 1 && !reader.end) {
      const middle = (close + distant) >> 1
      if ((await isThere(middle)) === there) close = middle
      else distant = middle
    }
    return close
  }

  /** Reads everything from first to last, around the holes. True when there were none. `refused`: not as one block. */
  async function readAll(first: number, last: number, refused = false): Promise<boolean> {
    let whole = true
    for (let at = first; at <= last && !reader.end;) {
      const known = refused && at === first
      const count = known ? last - at + 1 : Math.min(blockSize(), last - at + 1)
      if (known || !(await read(at, count))) {
        if (!known && count > upper) continue
        whole = false
        if (count > 1) {
          const middle = at + (count >> 1)
          const left = await readAll(at, middle - 1)
          const right = await readAll(middle, at + count - 1)
          // The parts came, the whole did not: it was too large.
          if (left && right) {
            whole = true
            refuseSize(count)
          }
        }
      }
      at += count
    }
    return whole
  }

  /** Reads an island from its first address on. Returns the first address behind it. */
  async function readIsland(first: number): Promise<number> {
    let at = first
    while (at <= to && !table.isSkipped(at) && !reader.end) {
      let last = Math.min(to, at + blockSize() - 1)
      for (let address = at; address <= last; address++) if (table.isSkipped(address)) last = address - 1
      const count = last - at + 1
      if (await read(at, count)) {
        at += count
        continue
      }
      if (count > upper) continue
      if (!(await isThere(at)) || reader.end) return at
      if (await isThere(last)) {
        await readAll(at, last, true)
        at = last + 1
        continue
      }
      const edge = await border(at, last)
      await readAll(at, edge)
      return edge + 1
    }
    return at
  }

  const isOver = (): boolean => reader.end !== undefined || unknownFunction

  const likely = [...new Set(options.likelyAddresses)].toSorted((a, b) => a - b)
  let likelyIndex = 0

  /** The next address that is asked without a special reason. */
  function gridAfter(address: number): number {
    while (likelyIndex < likely.length && likely[likelyIndex]! <= address) likelyIndex++
    return Math.min((Math.floor(address / stride) + 1) * stride, likely[likelyIndex] ?? Number.POSITIVE_INFINITY)
  }

  /** The wanted address, or the last one before a range that is not to be touched. */
  function behindBarrier(at: number, wanted: number): number {
    for (let address = at + 1; address <= wanted; address++)
      if (table.isSkipped(address)) return address === at + 1 ? address : address - 1
    return wanted
  }

  async function walk(): Promise<void> {
    let at = next
    /** Behind an island the distances grow from 1 again: islands come in groups. */
    let step = stride
    while (at <= to && !isOver()) {
      if (table.isSkipped(at)) {
        while (at <= to && table.isSkipped(at)) at++
        next = at
        continue
      }
      progress(at)
      if (await isThere(at)) {
        const first = at > next ? await border(at, next - 1) : at
        if (first > next) table.infer(next, first - 1, first - 1)
        if (reader.end) return
        const behind = await readIsland(first)
        if (reader.end) return
        next = behind
        at = behind
        step = 1
        continue
      }
      if (reader.end) return
      table.infer(next, at, at)
      next = at + 1
      at = behindBarrier(
        at,
        Math.min(gridAfter(at), step < stride ? at + step : Number.POSITIVE_INFINITY, at === to ? to + 1 : to),
      )
      step = Math.min(stride, 2 * step)
    }
    if (!reader.end) next = to + 1
  }

  /** The least that the same work takes at this rate with the fastest answer that was measured. */
  function floorMs(spans: readonly RegisterSpan[]): number {
    if (!Number.isFinite(reader.bestMs)) return 0
    const timeMs = (count: number): number =>
      Math.max(reader.bestMs + bus.costs.registerMs * (count - 1), leastMs(bus, rate, count))
    const rows = spans.filter(({ status }) => status === 'value' || status === 'sentinel')
    const absent = spans.filter(({ status }) => status !== 'skipped' && !rows.some((row) => row.status === status))
    const samples = absent.reduce((sum, { count }) => sum + count, 0) / stride
    const edges = 2 * rows.length * Math.log2(stride)
    const blocks = rows.reduce(
      (sum, { count }) => sum + Math.floor(count / upper) * timeMs(upper) + (count % upper ? timeMs(count % upper) : 0),
      0,
    )
    return (samples + edges) * timeMs(1) + blocks
  }

  /** Settles which block is the largest, in the middle of what is known to be there. */
  async function findLimit(): Promise<void> {
    const row = table.longestRow(from, next - 1)
    while (upperSeen && proven < Math.min(upper, row.count) && !reader.end) {
      const count = (proven + Math.min(upper, row.count) + 1) >> 1
      if (!(await read(row.address, count)) && !reader.end) refuseSize(count)
    }
  }

  function progress(at: number): void {
    const done = at - from
    const passedMs = clock.monotonicMs() - startMs
    const doneNow = at - (previous?.next ?? from)
    const leftMs = doneNow > 0 ? Math.round((passedMs / doneNow) * (to - at + 1)) : null
    const text: ScanProgress['text'] = `address ${at}, ${reader.requests} requests`
    onProgress?.({ phase: 'registers', done, total: to - from + 1, leftMs, text }, () => resultOf('cancelled'))
  }

  const resultOf = (state: RegisterScan['state']): RegisterScan => {
    const spans = table.spans(from, next - 1)
    return {
      kind: 'registers',
      bus: bus.name,
      unitId,
      fn,
      from,
      to,
      state,
      reason: reader.end && 'reason' in reader.end ? reader.end.reason : null,
      startedAtMs,
      elapsedMs: Math.round((previous?.elapsedMs ?? 0) + clock.monotonicMs() - startMs),
      floorMs: Math.round(floorMs(spans)),
      requests: (previous?.requests ?? 0) + reader.requests,
      notes: unknownFunction ? [`the device does not know function ${fn}`] : [],
      stride,
      largestBlock: proven === upper ? proven : null,
      spans,
      next,
    }
  }

  await walk()
  await findLimit()
  if (unknownFunction) {
    table.infer(from, to, from)
    next = to + 1
  }
  return resultOf(reader.end?.state ?? 'complete')
}
