import { history, redo, undo } from '@codemirror/commands'
import { EditorState, type Transaction } from '@codemirror/state'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { MapSaved } from '#contract/map-editor.ts'
import {
  createEditSession,
  type EditSession,
  type EditTarget,
  type SaveAnswer,
} from '../../../../renderer/screens/maps/edit-session.ts'
import { createLocalDrafts, type LocalDrafts } from '../../../../renderer/screens/maps/local-drafts.ts'

/** As a browser's, with as little room as wanted. */
function storageOf(room = Number.POSITIVE_INFINITY): Storage {
  const kept = new Map<string, string>()
  const size = (): number => [...kept].reduce((sum, [key, value]) => sum + key.length + value.length, 0)
  return {
    get length() {
      return kept.size
    },
    key: (index) => [...kept.keys()][index] ?? null,
    getItem: (key) => kept.get(key) ?? null,
    setItem(key, value) {
      const before = kept.get(key)
      kept.set(key, value)
      if (size() <= room) return
      if (before === undefined) kept.delete(key)
      else kept.set(key, before)
      throw new Error('QuotaExceededError')
    },
    removeItem: (key) => void kept.delete(key),
    clear: () => kept.clear(),
  }
}

/** The service as two people see it: it keeps every text that was ever replaced. */
function createShelf(first: string) {
  let text = first
  let number = 1
  const replaced: string[] = []
  const revision = (): string => `revision-${number}`
  return {
    get text() {
      return text
    },
    get revision() {
      return revision()
    },
    replaced,
    put(next: string): void {
      replaced.push(text)
      text = next
      number += 1
    },
    async send(next: string, base: string): Promise<SaveAnswer> {
      if (base !== revision()) return { conflict: { text, revision: revision() } }
      this.put(next)
      const saved: MapSaved = { revision: revision(), outcome: 'saved', use: 'in-use', backup: null }
      return { saved }
    },
  }
}

interface Window extends EditTarget {
  readonly session: EditSession
}

/** A window that edits: what a reload or a crash leaves of it is the storage alone. */
function openWindow(shelf: ReturnType<typeof createShelf>, drafts: LocalDrafts): Window {
  let state = EditorState.create({ doc: shelf.text, extensions: [history({ minDepth: 10_000, newGroupDelay: 0 })] })
  let session: EditSession | undefined
  const target: EditTarget = {
    get state() {
      return state
    },
    dispatch(transaction: Transaction) {
      state = transaction.state
      if (transaction.docChanged) session?.changed()
    },
  }
  session = createEditSession({
    document: { id: 'a/b', text: shelf.text, revision: shelf.revision },
    target,
    drafts,
    send: (text, base) => shelf.send(text, base),
    nowMs: () => 1,
  })
  return {
    get state() {
      return state
    },
    dispatch: target.dispatch,
    session,
  }
}

const textOf = ({ state }: Window): string => state.doc.toString()
/** What a crash leaves: the text of the window, or where all of that was saved, what the service has. */
const leftOf = (window: Window, { text }: { readonly text: string }): string =>
  window.session.unsaved() ? textOf(window) : text
const words = fc.constantFrom('a', 'powerW: ', '\n', '  ', '{ address: 1 }', '<script>', '€', '😀', '#', "'")
const action = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('insert' as const), at: fc.nat(), words }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('delete' as const), at: fc.nat(), count: fc.nat(6) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('undo' as const, 'redo' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom('save' as const, 'reload' as const, 'theirs' as const, 'mine' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('other' as const), words }) },
)

describe('2,000 random edits', () => {
  it('never lose a text: it is in the editor, on this machine, or with the service', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 100, maxLength: 100 }), async (actions) => {
        const shelf = createShelf('maker: A\nmodel: B\n')
        const drafts = createLocalDrafts(storageOf(), 'here')
        let window = openWindow(shelf, drafts)
        // What the editor must show, told apart from how the editor keeps it.
        let expected = textOf(window)
        for (const step of actions) {
          const { length } = window.state.doc
          if (step.do === 'insert') {
            const at = step.at % (length + 1)
            window.dispatch(window.state.update({ changes: { from: at, insert: step.words }, userEvent: 'input' }))
            expected = expected.slice(0, at) + step.words + expected.slice(at)
          } else if (step.do === 'delete') {
            const from = step.at % (length + 1)
            const to = Math.min(length, from + step.count)
            window.dispatch(window.state.update({ changes: { from, to }, userEvent: 'delete' }))
            expected = expected.slice(0, from) + expected.slice(to)
          } else if (step.do === 'undo' || step.do === 'redo') {
            const before = textOf(window)
            const [forth, back] = step.do === 'undo' ? [undo, redo] : [redo, undo]
            if (forth(window)) {
              const after = textOf(window)
              back(window)
              expect(textOf(window)).toBe(before)
              forth(window)
              expect(textOf(window)).toBe(after)
            }
            expected = textOf(window)
          } else if (step.do === 'reload') {
            expected = leftOf(window, shelf)
            window = openWindow(shelf, drafts)
          } else if (step.do === 'other') shelf.put(`${shelf.text}${step.words}`)
          else if (step.do === 'theirs') {
            const { conflict } = window.session
            window.session.takeTheirs()
            if (conflict) {
              const mine = expected
              expected = conflict.text
              if (mine !== expected) {
                undo(window)
                expect(textOf(window)).toBe(mine)
                redo(window)
              }
            }
          } else {
            const theirs = shelf.text
            const before = shelf.replaced.length
            const saved = await (step.do === 'save' ? window.session.save() : window.session.keepMine())
            if (saved) expect(shelf.text).toBe(expected)
            else expect([shelf.text, window.session.conflict?.text]).toEqual([theirs, theirs])
            if (shelf.replaced.length > before) expect(shelf.replaced.at(-1)).toBe(theirs)
          }
          expect(textOf(window)).toBe(expected)
          // A crash now: what is left is what the service has, or what this machine has kept.
          expect(textOf(openWindow(shelf, drafts))).toBe(leftOf(window, shelf))
        }
      }),
      { numRuns: 20 },
    )
  })
})

describe('a text that nobody has saved', () => {
  it('is back after a crash, and undo goes to what was saved', () => {
    const shelf = createShelf('one\n')
    const drafts = createLocalDrafts(storageOf(), 'here')
    const first = openWindow(shelf, drafts)
    first.dispatch(first.state.update({ changes: { from: 0, insert: 'zero\n' } }))
    const second = openWindow(shelf, drafts)
    expect(textOf(second)).toBe('zero\none\n')
    expect(second.session.restoredAtMs).toBe(1)
    undo(second)
    expect(textOf(second)).toBe('one\n')
    expect(second.session.unsaved()).toBe(false)
  })
  it('says that somebody else was faster, before it is saved over that', async () => {
    const shelf = createShelf('one\n')
    const drafts = createLocalDrafts(storageOf(), 'here')
    const first = openWindow(shelf, drafts)
    first.dispatch(first.state.update({ changes: { from: 0, insert: 'mine ' } }))
    shelf.put('theirs\n')
    expect(await first.session.save()).toBeUndefined()
    expect(first.session.conflict?.text).toBe('theirs\n')
    const second = openWindow(shelf, drafts)
    expect([textOf(second), second.session.conflict?.text]).toEqual(['mine one\n', 'theirs\n'])
    expect(await second.session.keepMine()).toBeDefined()
    expect([shelf.text, shelf.replaced]).toEqual(['mine one\n', ['one\n', 'theirs\n']])
  })
  it('says so when this machine has no room for it, after letting go of the oldest', () => {
    const drafts = createLocalDrafts(storageOf(400), 'here')
    expect(drafts.keep('a/a', { base: '', text: 'x'.repeat(150), atMs: 1 })).toBe(true)
    expect(drafts.keep('b/b', { base: '', text: 'y'.repeat(200), atMs: 2 })).toBe(true)
    expect(drafts.ids()).toEqual(['b/b'])
    expect(drafts.keep('c/c', { base: '', text: 'z'.repeat(1000), atMs: 3 })).toBe(false)
  })
  it('is kept apart from those of another service', () => {
    const storage = storageOf()
    createLocalDrafts(storage, 'one').keep('a/b', { base: '', text: 'text', atMs: 1 })
    expect(createLocalDrafts(storage, 'two').load('a/b')).toBeUndefined()
  })
})
