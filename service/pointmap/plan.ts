import type { Quirks } from '#contract/point-map.ts'
import type { ReadBlock, RegisterFunction, ResolvedPoint } from './types.ts'

/** What reading costs, so that gaps are read along only where that is cheaper than another request. */
export interface ReadCosts {
  /** Time of a request and its answer without data. */
  readonly requestMs: number
  /** Additional time per register. */
  readonly registerMs: number
}

/** Modbus TCP in a local network: small controllers need about 0.1 ms per register, so gaps up to 24 are worth it. */
export const tcpCosts: ReadCosts = { requestMs: 2.4, registerMs: 0.1 }

/** Registers that a device said it lacks, found while running. */
export interface AbsentRange {
  readonly function: RegisterFunction
  readonly first: number
  readonly last: number
}

/** Registers that must come in one answer: those of one value, or of values that share registers. */
interface Span {
  first: number
  last: number
  readonly points: Set<ResolvedPoint>
}

/** A span of which it is better, but not necessary, that it comes in one answer: a value and its scale factor. */
interface Bond {
  readonly first: number
  readonly last: number
}

const isBit = (fn: RegisterFunction) => fn === 'coil' || fn === 'discrete'

/**
 * The read requests that bring all points: fewest torn values first (a value apart from its scale factor), then least
 * time, then fewest requests. Never touches holes, exceeds the device's largest block or tears a value of several
 * registers. Exact, by dynamic programming over the sorted registers.
 */
export function planReads(
  points: readonly ResolvedPoint[],
  quirks: Quirks,
  options: { readonly costs?: ReadCosts; readonly absent?: readonly AbsentRange[] } = {},
): ReadBlock[] {
  const functions = [...new Set(points.map((point) => point.function))]
  return functions.flatMap((fn) => planFunction(fn, points, quirks, options))
}

function planFunction(
  fn: RegisterFunction,
  points: readonly ResolvedPoint[],
  quirks: Quirks,
  options: { readonly costs?: ReadCosts; readonly absent?: readonly AbsentRange[] },
): ReadBlock[] {
  const wanted = points.filter((point) => point.function === fn)
  const limits = limitsOf(fn, quirks, options)
  const spans = mergeSpans(wanted.flatMap(spansOf)).flatMap((span) => chop(span, limits.most))
  const bonds = wanted.map(bondOf)
  const count = spans.length
  // best[i]: the cheapest way to read the spans before i; from[i]: where its last block begins.
  const best: Cost[] = [{ torn: 0, timeMs: 0, requests: 0 }]
  const from: number[] = [0]
  const tornAt = spans.map((span) => bonds.filter((bond) => bond.first < span.first && bond.last >= span.first).length)
  for (let end = 1; end <= count; end += 1) {
    let cheapest: Cost | undefined
    for (let start = end - 1; start >= 0; start -= 1) {
      const length = spans[end - 1]!.last - spans[start]!.first + 1
      const alone = start === end - 1
      if (!alone && (length > limits.most || !joinable(spans[start]!, spans[start + 1]!, limits))) break
      const cost = add(best[start]!, limits, length, start === 0 ? 0 : tornAt[start]!)
      if (cheapest && !isLess(cost, cheapest)) continue
      cheapest = cost
      from[end] = start
    }
    best[end] = cheapest!
  }
  const blocks: ReadBlock[] = []
  for (let end = count; end > 0; end = from[end]!) blocks.unshift(blockOf(fn, spans.slice(from[end], end)))
  return blocks
}

interface Cost {
  readonly torn: number
  readonly timeMs: number
  readonly requests: number
}

const isLess = (a: Cost, b: Cost) =>
  a.torn !== b.torn
    ? a.torn < b.torn
    : Math.abs(a.timeMs - b.timeMs) > 1e-9
      ? a.timeMs < b.timeMs
      : a.requests < b.requests

interface Limits extends ReadCosts {
  readonly most: number
  readonly mostGap: number
  readonly holes: readonly (readonly [number, number])[]
}

function add(before: Cost, limits: Limits, length: number, torn: number): Cost {
  return {
    torn: before.torn + torn,
    timeMs: before.timeMs + limits.requestMs + length * limits.registerMs,
    requests: before.requests + 1,
  }
}

function limitsOf(
  fn: RegisterFunction,
  quirks: Quirks,
  options: { readonly costs?: ReadCosts; readonly absent?: readonly AbsentRange[] },
): Limits {
  const costs = options.costs ?? tcpCosts
  const absent = (options.absent ?? []).filter((range) => range.function === fn)
  const perRegister = isBit(fn) ? 16 : 1
  return {
    requestMs: costs.requestMs + (quirks.requestGapMs ?? 0),
    registerMs: costs.registerMs / perRegister,
    most: isBit(fn) ? (quirks.maxReadBits ?? 2000) : (quirks.maxReadRegisters ?? 125),
    mostGap: (quirks.maxGapRegisters ?? 124) * perRegister,
    holes: [...(quirks.holes ?? []), ...absent.map(({ first, last }) => [first, last] as const)],
  }
}

/** Whether one block may run from one span to the next: the gap is small enough and no hole lies in it. */
function joinable(left: Span, right: Span, { mostGap, holes }: Limits): boolean {
  const gap = right.first - left.last - 1
  return gap <= mostGap && !holes.some(([first, last]) => first < right.first && last > left.last)
}

/** Consecutive registers of a point; values in separate registers give several. */
function spansOf(point: ResolvedPoint): Span[] {
  const addresses = registersOf(point).toSorted((a, b) => a - b)
  const spans: Span[] = []
  for (const address of addresses) {
    const last = spans.at(-1)
    if (last && address === last.last + 1 && point.addresses.includes(address) && point.addresses.includes(last.last))
      last.last = address
    else if (last?.last !== address) spans.push({ first: address, last: address, points: new Set([point]) })
  }
  return spans
}

/** All registers needed to decode a point: its own, its scale factor's and those of the point that gives its sign. */
export function registersOf(point: ResolvedPoint): number[] {
  return [
    ...point.addresses,
    ...(point.scaleFactorAddress === undefined ? [] : [point.scaleFactorAddress]),
    ...(point.negativeWhen ? registersOf(point.negativeWhen.point) : []),
  ]
}

function bondOf(point: ResolvedPoint): Bond {
  const registers = registersOf(point)
  return { first: Math.min(...registers), last: Math.max(...registers) }
}

/** Spans in order, those that share a register joined. */
function mergeSpans(spans: readonly Span[]): Span[] {
  const merged: Span[] = []
  for (const span of spans.toSorted((a, b) => a.first - b.first || a.last - b.last)) {
    const last = merged.at(-1)
    if (last && span.first <= last.last) {
      last.last = Math.max(last.last, span.last)
      for (const point of span.points) last.points.add(point)
    } else merged.push({ ...span, points: new Set(span.points) })
  }
  return merged
}

/** A text longer than the device's largest block has to come in parts. */
function chop(span: Span, most: number): Span[] {
  const parts: Span[] = []
  for (let first = span.first; first <= span.last; first += most)
    parts.push({ first, last: Math.min(first + most - 1, span.last), points: span.points })
  return parts
}

function blockOf(fn: RegisterFunction, spans: readonly Span[]): ReadBlock {
  const first = spans[0]!.first
  const points = new Set(spans.flatMap((span) => [...span.points]))
  return { function: fn, address: first, count: spans.at(-1)!.last - first + 1, points: [...points] }
}

/**
 * Two smaller requests for the same points, cut between values as near to the middle as possible, for finding the part
 * that a device refuses. Undefined when the block is a single value.
 */
export function splitBlock(block: ReadBlock): readonly [ReadBlock, ReadBlock] | undefined {
  const end = block.address + block.count
  const spans = mergeSpans(block.points.flatMap(spansOf)).filter(
    (span) => span.first >= block.address && span.last < end,
  )
  if (spans.length < 2) return undefined
  const middle = block.address + block.count / 2
  // How far the gap before a span is from the middle; a gap around it is ideal, as its registers are dropped.
  const distance = (index: number) => Math.max(spans[index - 1]!.last + 1 - middle, middle - spans[index]!.first, 0)
  let cut = 1
  for (let index = 2; index < spans.length; index += 1) if (distance(index) < distance(cut)) cut = index
  return [blockOf(block.function, spans.slice(0, cut)), blockOf(block.function, spans.slice(cut))]
}

export interface SerialFormat {
  readonly baud: number
  /** Data bits, parity and stop bits, such as 8N1. */
  readonly format: string
  /** What the device takes to begin its answer. */
  readonly turnaroundMs?: number
}

/** Milliseconds per character and of the silence between frames (Modbus over serial line V1.02, 2.5.1.1). */
export function serialTimes({ baud, format }: SerialFormat): {
  readonly characterMs: number
  readonly silenceMs: number
} {
  const bits = 1 + Number(format[0]) + (format[1] === 'N' ? 0 : 1) + Number(format[2])
  const characterMs = (bits * 1000) / baud
  return { characterMs, silenceMs: baud > 19_200 ? 1.75 : 3.5 * characterMs }
}

/** Costs on a serial line: 8 characters of request, 5 of answer, two silences, and two characters per register. */
export function serialCosts(line: SerialFormat): ReadCosts {
  const { characterMs, silenceMs } = serialTimes(line)
  return {
    requestMs: 13 * characterMs + 2 * silenceMs + (line.turnaroundMs ?? 10),
    registerMs: 2 * characterMs,
  }
}

/** Least time a read takes on a serial line, ms. */
export function readTimeMs(block: Pick<ReadBlock, 'function' | 'count'>, line: SerialFormat): number {
  const { characterMs, silenceMs } = serialTimes(line)
  const data = isBit(block.function) ? Math.ceil(block.count / 8) : 2 * block.count
  return (13 + data) * characterMs + 2 * silenceMs + (line.turnaroundMs ?? 0)
}
