import { type Extension, RangeSet, StateEffect, StateField } from '@codemirror/state'
import { gutter, GutterMarker } from '@codemirror/view'

const setChangedEffect = StateEffect.define<readonly number[]>()

/** Lines that differ from the text that came with R-EMS, or that was saved. */
export const setChangedLines = (lines: readonly number[]): StateEffect<unknown> => setChangedEffect.of(lines)

class ChangedMark extends GutterMarker {
  override elementClass = 'map-changed'
}
const mark = new ChangedMark()

const changedField = StateField.define<RangeSet<GutterMarker>>({
  create: () => RangeSet.empty,
  update(before, { changes, effects, state }) {
    for (const effect of effects)
      if (effect.is(setChangedEffect)) {
        const lines = effect.value.filter((line) => line <= state.doc.lines)
        return RangeSet.of(lines.map((line) => mark.range(state.doc.line(line).from)))
      }
    return before.map(changes)
  },
})

export const changedLines = (): Extension => [
  changedField,
  gutter({ class: 'map-changes', markers: (view) => view.state.field(changedField) }),
]
