import { type EditorState, type Extension, StateEffect, StateField, type Transaction } from '@codemirror/state'
import { Decoration, type DecorationSet, EditorView, gutter, GutterMarker, WidgetType } from '@codemirror/view'
import type { MapProblem, TextEdit } from '#contract/map-editor.ts'
import { asSentence } from '../../../format/sentence.ts'
import { t } from '../../../i18n.ts'
import { shape } from './shapes.ts'

/** A problem whose place and fix follow the edits that were made since it was found. */
export interface PlacedProblem extends Omit<MapProblem, 'fix' | 'line'> {
  /** Somewhere on its line. */
  readonly at: number
  readonly fix: { readonly title: string; readonly edits: readonly TextEdit[] } | undefined
}

const setProblemsEffect = StateEffect.define<readonly MapProblem[]>()

/** Shows what is wrong in the text as it is now. */
export const setProblems = (problems: readonly MapProblem[]): StateEffect<readonly MapProblem[]> =>
  setProblemsEffect.of(problems)

function placed(state: EditorState, problem: MapProblem): PlacedProblem {
  const { line: number, fix, ...rest } = problem
  const line = state.doc.line(Math.min(number, state.doc.lines))
  const edits = fix?.edits.every(({ from, to }) => from <= to && to <= state.doc.length) ? fix : undefined
  return { ...rest, at: Math.min(line.from + problem.column - 1, line.to), fix: edits }
}

function follow(problem: PlacedProblem, { changes }: Transaction): PlacedProblem {
  const { fix } = problem
  const untouched = fix?.edits.every(({ from, to }) => !changes.touchesRange(from, to))
  const edits = fix?.edits.map(({ from, to, insert }) => ({
    from: changes.mapPos(from, 1),
    to: changes.mapPos(to, -1),
    insert,
  }))
  return {
    ...problem,
    at: changes.mapPos(problem.at),
    fix: fix && untouched && edits?.every(({ from, to }) => from <= to) ? { title: fix.title, edits } : undefined,
  }
}

export const problemField = StateField.define<readonly PlacedProblem[]>({
  create: () => [],
  update(before, transaction) {
    for (const effect of transaction.effects)
      if (effect.is(setProblemsEffect)) return effect.value.map((problem) => placed(transaction.state, problem))
    return transaction.docChanged ? before.map((problem) => follow(problem, transaction)) : before
  },
  provide: (field) => EditorView.decorations.compute([field], (state) => decorate(state, state.field(field))),
})

class ProblemRow extends WidgetType {
  readonly problem: PlacedProblem
  readonly first: boolean
  constructor(problem: PlacedProblem, first: boolean) {
    super()
    this.problem = problem
    this.first = first
  }
  override eq(other: ProblemRow): boolean {
    const [a, b] = [this.problem, other.problem]
    return (
      a.message === b.message &&
      a.severity === b.severity &&
      a.fix?.title === b.fix?.title &&
      this.first === other.first
    )
  }
  override toDOM(view: EditorView): HTMLElement {
    const row = document.createElement('div')
    row.className = `map-problem ${this.problem.severity}`
    const text = row.appendChild(document.createElement('span'))
    text.textContent = asSentence(this.problem.message)
    const { fix } = this.problem
    if (fix) {
      const button = row.appendChild(document.createElement('button'))
      button.type = 'button'
      button.append(t('maps.apply', { fix: fix.title }))
      if (this.first) button.append(Object.assign(document.createElement('kbd'), { textContent: 'Ctrl .' }))
      button.addEventListener('mousedown', (event) => event.preventDefault())
      button.addEventListener('click', () => {
        const now = view.state
          .field(problemField)
          .find((one) => one.fix?.title === fix.title && one.message === this.problem.message)
        if (now) applyOne(view, now)
        view.focus()
      })
    }
    return row
  }
  override ignoreEvent(): boolean {
    return true
  }
}

function decorate(state: EditorState, problems: readonly PlacedProblem[]): DecorationSet {
  const worst = new Map<number, MapProblem['severity']>()
  const rows = problems.map((problem, index) => {
    const line = state.doc.lineAt(problem.at)
    if (worst.get(line.from) !== 'error') worst.set(line.from, problem.severity)
    const first = problem === problems.find(({ fix }) => fix)
    return Decoration.widget({ widget: new ProblemRow(problem, first), block: true, side: index + 1 }).range(line.to)
  })
  const lines = [...worst].map(([from, severity]) => Decoration.line({ class: `map-line-${severity}` }).range(from))
  return Decoration.set([...rows, ...lines], true)
}

class SeverityMark extends GutterMarker {
  readonly severity: MapProblem['severity']
  constructor(severity: MapProblem['severity']) {
    super()
    this.severity = severity
    this.elementClass = `map-line-${severity}`
  }
  override eq(other: SeverityMark): boolean {
    return other.severity === this.severity
  }
  override toDOM(): Node {
    return shape(this.severity === 'error' ? 'fault' : 'degraded')
  }
}
const marks = { error: new SeverityMark('error'), warning: new SeverityMark('warning') }

function severityAt(state: EditorState, from: number): MapProblem['severity'] | undefined {
  const here = state.field(problemField).filter(({ at }) => state.doc.lineAt(at).from === from)
  if (here.length === 0) return undefined
  return here.some(({ severity }) => severity === 'error') ? 'error' : 'warning'
}

/** The problems of a map under their lines, and a shape in front of them. */
export const problemRows = (): Extension => [
  problemField,
  gutter({
    class: 'map-severity',
    lineMarker(view, line) {
      const severity = severityAt(view.state, line.from)
      return severity ? marks[severity] : null
    },
    lineMarkerChange: (update) => update.startState.field(problemField) !== update.state.field(problemField),
    initialSpacer: () => marks.error,
  }),
]

interface Target {
  readonly state: EditorState
  dispatch(transaction: Transaction): void
}

function applyOne({ state, dispatch }: Target, { fix }: PlacedProblem): void {
  if (fix) dispatch(state.update({ changes: [...fix.edits], userEvent: 'input.fix', scrollIntoView: true }))
}

/** Cures the problem of the cursor's line; where it has none, the first that can be cured. */
export function applyFix(target: Target): boolean {
  const { state } = target
  const here = state.doc.lineAt(state.selection.main.head).from
  const curable = state.field(problemField).filter(({ fix }) => fix)
  const chosen = curable.find(({ at }) => state.doc.lineAt(at).from === here) ?? curable[0]
  if (!chosen) return false
  applyOne(target, chosen)
  return true
}

/** Goes to the next problem after the cursor, or round to the first. */
export function nextProblem({ state, dispatch }: Target, step: 1 | -1 = 1): boolean {
  const places = [...new Set(state.field(problemField).map(({ at }) => at))].toSorted((a, b) => a - b)
  if (places.length === 0) return false
  const { head } = state.selection.main
  const next =
    step > 0 ? (places.find((at) => at > head) ?? places[0]) : (places.findLast((at) => at < head) ?? places.at(-1))
  dispatch(state.update({ selection: { anchor: next ?? 0 }, scrollIntoView: true, userEvent: 'select.problem' }))
  return true
}
