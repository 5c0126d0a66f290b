import { type Explained, explain, textNats } from './description-length.ts'
import { type Form, forms } from './forms.ts'
import type { LibraryPriors } from './library-priors.ts'
import type { Observed } from './observed.ts'

/** A value that may begin at a register. */
export interface Segment {
  readonly address: number
  readonly form: Form
  /** 0..1, over all ways to cut the registers around into values. */
  readonly probability: number
  /** Absent for text. */
  readonly explained?: Explained
}

export interface Segmented {
  /** Values that may begin at a register, likeliest first. */
  at(address: number): readonly Segment[]
  /** How likely the unit has the low word first, from all its registers. */
  readonly littleProbability: number
}

/** How much likelier a unit keeps to one order than to mix them. */
const mixing = 0.03
/** A counter is rarely a single word. */
const counterNats = { wide: -1.2, single: 0.8 } as const
/** Another word of the same text, and what may follow another value. */
const textStays = 0.93

/**
 * Cuts registers into values in all ways at once and weighs each (forward-backward over the runs of adjacent registers), for
 * units with the high and with the low word first; what fits the whole unit better counts more.
 */
export function segment(registers: Observed, priors: LibraryPriors): Segmented {
  const runs = runsOf(registers.addresses)
  const runOf = new Map(runs.flatMap((list, index) => list.map((address) => [address, index] as const)))
  const found = new Map<number, readonly Segment[]>()
  const costs = new Map<number, readonly (Cost | undefined)[]>()
  for (const address of registers.addresses) costs.set(address, costsAt(registers, address))
  const profiles = (['big', 'little'] as const).map((order) => {
    const weights = transitions(priors, order)
    const parts = runs.map((run) => weigh(run, costs, weights))
    const share = order === 'little' ? priors.littleShare : 1 - priors.littleShare
    return { parts, logEvidence: Math.log(share) + parts.reduce((sum, part) => sum + part.logEvidence, 0) }
  })
  const most = Math.max(...profiles.map(({ logEvidence }) => logEvidence))
  const raw = profiles.map(({ logEvidence }) => Math.exp(logEvidence - most))
  const total = raw.reduce((sum, each) => sum + each, 0)
  const [big = 1, little = 0] = raw.map((each) => each / total)
  return {
    littleProbability: little,
    at(address) {
      const before = found.get(address)
      if (before) return before
      const known = costs.get(address)
      const run = runOf.get(address)
      if (!known || run === undefined) return []
      const segments = forms
        .flatMap((form, index): Segment[] => {
          const cost = known[index]
          if (!cost) return []
          const [first, second] = profiles.map(({ parts }) => parts[run]?.posterior(address, index) ?? 0)
          const probability = big * (first ?? 0) + little * (second ?? 0)
          return [{ address, form, probability, ...(cost.explained && { explained: cost.explained }) }]
        })
        .toSorted((a, b) => b.probability - a.probability)
      found.set(address, segments)
      return segments
    },
  }
}

interface Cost {
  readonly nats: number
  readonly explained?: Explained
}

function costsAt(registers: Observed, address: number): (Cost | undefined)[] {
  const first = registers.words(address)!
  return forms.map((form): Cost | undefined => {
    if (form.kind === 'text') return { nats: textNats(form, first) }
    const series = Array.from({ length: form.words }, (_, index) => registers.words(address + index))
    if (series.some((words) => words === undefined)) return undefined
    const known = series.filter((words) => words !== undefined)
    // What was never negative cannot show that it is signed.
    const high = form.wordOrder === 'big' ? known[0]! : known.at(-1)!
    if (form.signed && form.kind === 'integer' && high.every((word) => word < 0x8000)) return undefined
    const explained = explain(form, known)
    const counts = form.kind === 'integer' && !explained.constant && explained.neverFalls && first.length > 3
    return { explained, nats: explained.nats + (counts ? (form.words > 1 ? counterNats.wide : counterNats.single) : 0) }
  })
}

function runsOf(addresses: readonly number[]): number[][] {
  const runs: number[][] = []
  for (const address of addresses) {
    const open = runs.at(-1)
    if (open && open.at(-1) === address - 1) open.push(address)
    else runs.push([address])
  }
  return runs
}

interface Transitions {
  readonly start: readonly number[]
  readonly next: readonly (readonly number[])[]
}

function transitions({ form, next }: LibraryPriors, order: Form['wordOrder']): Transitions {
  const fits = forms.map(({ words, wordOrder, kind }) =>
    kind !== 'text' && words > 1 && wordOrder !== order ? mixing : 1,
  )
  // The forms of the other order take the place of those of this one: the library's order is not the unit's.
  const other = forms.map((each) => {
    if (each.words === 1) return undefined
    return forms.findIndex(
      ({ kind, words, signed, wordOrder }) =>
        kind === each.kind && words === each.words && signed === each.signed && wordOrder !== each.wordOrder,
    )
  })
  const both = (list: readonly number[]): number[] =>
    list.map((each, index) => (other[index] === undefined ? each : each + list[other[index]]!) * fits[index]!)
  const start = normalize(both(form))
  const rows = next.map((row, from) => {
    const twin = other[from]
    const merged = twin === undefined ? row : row.map((each, index) => each + next[twin]![index]!)
    const learned = normalize(both(merged))
    const mixed = learned.map((each, index) => 0.75 * each + 0.25 * start[index]!)
    if (forms[from]?.kind !== 'text') return mixed
    return mixed.map((each, index) => (index === from ? textStays : (1 - textStays) * each))
  })
  return { start, next: rows }
}

function normalize(list: readonly number[]): number[] {
  const sum = list.reduce((total, each) => total + each, 0)
  return list.map((each) => each / sum)
}

function logSum(list: readonly number[]): number {
  const most = Math.max(...list)
  if (most === Number.NEGATIVE_INFINITY) return most
  let sum = 0
  for (const each of list) sum += Math.exp(each - most)
  return most + Math.log(sum)
}

function weigh(
  run: readonly number[],
  costs: ReadonlyMap<number, readonly (Cost | undefined)[]>,
  weights: Transitions,
) {
  const size = run.length
  const logNext = weights.next.map((row) => row.map(Math.log))
  const logStart = weights.start.map(Math.log)
  const cost = (at: number, form: number): number => {
    if (at + forms[form]!.words > size) return Number.POSITIVE_INFINITY
    return costs.get(run[at]!)?.[form]?.nats ?? Number.POSITIVE_INFINITY
  }
  // begin[at][form]: all ways up to a value of this form that begins here, without its own cost; rest: all ways behind it.
  const begin = run.map(() => forms.map(() => Number.NEGATIVE_INFINITY))
  const rest = run.map(() => forms.map(() => Number.NEGATIVE_INFINITY))
  for (let at = 0; at < size; at++) {
    for (const [form] of forms.entries()) {
      const ways = forms.flatMap(({ words }, before) => {
        const from = at - words
        return from < 0 ? [] : [begin[from]![before]! - cost(from, before) + logNext[before]![form]!]
      })
      begin[at]![form] = at === 0 ? logStart[form]! : logSum(ways)
    }
  }
  for (let at = size - 1; at >= 0; at--) {
    for (const [form, { words }] of forms.entries()) {
      const to = at + words
      if (to > size) continue
      rest[at]![form] =
        to === size
          ? 0
          : logSum(forms.map((_, behind) => logNext[form]![behind]! - cost(to, behind) + rest[to]![behind]!))
    }
  }
  const logEvidence = logSum(forms.map((_, form) => begin[0]![form]! - cost(0, form) + rest[0]![form]!))
  return {
    logEvidence,
    posterior(address: number, form: number): number {
      const at = address - run[0]!
      return Math.exp(begin[at]![form]! - cost(at, form) + rest[at]![form]! - logEvidence)
    },
  }
}
