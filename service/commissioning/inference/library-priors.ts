import { metricOf, unitFactor } from '../../pointmap/units.ts'
import { parsePointName } from '#contract/metrics.ts'
import type { MapPoint } from '#contract/point-map.ts'
import { placeOf } from '../../pointmap/point-types.ts'
import type { LoadedMap } from '../../pointmap/types.ts'
import { type Form, formOf, forms } from './forms.ts'

/** What a value may be: a quantity of the vocabulary, and how much one count of the register is. */
export interface QuantityPrior {
  readonly metric: string
  readonly kind: Form['kind']
  readonly words: number
  /** In the SI unit of the metric. */
  readonly perCount: number
  readonly unit: string
  readonly scale: number
  /** How many values of the library are like this. */
  readonly count: number
}

/** What the maps of a library say about values in general. Each vendor has the same say, however many maps it has. */
export interface LibraryPriors {
  /** Probability of each form, in the order of `forms`. */
  readonly form: readonly number[]
  /** Probability that a value of one form stands behind one of another. */
  readonly next: readonly (readonly number[])[]
  /** Share of vendors with the low word first. */
  readonly littleShare: number
  readonly quantities: readonly QuantityPrior[]
  readonly maps: number
}

interface Placed {
  readonly address: number
  readonly form: number
  readonly words: number
}

/** Values that each vendor counts as at most. */
const sayOfVendor = 30

export function libraryPriors(maps: readonly LoadedMap[]): LibraryPriors {
  const form = forms.map(({ words }) => (words === 4 ? 0.05 : words === 2 ? 0.4 : 1))
  const next = forms.map(() => forms.map(() => 0.05))
  const quantities = new Map<string, { -readonly [Key in keyof QuantityPrior]: QuantityPrior[Key] }>()
  const vendors = Map.groupBy(maps, ({ map }) => map.maker)
  let little = 0
  for (const [, own] of vendors) {
    const placed = own.map(placedPoints)
    const all = placed.flat()
    const weight = Math.min(1, sayOfVendor / Math.max(1, all.length))
    for (const each of all) form[each.form]! += weight
    for (const list of placed) {
      for (const [index, each] of list.entries()) {
        const behind = list[index + 1]
        if (behind && behind.address === each.address + each.words) next[each.form]![behind.form]! += weight
      }
    }
    const wide = all.filter(({ words }) => words > 1)
    if (wide.length > 0 && wide.filter((each) => forms[each.form]?.wordOrder === 'little').length * 2 > wide.length)
      little++
    for (const quantity of own.flatMap(quantitiesOf)) {
      const key = `${quantity.metric} ${quantity.kind} ${quantity.words} ${quantity.perCount}`
      const known = quantities.get(key) ?? { ...quantity, count: 0 }
      known.count += weight
      quantities.set(key, known)
    }
  }
  return {
    form: normalized(form),
    next: next.map(normalized),
    littleShare: (little + 1) / (vendors.size + 3),
    quantities: [...quantities.values()].toSorted((a, b) => b.count - a.count),
    maps: maps.length,
  }
}

function normalized(list: readonly number[]): number[] {
  const sum = list.reduce((total, each) => total + each, 0)
  return list.map((each) => each / sum)
}

const pointForm = (point: MapPoint, { map }: LoadedMap): Form | undefined => {
  const { type } = placeOf(point, map.defaults)
  if (type === undefined) return undefined
  const { wordOrder = map.defaults?.wordOrder ?? 'big', byteOrder = map.defaults?.byteOrder ?? 'big' } = point
  return formOf(type, wordOrder, byteOrder)
}

function placedPoints(loaded: LoadedMap): Placed[] {
  const seen = new Map<string, Placed>()
  for (const point of Object.values(loaded.map.points)) {
    const form = pointForm(point, loaded)
    if (!form || typeof point.address !== 'number') continue
    const { function: fn, type = '' } = placeOf(point, loaded.map.defaults)
    const words = Number(/^string:(\d+)$/.exec(type)?.[1] ?? form.words)
    seen.set(`${fn} ${point.address}`, {
      address: point.address + (fn === 'input' ? 100_000 : 0),
      form: forms.indexOf(form),
      words,
    })
  }
  return [...seen.values()].toSorted((a, b) => a.address - b.address)
}

function quantitiesOf(loaded: LoadedMap): QuantityPrior[] {
  return Object.entries(loaded.map.points).flatMap(([name, point]): QuantityPrior[] => {
    const form = pointForm(point, loaded)
    const metric = parsePointName(name)?.metricName
    const { type = '' } = placeOf(point, loaded.map.defaults)
    if (!form || metric === undefined || form.kind === 'text' || /^(enum|flags|bool)/.test(type)) return []
    const unit = point.unit ?? metricOf(name).unit
    const factor = unitFactor(metricOf(name), unit)
    if (factor === undefined || metricOf(name).type !== 'number') return []
    const scale = Math.abs(point.scale ?? 1)
    const perCount = Number((scale * factor).toPrecision(9))
    return [{ metric, kind: form.kind, words: form.words, perCount, unit, scale, count: 1 }]
  })
}
