import { syntaxTree } from '@codemirror/language'
import { type Extension, RangeSetBuilder } from '@codemirror/state'
import { Decoration, type DecorationSet, type EditorView, ViewPlugin, type ViewUpdate } from '@codemirror/view'

const marks = {
  key: Decoration.mark({ class: 'map-key' }),
  number: Decoration.mark({ class: 'map-number' }),
  word: Decoration.mark({ class: 'map-word' }),
  comment: Decoration.mark({ class: 'map-comment' }),
  sign: Decoration.mark({ class: 'map-sign' }),
}

const numeric = /^[-+]?(0x[0-9a-f]+|\d[\d_]*(\.\d+)?(e[-+]?\d+)?)$/i

function colour(view: EditorView): DecorationSet {
  const builder = new RangeSetBuilder<Decoration>()
  const { doc } = view.state
  for (const { from, to } of view.visibleRanges)
    syntaxTree(view.state).iterate({
      from,
      to,
      enter({ name, from: start, to: end, node }) {
        if (name === 'Key') {
          builder.add(start, end, marks.key)
          return false
        }
        if (name === 'Comment') builder.add(start, end, marks.comment)
        else if (name === 'Literal' || name === 'QuotedLiteral')
          builder.add(
            start,
            end,
            numeric.test(doc.sliceString(start, Math.min(end, start + 40))) ? marks.number : marks.word,
          )
        else if (node.firstChild === null && /^[{}[\],:]$/.test(name)) builder.add(start, end, marks.sign)
        return undefined
      },
    })
  return builder.finish()
}

/** Keys, numbers, words and comments of what is seen. */
export const highlight = (): Extension =>
  ViewPlugin.define(
    (view) => ({
      decorations: colour(view),
      update(update: ViewUpdate) {
        const parsed = syntaxTree(update.startState) !== syntaxTree(update.state)
        if (update.docChanged || update.viewportChanged || parsed) this.decorations = colour(update.view)
      },
    }),
    { decorations: (plugin) => plugin.decorations },
  )
