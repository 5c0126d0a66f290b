import type { EditorState, Transaction } from '@codemirror/state'
import type { MapDocument, MapSaved } from '#contract/map-editor.ts'
import type { LocalDrafts } from './local-drafts.ts'

/** The editor as this needs it: an EditorView is one. */
export interface EditTarget {
  readonly state: EditorState
  dispatch(transaction: Transaction): void
}

/** What the service holds now, when it is not what was begun from. */
export interface Conflict {
  readonly text: string
  readonly revision: string
}

/** How a text in the editor stands to the one that the service has. */
export interface EditSession {
  /** The text as the service has it. */
  readonly saved: string | undefined
  readonly base: string
  /** Since when the unsaved text of an earlier session is back; undefined when there was none. */
  readonly restoredAtMs: number | undefined
  readonly conflict: Conflict | undefined
  /** There was no room to keep the text on this machine. */
  readonly unkept: boolean
  unsaved(): boolean
  /** After every change of the text. */
  changed(): void
  /** Undefined when somebody else was faster; nothing was changed then. */
  save(): Promise<MapSaved | undefined>
  /** The service says that the text is another one now. */
  meet(theirs: Conflict): void
  /** The newer text; undo brings the own one back. */
  takeTheirs(): void
  /** The own text is saved over the newer one, which the service keeps. */
  keepMine(): Promise<MapSaved | undefined>
  /** Back to what the service has; undo brings the own text back. */
  dropUnsaved(): void
}

/** What became of a save. */
export type SaveAnswer = { readonly saved: MapSaved } | { readonly conflict: Conflict }

/** Replaces the whole text as one step of undo, with as little changed as possible so that places stay. */
export function replaceText(target: EditTarget, text: string): void {
  const now = target.state.doc.toString()
  if (now === text) return
  let from = 0
  while (from < now.length && from < text.length && now[from] === text[from]) from++
  let tail = 0
  while (
    tail < now.length - from &&
    tail < text.length - from &&
    now[now.length - 1 - tail] === text[text.length - 1 - tail]
  )
    tail++
  target.dispatch(
    target.state.update({
      changes: { from, to: now.length - tail, insert: text.slice(from, text.length - tail) },
      userEvent: 'input.replace',
    }),
  )
}

/**
 * Keeps a text from being lost between the person who types it, this machine and the service. `target` holds the document's text
 * when this begins.
 */
export function createEditSession(options: {
  document: Pick<MapDocument, 'id' | 'text' | 'revision'>
  target: EditTarget
  drafts: LocalDrafts
  send(text: string, base: string): Promise<SaveAnswer>
  nowMs(): number
}): EditSession {
  const { document, target, drafts, send, nowMs } = options
  const { id } = document
  // What the service has never seen is unsaved, however little was typed.
  let saved = document.revision === '' ? undefined : normal(document.text)
  let base = document.revision
  let conflict: Conflict | undefined
  let unkept = false
  const text = (): string => target.state.doc.toString()

  const draft = drafts.load(id)
  const restored = draft !== undefined && normal(draft.text) !== saved
  if (restored) replaceText(target, draft.text)
  else if (draft) drafts.drop(id)
  // Somebody has saved since: said before anything is written over it.
  if (restored && draft.base !== base) {
    conflict = { text: saved ?? '', revision: base }
    base = draft.base
  }

  const unsaved = (): boolean => text() !== (saved ?? '')

  function changed(): void {
    if (unsaved()) unkept = !drafts.keep(id, { base, text: text(), atMs: nowMs() })
    else drafts.drop(id)
  }

  if (saved === undefined && !restored) changed()

  async function save(): Promise<MapSaved | undefined> {
    const sent = text()
    const answer = await send(sent, base)
    if ('conflict' in answer) {
      conflict = answer.conflict
      return undefined
    }
    saved = sent
    base = answer.saved.revision
    conflict = undefined
    // What was typed while it was under way is unsaved and is kept.
    changed()
    return answer.saved
  }

  return {
    get saved() {
      return saved
    },
    get base() {
      return base
    },
    restoredAtMs: restored ? draft.atMs : undefined,
    get conflict() {
      return conflict
    },
    get unkept() {
      return unkept
    },
    unsaved,
    changed,
    save,
    meet(theirs) {
      if (theirs.revision !== base) conflict = { ...theirs, text: normal(theirs.text) }
    },
    takeTheirs() {
      if (!conflict) return
      const theirs = conflict
      saved = theirs.text
      base = theirs.revision
      conflict = undefined
      replaceText(target, theirs.text)
      changed()
    },
    async keepMine() {
      if (!conflict) return save()
      base = conflict.revision
      saved = conflict.text
      conflict = undefined
      return save()
    },
    dropUnsaved() {
      replaceText(target, saved ?? '')
      changed()
    },
  }
}

/** Lines end as in the editor. */
const normal = (text: string): string => text.replaceAll(/\r\n?/g, '\n')
