import { rankQuantities, type Quantity } from './quantities.ts'
import { type Form, textOf } from './forms.ts'
import type { LibraryPriors } from './library-priors.ts'
import type { Observed } from './observed.ts'
import { reasonsFor } from './reasons.ts'
import { type Segment, type Segmented, segment } from './segment.ts'

/** What a register may hold, with the reasons. Nobody applies it but a person. */
export interface TypeCandidate {
  /** Where it begins. */
  readonly address: number
  readonly words: number
  /** As a point map names it. */
  readonly type: string
  readonly wordOrder: 'big' | 'little'
  readonly byteOrder: 'big' | 'little'
  /** Types that read the same so far. */
  readonly alsoFits: readonly string[]
  /** 0..1, among the values that may begin here; of one that begins before, among all ways to cut the registers into values. */
  readonly score: number
  /** The newest, before scaling; a text as it reads. */
  readonly value: number | string
  /** What it may measure, likeliest first. */
  readonly quantities: readonly Quantity[]
  readonly reasons: readonly string[]
}

export interface Inference {
  readonly address: number
  readonly readings: number
  readonly overMs: number
  /** What may begin here, likeliest first. */
  readonly candidates: readonly TypeCandidate[]
  /** Where it is rather a later register of a value that begins before it: that value. */
  readonly partOf?: TypeCandidate
}

const shownCandidates = 5
const leastScore = 0.0005
const widest = 4

export interface Inferrer {
  at(address: number): Inference
}

/** Likely enough to be told. */
const tellsPart = 0.4

/** Prepares the question what registers hold; the library says what is usual. */
export function createInferrer(registers: Observed, priors: LibraryPriors): Inferrer {
  const segmented = segment(registers, priors)
  return {
    at(address) {
      const own = segmented.at(address)
      const begins = own.reduce((sum, { probability }) => sum + probability, 0)
      const candidates = own
        .map((found) => ({ ...found, probability: begins > 0 ? found.probability / begins : 0 }))
        .flatMap((found) =>
          found.form.kind === 'text'
            ? textCandidate(found, registers, segmented)
            : [numberCandidate(found, registers, segmented, priors, address)],
        )
      const before = Array.from({ length: widest - 1 }, (_, index) => index + 1)
        .flatMap((back) =>
          segmented
            .at(address - back)
            .filter(({ form, probability }) => form.words > back && form.kind !== 'text' && probability > tellsPart),
        )
        .toSorted((x, y) => y.probability - x.probability)[0]
      const { atMs } = registers
      return {
        address,
        readings: atMs.length,
        overMs: (atMs.at(-1) ?? 0) - (atMs[0] ?? 0),
        candidates: candidates.filter(({ score }, index) => index < 3 || score >= leastScore).slice(0, shownCandidates),
        ...(before && { partOf: numberCandidate(before, registers, segmented, priors, address) }),
      }
    },
  }
}

const signedQuantities = /^(power|reactivePower|current|temperature|powerFactor)/

function numberCandidate(
  found: Segment,
  registers: Observed,
  segmented: Segmented,
  priors: LibraryPriors,
  asked: number,
): TypeCandidate {
  const { form, address, probability, explained } = found
  const near = [-2, -1, 1, 2].flatMap((step) => {
    const beside = segmented.at(address + step * form.words).find((each) => each.form.id === form.id)
    return beside?.explained ? [beside.explained.values.at(-1)!] : []
  })
  const quantities = explained ? rankQuantities(form, explained, registers.atMs, near, priors) : []
  const bits = form.words * 16
  const highest = registers.words(form.wordOrder === 'big' ? address : address + form.words - 1) ?? []
  const open = form.kind === 'integer' && !form.signed && highest.every((word) => word < 0x8000)
  const signed = form.signed || (open && signedQuantities.test(quantities[0]?.metric ?? ''))
  const type = form.kind === 'float' ? `float${bits}` : `${signed ? 'int' : 'uint'}${bits}`
  const alike = open ? [`uint${bits}`, `int${bits}`, ...(bits <= 32 ? [`enum${bits}`] : []), `flags${bits}`] : []
  return {
    address,
    words: form.words,
    type,
    wordOrder: form.wordOrder,
    byteOrder: form.byteOrder,
    alsoFits: alike.filter((each) => each !== type),
    score: probability,
    value: explained?.values.at(-1) ?? Number.NaN,
    quantities,
    reasons: reasonsFor({ found, registers, segmented, quantity: quantities[0], asked, open }),
  }
}

/** The text from a register on, as far as its words are likely text. */
function textCandidate(found: Segment, registers: Observed, segmented: Segmented): TypeCandidate[] {
  const { form, probability, address } = found
  const isText = (place: number): boolean =>
    (segmented.at(place).find((each) => each.form.id === form.id)?.probability ?? 0) > 0.5
  let last = address
  if (probability > 0.5) while (isText(last + 1)) last++
  const words = textWords(registers, address, last)
  if (words.length === 0) return []
  const text = textOf(form, words)
  return [
    {
      address,
      words: words.length,
      type: `string:${Math.min(125, words.length)}`,
      wordOrder: 'big',
      byteOrder: form.byteOrder,
      alsoFits: [],
      score: probability,
      value: text,
      quantities: [],
      reasons: [
        ...textReasons(text, form, words.length),
        ...(probability > 0.5 && isText(address - 1) ? ['the register before it is text, too'] : []),
      ],
    },
  ]
}

function textWords(registers: Observed, first: number, last: number): number[] {
  const words: number[] = []
  for (let address = first; address <= last; address++) {
    const word = registers.words(address)?.at(-1)
    if (word !== undefined) words.push(word)
  }
  return words
}

function textReasons(text: string, form: Form, words: number): string[] {
  const reasons = [
    /^[\x20-\x7e]*$/.test(text)
      ? `reads as the text "${text}" over ${words} ${words === 1 ? 'register' : 'registers'}`
      : 'has characters that are no letters, digits or signs',
  ]
  if (form.byteOrder === 'little') reasons.push('with the second character of each register first')
  return reasons
}
