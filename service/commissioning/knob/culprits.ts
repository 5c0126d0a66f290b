import type { Culprit, KnobTurn } from '#contract/knob.ts'
import { type Form, forms, valueOf } from '../inference/forms.ts'
import type { BlockHistory } from '../values/history.ts'
import { isPowerOfTen, scaleFor } from './scale.ts'

export interface Turn extends KnobTurn {
  readonly atMs: number
}

export interface Verdict {
  /** Likeliest first. */
  readonly culprits: readonly Culprit[]
  readonly registers: number
  readonly hidden: number
  readonly unmoved: number
  readonly byChance: readonly { unitId: number; fn: Culprit['fn']; address: number; before: number; after: number }[]
  readonly advice?: 'turn-again' | 'larger-change'
}

type Reading = BlockHistory['readings'][number]

/** How long after a turn its effects are looked for, and how much of the time before it counts. */
const afterTurnMs = 60_000
const beforeTurnMs = 60_000
/** A person needs a moment from the device to the button: what changes so shortly before counts as the turn. */
const graceMs = 2500
const shownCulprits = 8
const shownByChance = 6
const leastScore = 0.05
/** Scores that are closer cannot be told apart. */
const tie = 0.06
/** What comes so long after the first is rather its effect. */
const effectMs = 1200

interface Found extends Omit<Culprit, 'kind' | 'reason'> {
  readonly exact: boolean
  readonly steps: number
  readonly key: string
}

/**
 * Which registers changed because one thing was turned: compared with what they read before, under every type and order, and
 * against what the display said before and after under every power of ten and two. With several turns, one must fit all.
 */
export function findCulprits(blocks: readonly BlockHistory[], turns: readonly Turn[]): Verdict {
  const newest = turns.at(-1)
  const addresses = registersOf(blocks)
  if (!newest) return { culprits: [], registers: addresses.size, hidden: 0, unmoved: 0, byChance: [] }
  const perTurn = turns.map((turn, index) => {
    const earlier = turns[index - 1]
    // What the turn before has changed has come to rest in the second half of the time between.
    const fromMs = earlier ? (earlier.atMs + turn.atMs) / 2 : turn.atMs - beforeTurnMs
    return changesAt(blocks, turn, fromMs, turns[index + 1]?.atMs ?? Number.POSITIVE_INFINITY)
  })
  const last = perTurn.at(-1)!
  const combined = last.found.flatMap((each) => {
    const earlier = perTurn.slice(0, -1).map(({ found }) => found.find(({ key }) => key === each.key))
    if (earlier.length === 0) return [each]
    const product = earlier.reduce((all, other) => all * Math.min(1, (other?.score ?? 0) + 0.02), each.score)
    // What a knob moves follows it after the same time, turn by turn.
    const apartMs = Math.max(...earlier.map((other) => Math.abs((other?.delayMs ?? 0) - each.delayMs)))
    const uneven = 0.15 * (1 - Math.exp(-apartMs / 2500))
    return [{ ...each, score: Math.max(0, product ** (1 / (earlier.length + 1)) - uneven) }]
  })
  const ranked = withoutOverlaps(combined.toSorted(byRank)).filter(({ score }) => score >= leastScore)
  const [first] = ranked
  const culprits = ranked.slice(0, shownCulprits).map(({ key: _key, exact, steps, ...each }, index): Culprit => ({
    ...each,
    kind: index > 0 && first && each.delayMs > first.delayMs + effectMs ? 'effect' : 'cause',
    reason: reasonOf({ ...each, exact, steps }, first, index),
  }))
  const equal = ranked.filter(({ score }) => first !== undefined && score >= first.score - tie)
  const advice = culprits.length === 0 ? 'larger-change' : equal.length > 1 ? 'turn-again' : undefined
  return {
    culprits,
    registers: addresses.size,
    hidden: last.noisy.length,
    unmoved: last.unmoved,
    byChance:
      culprits.length > 0
        ? []
        : last.noisy
            .toSorted((a, b) => b.moved - a.moved)
            .slice(0, shownByChance)
            .map(({ moved: _moved, ...rest }) => rest),
    ...(advice && { advice }),
  }
}

const byRank = (a: Found, b: Found): number =>
  b.score - a.score || Math.abs(a.delayMs) - Math.abs(b.delayMs) || a.words - b.words

const registersOf = (blocks: readonly BlockHistory[]): Set<string> =>
  new Set(
    blocks.flatMap(({ unitId, fn, address, count }) =>
      Array.from({ length: count }, (_, at) => `${unitId} ${fn} ${address + at}`),
    ),
  )

interface Changes {
  readonly found: readonly Found[]
  readonly noisy: readonly {
    unitId: number
    fn: Culprit['fn']
    address: number
    before: number
    after: number
    moved: number
  }[]
  readonly unmoved: number
}

function changesAt(blocks: readonly BlockHistory[], turn: Turn, fromMs: number, untilMs: number): Changes {
  const found: Found[] = []
  const noisy = new Map<string, Changes['noisy'][number]>()
  let unmoved = 0
  for (const block of blocks) {
    const { unitId, fn, address: start, count } = block
    const turnedMs = turn.atMs - graceMs
    const before = block.readings.filter(({ atMs }) => atMs < turnedMs && atMs >= fromMs)
    const after = block.readings.filter(
      ({ atMs }) => atMs >= turnedMs && atMs <= Math.min(untilMs, turn.atMs + afterTurnMs),
    )
    // What is only written, and was not before, changed from nothing; it has no baseline to compare.
    if (before.length === 0 || after.length === 0) continue
    for (let at = 0; at < count; at++) {
      const moved = movedAt(before, after, at)
      if (moved === 'still') unmoved++
      // A register that stands still may be the high word of one that does not.
      const reach = Array.from({ length: Math.min(4, count - at) }, (_, step) => at + step)
      if (reach.every((word) => movedAt(before, after, word) === 'still')) continue
      const own = forms
        .filter(({ kind, words }) => kind !== 'text' && at + words <= count && (fn >= 3 || words === 1))
        .flatMap((form) => {
          const culprit = judge(block, { form, at }, { before, after }, turn)
          return culprit ? [culprit] : []
        })
      found.push(...own)
      if (own.length === 0 && moved === 'noisy')
        noisy.set(`${unitId} ${fn} ${start + at}`, {
          unitId,
          fn,
          address: start + at,
          before: before.at(-1)!.words[at]!,
          after: after.at(-1)!.words[at]!,
          moved: Math.abs(after.at(-1)!.words[at]! - before.at(-1)!.words[at]!),
        })
    }
  }
  return { found, noisy: [...noisy.values()], unmoved }
}

/** Whether a register moved before the turn, or only since. */
function movedAt(before: readonly Reading[], after: readonly Reading[], at: number): 'still' | 'noisy' | 'moved' {
  const last = before.at(-1)!.words[at]
  if (before.some(({ words }) => words[at] !== last)) return 'noisy'
  return after.some(({ words }) => words[at] !== last) ? 'moved' : 'still'
}

function judge(
  { unitId, fn, address, readings }: BlockHistory,
  { form, at }: { readonly form: Form; readonly at: number },
  { before, after }: { readonly before: readonly Reading[]; readonly after: readonly Reading[] },
  turn: Turn,
): Found | undefined {
  const value = ({ words }: Reading): number => valueOf(form, [...words.subarray(at, at + form.words)])
  const calm = before.map(value)
  const then = after.map(value)
  if ([...calm, ...then].some((each) => !Number.isFinite(each) || (form.kind === 'float' && !isPlain(each))))
    return undefined
  const low = Math.min(...calm)
  const high = Math.max(...calm)
  const noise = high - low
  const was = median(calm)
  const now = settled(then)
  const jump = Math.abs(now - was)
  // What moves as far without any turn is noise.
  if (jump === 0 || jump <= 2 * noise) return undefined
  // A value that was on its way in the same direction all the time goes on with it.
  if (driftsThere(calm, jump)) return undefined
  const beyond = then.findIndex((each) => Math.abs(each - was) > Math.max(noise, 0.25 * jump))
  if (beyond < 0) return undefined
  const delayMs = after[beyond]!.atMs - turn.atMs
  const fit = scaleFor(turn, { was, now, noise, integer: form.kind === 'integer' })
  const told = turn.from !== undefined || turn.to !== undefined
  const steps = new Set(then.slice(beyond).map((each) => Math.round(each))).size
  const correlation = correlationWithStep([
    ...calm.map((each) => [0, each] as const),
    ...then.map((each, index) => [index >= beyond ? 1 : 0, each] as const),
  ])
  const written = after.some((each) => each.written === true)
  const base = told ? (fit === 'none' ? 0.2 : fit.exact ? 0.84 : 0.45) : 0.7
  // A sum of powers of two is a rarer unit than one of ten, and a perfect fit is no coincidence.
  const odd = fit === 'none' ? 0 : (isPowerOfTen(fit.scale) ? 0 : -0.03) - Math.min(0.08, 100 * fit.error)
  const early = 0.12 * Math.exp(-Math.abs(delayMs) / 4000) - 0.06
  const calmly = noise === 0 ? 0.02 : -0.06
  const ramped = steps > 2 ? -0.08 : 0
  const wide =
    form.kind === 'integer' && form.words > 1 && sleepingWords(form, at, before, after) ? -0.015 * form.words : 0
  const strange = Math.abs(now) > 1e9 || (form.kind === 'float' && Math.abs(now) < 1e-3) ? -0.2 : 0
  const score = clamp(
    base + odd + early + calmly + ramped + wide + strange + (written ? 0.06 : 0) + 0.03 * (Math.abs(correlation) - 1),
  )
  return {
    unitId,
    fn,
    address: address + at,
    words: form.words,
    type: form.kind === 'float' ? `float${form.words * 16}` : `${form.signed ? 'int' : 'uint'}${form.words * 16}`,
    wordOrder: form.wordOrder,
    ...(fit !== 'none' && { scale: fit.scale }),
    before: was,
    after: now,
    delayMs,
    score,
    correlation,
    written,
    trace: readings
      .filter(({ atMs }) => Math.abs(atMs - turn.atMs) <= afterTurnMs)
      .slice(-240)
      .map((reading): [number, number] => [Math.round(reading.atMs - turn.atMs), value(reading)]),
    exact: fit !== 'none' && fit.exact,
    steps,
    key: `${unitId} ${fn} ${address + at} ${form.id}`,
  }
}

const clamp = (value: number): number => Math.min(0.99, Math.max(0, value))
/** Sizes that devices send as floats. */
const isPlain = (value: number): boolean => value === 0 || (Math.abs(value) >= 1e-6 && Math.abs(value) < 1e12)

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[sorted.length >> 1]!
}

/** Where it came to rest: the middle of the last third. */
const settled = (values: readonly number[]): number => median(values.slice(-Math.max(1, Math.ceil(values.length / 3))))

/** A ramp or counter that goes on as it did: its whole way before the turn is no smaller than a third of the jump. */
function driftsThere(calm: readonly number[], jump: number): boolean {
  const steps = calm.slice(1).map((each, index) => each - calm[index]!)
  const way = steps.reduce((sum, step) => sum + step, 0)
  const oneWay = steps.length > 1 && (steps.every((step) => step >= 0) || steps.every((step) => step <= 0))
  return oneWay && Math.abs(way) * 3 >= jump
}

/** Words of a wide form that never moved and are 0: the narrow form says the same. */
function sleepingWords(form: Form, at: number, before: readonly Reading[], after: readonly Reading[]): boolean {
  return Array.from({ length: form.words }, (_, word) => at + word).some((word) =>
    [...before, ...after].every(({ words }) => words[word] === 0),
  )
}

function correlationWithStep(pairs: readonly (readonly [number, number])[]): number {
  const mean = (which: 0 | 1): number => pairs.reduce((sum, pair) => sum + pair[which], 0) / pairs.length
  const [meanX, meanY] = [mean(0), mean(1)]
  let [xy, xx, yy] = [0, 0, 0]
  for (const [x, y] of pairs) {
    xy += (x - meanX) * (y - meanY)
    xx += (x - meanX) ** 2
    yy += (y - meanY) ** 2
  }
  return xx === 0 || yy === 0 ? 0 : Math.max(-1, Math.min(1, xy / Math.sqrt(xx * yy)))
}

/** Registers belong to one culprit each: the best. */
function withoutOverlaps(ranked: readonly Found[]): Found[] {
  const taken = new Set<string>()
  return ranked.filter(({ unitId, fn, address, words }) => {
    const own = Array.from({ length: words }, (_, at) => `${unitId} ${fn} ${address + at}`)
    if (own.some((each) => taken.has(each))) return false
    for (const each of own) taken.add(each)
    return true
  })
}

function reasonOf(
  { scale, exact, delayMs, steps, written, words, wordOrder }: Omit<Found, 'key'>,
  first: Found | undefined,
  index: number,
): string {
  const fits = exact
    ? `Exact at × ${shown(scale ?? 1)}${words > 1 ? `, ${wordOrder === 'big' ? 'high' : 'low'} word first` : ''}.`
    : scale === undefined
      ? 'No scale fits.'
      : `The step fits at × ${shown(scale)}, the value itself does not.`
  const later = first ? delayMs - first.delayMs : 0
  const when =
    index === 0
      ? 'First to change.'
      : later > effectMs
        ? `${(later / 1000).toFixed(1)} s after rank 1: an effect.`
        : 'Changed together with rank 1.'
  const how = steps > 2 ? ` In ${steps} steps.` : ''
  return `${fits} ${when}${how}${written ? ' The client wrote it: this is the command.' : ''}`
}

const shown = (scale: number): string => String(Number(scale.toPrecision(6)))
