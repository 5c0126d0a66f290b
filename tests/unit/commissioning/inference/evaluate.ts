import { createInferrer, type TypeCandidate } from '../../../../service/commissioning/inference/infer.ts'
import { formOf, valueOf } from '../../../../service/commissioning/inference/forms.ts'
import { type LibraryPriors, libraryPriors } from '../../../../service/commissioning/inference/library-priors.ts'
import type { LoadedMap } from '../../../../service/pointmap/types.ts'
import { type Known, synthesize, type SyntheticUnit } from './synthetic.ts'

export interface Miss {
  readonly map: string
  readonly point: string
  readonly address: number
  readonly is: string
  readonly said: string
  /** The right one has this place in the ranking; 0 when it is not in it. */
  readonly place: number
  /** Right but for the order of the words. */
  readonly orderOnly: boolean
}

export interface Score {
  asked: number
  first: number
  firstThree: number
  /** Of those right at first: how many have the right scale first, and among those shown. */
  scaled: number
  scaleFirst: number
  scaleShown: number
  readonly misses: Miss[]
  excluded: Record<string, number>
}

export const emptyScore = (): Score => ({
  asked: 0,
  first: 0,
  firstThree: 0,
  scaled: 0,
  scaleFirst: 0,
  scaleShown: 0,
  misses: [],
  excluded: {},
})

/** Priors for the maps of each vendor from the maps of all others. */
export function heldOutPriors(maps: readonly LoadedMap[]): (vendor: string) => LibraryPriors {
  const known = new Map<string, LibraryPriors>()
  return (vendor) => {
    const priors = known.get(vendor) ?? libraryPriors(maps.filter(({ map }) => map.maker !== vendor))
    known.set(vendor, priors)
    return priors
  }
}

export function scoreMap(loaded: LoadedMap, seed: number, priors: LibraryPriors, score: Score): void {
  const { units, excluded } = synthesize(loaded, seed)
  for (const [reason, count] of Object.entries(excluded)) score.excluded[reason] = (score.excluded[reason] ?? 0) + count
  for (const unit of units) scoreUnit(unit, priors, score)
}

export function scoreUnit({ registers, known }: SyntheticUnit, priors: LibraryPriors, score: Score): void {
  const inferrer = createInferrer(registers, priors)
  for (const each of known) {
    const ranked = inferrer.at(each.address).candidates
    const place = 1 + ranked.findIndex((candidate) => isSame(candidate, each, registers))
    score.asked++
    if (place === 1) score.first++
    if (place >= 1 && place <= 3) score.firstThree++
    const said = ranked[0]
    if (place === 1) {
      // What reads 0 all the time says nothing about its scale, and an enumeration has none.
      if (each.kind === 'text' || !each.scaled || each.values.every((value) => value === 0)) continue
      score.scaled++
      const fits = (said?.quantities ?? []).map(({ perCount }) => Math.abs(perCount / each.perCount - 1) < 1e-6)
      if (fits[0]) score.scaleFirst++
      if (fits.includes(true)) score.scaleShown++
      continue
    }
    score.misses.push({
      map: each.map,
      point: each.name,
      address: each.address,
      is: `${each.type} ${each.words > 1 ? each.wordOrder : ''}`.trim(),
      said: said ? `${said.type} ${said.words > 1 ? said.wordOrder : ''}`.trim() : 'nothing',
      place,
      orderOnly:
        said !== undefined &&
        kindOf(said) === each.kind &&
        said.address === each.address &&
        said.words === each.words &&
        said.wordOrder !== each.wordOrder,
    })
  }
}

const kindOf = ({ type }: TypeCandidate): Known['kind'] =>
  type.startsWith('float') ? 'float' : type.startsWith('string') ? 'text' : 'integer'

/** The same kind, as many words, and the same values: what cannot be told apart in the registers counts as the same. */
function isSame(candidate: TypeCandidate, known: Known, registers: SyntheticUnit['registers']): boolean {
  if (candidate.address !== known.address || kindOf(candidate) !== known.kind) return false
  if (known.kind === 'text') return candidate.byteOrder === known.byteOrder || registers.words(known.address)?.[0] === 0
  if (candidate.words !== known.words) return false
  const form = formOf(candidate.type, candidate.wordOrder, 'big')
  if (!form) return false
  const series = Array.from({ length: form.words }, (_, index) => registers.words(known.address + index)!)
  return known.values.every((value, at) =>
    Object.is(
      value,
      valueOf(
        form,
        series.map((words) => words[at]!),
      ),
    ),
  )
}
