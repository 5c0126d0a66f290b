import { type ForeignMap, type ForeignPoint, isRefusal, refuse, type Skipped, type Understood } from './types.ts'
import { get, items, numberOf, readTree, textOf, type Tree } from './yaml-tree.ts'

/** A SunSpec model as the Alliance publishes it. Its points are found by walking the device, wherever it keeps the model. */
export function readSunspecJson(text: string, file: string): Understood {
  const read = readTree(text, file)
  if (isRefusal(read)) return read
  const model = numberOf(get(read.tree, 'id'))
  const group = get(read.tree, 'group')
  if (model === undefined || !Number.isInteger(model) || model < 1 || model > 65_534 || !group)
    return refuse(file, 'this is not a SunSpec model: "id" (1 to 65534) or "group" is missing')
  const points: ForeignPoint[] = []
  const skipped: Skipped[] = []
  addGroup(group, undefined)
  for (const inner of items(get(group, 'groups'))) {
    if (get(inner, 'groups')) skip(inner, 'blocks nested in repeating blocks are not read')
    else
      addGroup(inner, textOf(get(inner, 'count')) === undefined || numberOf(get(inner, 'count')) === 1 ? undefined : 0)
  }
  const label = textOf(get(group, 'label')) ?? textOf(get(group, 'name')) ?? `model ${model}`
  const map: ForeignMap = {
    maker: 'SunSpec',
    model: `${model} ${label}`.slice(0, 100),
    points,
    skipped,
    kept: [],
    assumptions: [
      {
        about: 'other',
        text: `The points are read where the device keeps model ${model}; the service must know that model (pointmaps/sunspec/models/${model}.yaml).`,
      },
      ...(points.some(({ keys }) => keys.sunspec?.group === 0)
        ? [{ about: 'other' as const, text: 'Of a repeating block only the first repetition was imported.' }]
        : []),
    ],
  }
  return map

  function skip(tree: Tree, reason: string): void {
    skipped.push({
      place: `${file}:${tree.line}`,
      original: textOf(get(tree, 'name')) ?? 'an entry without a name',
      reason,
    })
  }

  function addGroup(block: Tree, repetition: 0 | undefined): void {
    for (const point of items(get(block, 'points'))) {
      const name = textOf(get(point, 'name'))
      const type = textOf(get(point, 'type')) ?? ''
      if (name === undefined || name.length > 40) skip(point, 'it has no name of up to 40 characters')
      else if (block === group && (name === 'ID' || name === 'L')) skip(point, 'is the head of the model, not a value')
      else if (type === 'pad' || type === 'sunssf')
        skip(point, type === 'pad' ? 'fills the block' : 'is a scale factor, which is used where it belongs')
      else {
        const unit = textOf(get(point, 'units'))
        points.push({
          place: `${file}:${point.line}`,
          original: textOf(get(point, 'label')) ?? name,
          keys: { sunspec: { model: model!, point: name, ...(repetition === 0 && { group: 0 }) } },
          kept: unit === undefined ? [] : [['units', unit]],
        })
      }
    }
  }
}
