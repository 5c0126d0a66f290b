import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete'
import {
  defaultKeymap,
  history,
  historyKeymap,
  indentWithTab,
  redo,
  redoDepth,
  undo,
  undoDepth,
} from '@codemirror/commands'
import { yaml } from '@codemirror/lang-yaml'
import { bracketMatching, indentUnit } from '@codemirror/language'
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search'
import { type ChangeSpec, EditorState } from '@codemirror/state'
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
  rectangularSelection,
} from '@codemirror/view'
import type { MapLine, MapProblem } from '#contract/map-editor.ts'
import { mostMapText } from '#contract/map-limits.ts'
import { nextByteOrder } from './byte-orders.ts'
import { changedLines, setChangedLines } from './changed-lines.ts'
import { completeFrom } from './completion.ts'
import { highlight } from './highlight.ts'
import { type LineValue, liveField, liveGutter, pointAt, setPlaces, setValues } from './live-values.ts'
import { applyFix, nextProblem, problemRows, setProblems } from './problems.ts'
import { appTheme } from './theme.ts'

/** What the editor asks of the screen. */
export interface EditorHost {
  readonly label: string
  /** The JSON Schema of point maps. */
  readonly schemaText: string
  point(name: string): MapLine | undefined
  textChanged(): void
  /** The cursor has come to another point, or to none. */
  pointChanged(name: string | undefined): void
  save(): void
  difference(): void
}

export interface MapEditor extends Disposable {
  readonly view: EditorView
  showProblems(problems: readonly MapProblem[]): void
  /** Lines on which points stand. */
  showPlaces(places: readonly { readonly name: string; readonly line: number }[]): void
  showValues(values: ReadonlyMap<string, LineValue>): void
  showChanged(lines: readonly number[]): void
  undo(): void
  redo(): void
  canUndo(): boolean
  canRedo(): boolean
  applyFix(): void
  nextProblem(step: 1 | -1): void
  nextOrder(step: 1 | -1): void
  /** Puts the cursor on a line and the line at the top, without taking the focus. */
  startAt(line: number): void
  /** Puts the cursor on a line, in the middle of what is seen. */
  goTo(line: number): void
  /** Writes at the place that `add` finds, and puts the cursor behind it. */
  insert(add: (state: EditorState) => { readonly changes: ChangeSpec; readonly cursor: number } | undefined): void
}

const run =
  (action: () => void): (() => boolean) =>
  () => {
    action()
    return true
  }

/** In a shadow root, where the editor's styles are no inline style sheet, which the content security policy refuses. */
export function createMapEditor(parent: HTMLElement, text: string, host: EditorHost): MapEditor {
  const root = parent.shadowRoot ?? parent.attachShadow({ mode: 'open' })
  let shown: string | undefined

  function nextOrder(step: 1 | -1): boolean {
    const name = pointAt(view.state, view.state.selection.main.head)
    const point = name === undefined ? undefined : host.point(name)
    const change = point && nextByteOrder(view.state, point, step)
    if (change) view.dispatch(change)
    return true
  }

  const lineStart = (number: number): number =>
    view.state.doc.line(Math.max(1, Math.min(number, view.state.doc.lines))).from

  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: text,
      extensions: [
        keymap.of([
          { key: 'Mod-s', run: run(host.save), preventDefault: true },
          { key: 'Mod-.', run: applyFix, preventDefault: true },
          { key: 'Mod-d', run: run(host.difference), preventDefault: true },
          { key: 'F8', run: (target) => nextProblem(target), preventDefault: true },
          { key: 'Shift-F8', run: (target) => nextProblem(target, -1), preventDefault: true },
          { key: 'Alt-ArrowUp', run: () => nextOrder(-1), preventDefault: true },
          { key: 'Alt-ArrowDown', run: () => nextOrder(1), preventDefault: true },
        ]),
        problemRows(),
        lineNumbers(),
        changedLines(),
        liveGutter(),
        history({ minDepth: 500 }),
        drawSelection(),
        rectangularSelection(),
        highlightActiveLine(),
        highlightActiveLineGutter(),
        highlightSelectionMatches(),
        bracketMatching(),
        closeBrackets(),
        search({ top: true }),
        indentUnit.of('  '),
        EditorState.tabSize.of(2),
        yaml(),
        autocompletion({
          override: [completeFrom(host.schemaText, (name) => host.point(name)?.unit)],
          icons: false,
          maxRenderedOptions: 60,
        }),
        keymap.of([
          ...closeBracketsKeymap,
          ...searchKeymap,
          ...historyKeymap,
          ...completionKeymap,
          ...defaultKeymap,
          indentWithTab,
        ]),
        // More than the service takes would be lost on saving.
        EditorState.changeFilter.of(
          (transaction) =>
            transaction.newDoc.length <= mostMapText || transaction.newDoc.length < transaction.startState.doc.length,
        ),
        EditorView.contentAttributes.of({
          'aria-label': host.label,
          tabindex: '0',
          spellcheck: 'false',
          autocapitalize: 'off',
        }),
        highlight(),
        appTheme(),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) host.textChanged()
          if (
            !update.selectionSet &&
            update.startState.field(liveField).places === update.state.field(liveField).places
          )
            return
          const now = pointAt(update.state, update.state.selection.main.head)
          if (now !== shown) host.pointChanged((shown = now))
        }),
      ],
    }),
  })
  return {
    view,
    showProblems: (problems) => view.dispatch({ effects: setProblems(problems) }),
    showPlaces: (places) => view.dispatch({ effects: setPlaces(places) }),
    showValues: (values) => view.dispatch({ effects: setValues(values) }),
    showChanged: (lines) => view.dispatch({ effects: setChangedLines(lines) }),
    undo: () => void undo(view),
    redo: () => void redo(view),
    canUndo: () => undoDepth(view.state) > 0,
    canRedo: () => redoDepth(view.state) > 0,
    applyFix: () => void applyFix(view),
    nextProblem: (step) => void nextProblem(view, step),
    nextOrder: (step) => void nextOrder(step),
    startAt(number) {
      const from = lineStart(number)
      view.dispatch({
        selection: { anchor: from },
        effects: EditorView.scrollIntoView(from, { y: 'start', yMargin: 30 }),
      })
    },
    goTo(number) {
      const from = lineStart(number)
      view.dispatch({ selection: { anchor: from }, effects: EditorView.scrollIntoView(from, { y: 'center' }) })
      view.focus()
    },
    insert(add) {
      const found = add(view.state)
      if (!found) return
      view.dispatch({ changes: found.changes, userEvent: 'input.bind' })
      view.dispatch({
        selection: { anchor: found.cursor },
        effects: EditorView.scrollIntoView(found.cursor, { y: 'center' }),
      })
      view.focus()
    },
    [Symbol.dispose]: () => view.destroy(),
  }
}
