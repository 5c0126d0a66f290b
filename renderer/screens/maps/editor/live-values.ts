import { type EditorState, type Extension, RangeSet, StateEffect, StateField } from '@codemirror/state'
import { gutter, GutterMarker } from '@codemirror/view'
import { shape, type Shape } from './shapes.ts'

/** A value as it stands beside its line. */
export interface LineValue {
  readonly text: string
  readonly unit: string
  readonly age: string
  readonly shape: Shape
  /** Read at another time, or by an older text: not what the device says now. */
  readonly old: boolean
}

interface Place {
  readonly name: string
  readonly at: number
}

interface Live {
  readonly places: readonly Place[]
  readonly values: ReadonlyMap<string, LineValue>
  readonly markers: RangeSet<ValueMark>
}

const setPlacesEffect = StateEffect.define<readonly { readonly name: string; readonly line: number }[]>()
const setValuesEffect = StateEffect.define<ReadonlyMap<string, LineValue>>()

/** The lines on which points stand, in the text as it is now. */
export const setPlaces = (lines: readonly { readonly name: string; readonly line: number }[]): StateEffect<unknown> =>
  setPlacesEffect.of(lines)
/** What the points read, by name. */
export const setValues = (values: ReadonlyMap<string, LineValue>): StateEffect<unknown> => setValuesEffect.of(values)

class ValueMark extends GutterMarker {
  readonly value: LineValue
  constructor(value: LineValue) {
    super()
    this.value = value
    this.elementClass = value.shape === 'degraded' ? 'map-stale' : value.shape === 'fault' ? 'map-bad' : ''
  }
  override eq(other: ValueMark): boolean {
    const [a, b] = [this.value, other.value]
    return a.text === b.text && a.unit === b.unit && a.age === b.age && a.shape === b.shape && a.old === b.old
  }
  override toDOM(): Node {
    const { text, unit, age, shape: name, old } = this.value
    const row = document.createElement('div')
    row.className = old ? 'map-value old' : 'map-value'
    const part = (tag: 'b' | 'span', words: string, kind: string): void => {
      const element = row.appendChild(document.createElement(tag))
      element.className = kind
      element.textContent = words
    }
    part('b', text, 'number')
    part('span', unit, 'unit')
    part('span', age, 'age')
    row.append(shape(name))
    return row
  }
}

function marked(state: EditorState, places: readonly Place[], values: Live['values']): RangeSet<ValueMark> {
  const found = places.flatMap(({ name, at }) => {
    const value = values.get(name)
    return value ? [new ValueMark(value).range(state.doc.lineAt(at).from)] : []
  })
  return RangeSet.of(found, true)
}

export const liveField = StateField.define<Live>({
  create: () => ({ places: [], values: new Map(), markers: RangeSet.empty }),
  update(before, { changes, docChanged, effects, state }) {
    let { places, values } = before
    let anew = docChanged
    if (docChanged) places = places.map(({ name, at }) => ({ name, at: changes.mapPos(at, 1) }))
    for (const effect of effects) {
      if (effect.is(setPlacesEffect)) {
        places = effect.value
          .filter(({ line }) => line <= state.doc.lines)
          .map(({ name, line }) => ({ name, at: state.doc.line(line).from }))
        anew = true
      }
      if (effect.is(setValuesEffect)) {
        values = effect.value
        anew = true
      }
    }
    return anew ? { places, values, markers: marked(state, places, values) } : before
  },
})

/** The point on whose line, or in whose lines below it, a place of the text is. */
export function pointAt(state: EditorState, pos: number): string | undefined {
  const { places } = state.field(liveField)
  const here = state.doc.lineAt(pos)
  const indent = (text: string): number => text.search(/\S/)
  const nearest = places.filter(({ at }) => at <= here.to).toSorted((a, b) => b.at - a.at)[0]
  if (!nearest) return undefined
  const head = state.doc.lineAt(nearest.at)
  if (head.number === here.number) return nearest.name
  for (let number = head.number + 1; number <= here.number; number++) {
    const { text } = state.doc.line(number)
    if (text.trim() !== '' && indent(text) <= indent(head.text)) return undefined
  }
  return nearest.name
}

/** The column of live values, to the right of the text and always on the line of their point. */
export const liveGutter = (): Extension => [
  liveField,
  gutter({
    class: 'map-live',
    side: 'after',
    markers: (view) => view.state.field(liveField).markers,
    renderEmptyElements: true,
  }),
]
