import type { Quantity } from './quantities.ts'
import type { Observed } from './observed.ts'
import type { Segment, Segmented } from './segment.ts'

/** Why a type is likely or not, in sentences with numbers that one can check by eye. */
export function reasonsFor(parts: {
  found: Segment
  registers: Observed
  segmented: Segmented
  quantity: Quantity | undefined
  asked: number
  /** Whether it is signed cannot be told yet. */
  open: boolean
}): string[] {
  const { found, registers, segmented, quantity, asked, open } = parts
  const { form, address, explained } = found
  const reasons: string[] = []
  if (quantity) reasons.push(`${quantity.title} × ${quantity.scale}: ${quantity.reason}`)
  if (address !== asked) reasons.push(`begins at ${address}; ${asked} is its ${ordinal(asked - address + 1)} register`)
  if (form.words > 1 && explained) reasons.push(...wideReasons(found, registers, segmented))
  if (
    explained &&
    form.kind === 'integer' &&
    !explained.constant &&
    explained.neverFalls &&
    explained.values.length > 3
  )
    reasons.push(`never fell in ${explained.values.length} readings, as a counter`)
  const wild = form.words === 1 ? wildSteps(registers.words(address) ?? []) : 0
  if (wild > 0) reasons.push(`against it: jumps over half of its range ${wild} times, as one half of a longer value`)
  const newest = explained?.values.at(-1)
  if (form.words === 1 && (newest === 0xffff || newest === -0x8000))
    reasons.push('0xFFFF and 0x8000 mean "not available" on many devices')
  if (form.kind === 'integer' && form.signed && explained?.values.some((value) => value < 0))
    reasons.push(`goes below zero as a signed number; as an unsigned one it would be near the end of its range`)
  const sides = [-1, 1].filter((side) => segmented.at(address + side * form.words)[0]?.form.id === form.id).length
  if (sides > 0)
    reasons.push(`the ${sides === 2 ? 'values on both sides are' : 'value beside it is'} likely of this type, too`)
  if (explained?.constant && explained.values.length > 1)
    reasons.push(`has not moved in ${explained.values.length} readings, so that little can be told`)
  if (open) reasons.push('was never below zero so far: whether it is signed shows when it is')
  return reasons
}

const ordinal = (count: number): string => ['first', 'second', 'third', 'fourth'][count - 1] ?? `${count}th`

function wideReasons({ form, address, explained }: Segment, registers: Observed, segmented: Segmented): string[] {
  const reasons: string[] = []
  const order = form.wordOrder === 'big' ? 'high' : 'low'
  const same = Math.round(
    100 * (form.wordOrder === 'big' ? 1 - segmented.littleProbability : segmented.littleProbability),
  )
  reasons.push(`the other registers of this unit say to ${same} % that the ${order} word comes first`)
  const [highAt, lowAt] =
    form.wordOrder === 'big' ? [address, address + form.words - 1] : [address + form.words - 1, address]
  const high = registers.words(highAt) ?? []
  const low = registers.words(lowAt) ?? []
  const carries = high.filter((word, at) => at > 0 && word === high[at - 1]! + 1 && low[at]! < low[at - 1]!).length
  if (carries > 0) reasons.push(`the high word rose by one when the low word wrapped (${carries} times)`)
  else if (high.every((word) => word === high[0]) && low.some((word) => word !== low[0]))
    reasons.push(`its high word stands still at ${high[0]} while the low word moves`)
  if (form.kind === 'float' && explained && !explained.constant && wildSteps(low) > 0)
    reasons.push('its lower words jump at random while the whole moves smoothly, as fractions do')
  return reasons
}

const wildSteps = (words: readonly number[]): number =>
  words.filter((word, at) => at > 0 && Math.abs(word - words[at - 1]!) > 8000).length
