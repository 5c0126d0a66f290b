import type { LoadedMap } from '../../pointmap/types.ts'
import type { Evidence } from './identify-score.ts'

/** What a device calls itself, and where it does. */
export interface Names {
  readonly source: 'SunSpec common model' | 'FC 43/14' | 'FC 17'
  readonly vendor?: string
  /** Everything that may name the model. */
  readonly models: readonly string[]
  readonly serial?: string
  readonly firmware?: string
}

const vendorWeight = 0.4
const modelWeight = 0.4
/** FC 17 has no fields: a word in it says less. */
const looseWeight = 0.3

const plain = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]/g, '')

/** Words that stand for a model: those with a digit, such as SDM630, and the name as a whole. */
function modelWords(map: LoadedMap): string[] {
  const { model } = map.map
  const words = model.split(/[^A-Za-z0-9]+/).filter((word) => /\d/.test(word))
  return [...new Set([...words, model].map(plain))].filter((word) => word.length >= 4)
}

/** How the names a device gives itself speak for a map. They never speak against one: many devices are sold under other names. */
export function evidenceOfNames(map: LoadedMap, names: readonly Names[]): Evidence[] {
  const asksSunspec = map.map.identify?.some(({ sunspec }) => sunspec !== undefined)
  // What a map asks itself must not count twice.
  return names
    .filter(({ source }) => !(asksSunspec && source === 'SunSpec common model'))
    .flatMap((given) => evidenceOf(map, given))
}

function evidenceOf(map: LoadedMap, { source, vendor, models }: Names): Evidence[] {
  const maker = plain(map.map.maker)
  const words = modelWords(map)
  const model = models.find((text) => words.some((word) => plain(text).includes(word)))
  const named =
    vendor !== undefined &&
    plain(vendor).length >= 2 &&
    (plain(vendor).includes(maker) || maker.includes(plain(vendor)))
  const mentioned = vendor === undefined && models.some((text) => plain(text).includes(maker))
  return [
    ...(named ? [{ weight: vendorWeight, text: `${source} names the manufacturer ${vendor}` }] : []),
    ...(mentioned ? [{ weight: looseWeight, text: `${source} mentions ${map.map.maker}` }] : []),
    ...(model === undefined ? [] : [{ weight: modelWeight, text: `${source} names the model ${model}` }]),
  ]
}
