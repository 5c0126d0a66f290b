import type { SunspecModels } from '../../../service/pointmap/sunspec/models.ts'
import type { SunspecLayout } from '../../../service/pointmap/types.ts'

/** Repetitions of the repeating group that every model of these layouts has. */
const repetitions = 4

/** A device that has every model one after the other, and two more units of trackers. */
export function everyModel(models: SunspecModels): SunspecLayout {
  return layoutOf(models, [1, ...[...models.keys()].filter((model) => model !== 1).toSorted((a, b) => a - b), 160, 160])
}

/** A device with these models in this order. `commonLength` is 65 on devices that leave out the padding. */
export function layoutOf(models: SunspecModels, numbers: readonly number[], commonLength = 66): SunspecLayout {
  const base = 40_000
  let header = base + 2
  const placed = numbers.map((number) => {
    const model = models.get(number)
    if (!model) throw new Error(`SunSpec model ${number} is not described`)
    const length = number === 1 ? commonLength : model.length + repetitions * (model.repeating?.length ?? 0)
    const at = { model: number, address: header + 2, length }
    header += 2 + length
    return at
  })
  return { base, models: placed, warnings: [] }
}
