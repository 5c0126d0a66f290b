import { computed, onBeforeUnmount, ref, shallowRef } from 'vue'
import type { MapChecked, MapDocument, MapLine, MapProblem, MapSaved, MapValues } from '#contract/map-editor.ts'
import type { Plausibility } from '#contract/plausibility.ts'
import { useService } from '../../client/key.ts'
import { RequestError } from '../../client/http.ts'
import { useAction } from '../../stores/remote.ts'
import { createEditSession, type EditSession, replaceText, type SaveAnswer } from './edit-session.ts'
import type { EditorHost, MapEditor } from './editor/create-editor.ts'
import { diffLines } from './line-diff.ts'
import { liveProblems, lineValues } from './live-lines.ts'
import { createLocalDrafts } from './local-drafts.ts'

/** After the last key, before the text is checked. */
const pauseMs = 350
const valuesEveryMs = 1000
/** Asked for with every so many rounds of values. */
const plausibleEvery = 5
const base = 'api/v1/workbench/maps'

/** One map in the editor: its text, what is wrong with it, and what the chosen device says to it. */
export function useMapSession() {
  const service = useService()
  const drafts = createLocalDrafts(localStorage, placeOf(service.url))
  const document = shallowRef<MapDocument>()
  const editor = shallowRef<MapEditor>()
  const checked = shallowRef<MapChecked>()
  const live = shallowRef<MapValues>()
  /** Of the chosen device, as the map in use reads it. */
  const plausibility = shallowRef<Plausibility>()
  const device = ref<string>()
  const point = ref<string>()
  const saved = shallowRef<MapSaved>()
  /** Counts changes of what the session says, which is not reactive by itself. */
  const revision = ref(0)
  const opening = useAction()
  const saving = useAction()
  const checking = useAction()
  let session: EditSession | undefined
  let checkedText = ''
  let shownProblems = ''
  let pause: ReturnType<typeof setTimeout> | undefined
  let round: ReturnType<typeof setTimeout> | undefined
  let opened = 0
  let placed = false
  let rounds = 0

  const lines = computed<readonly MapLine[]>(() => checked.value?.points ?? [])
  const lineOf = computed(() => new Map(lines.value.map((line) => [line.name, line])))
  const user = computed(() => document.value?.users.find((one) => one.device === device.value))
  const signs = computed(() => new Set(user.value?.signs ?? []))
  const state = computed(() => {
    void revision.value
    return {
      unsaved: session?.unsaved() ?? false,
      conflict: session?.conflict,
      restoredAtMs: session?.restoredAtMs,
      unkept: session?.unkept ?? false,
      canUndo: editor.value?.canUndo() ?? false,
      canRedo: editor.value?.canRedo() ?? false,
      baseText: document.value?.shipped ?? session?.saved ?? '',
    }
  })
  const problems = shallowRef<readonly MapProblem[]>([])

  const text = (): string => editor.value?.view.state.doc.toString() ?? ''

  async function send(id: string, now: string, from: string): Promise<SaveAnswer> {
    try {
      return { saved: await service.send<MapSaved>('PUT', `${base}/${id}`, { text: now, base: from }) }
    } catch (error) {
      if (!(error instanceof RequestError) || error.code !== 'workbench.changed') throw error
      const theirs = await service.get<MapDocument>(`${base}/${id}`)
      return { conflict: { text: theirs.text, revision: theirs.revision } }
    }
  }

  async function find(id: string): Promise<MapDocument> {
    try {
      return await service.get<MapDocument>(`${base}/${id}`)
    } catch (error) {
      // It was begun in this window before, and never saved.
      if (error instanceof RequestError && error.code === 'workbench.unknown' && drafts.load(id))
        return freshDocument(id, '')
      throw error
    }
  }

  /** Opens a map in an element of the page. `fresh` is a text that was never saved. */
  async function open(
    id: string,
    parent: HTMLElement,
    host: Pick<EditorHost, 'label' | 'difference'>,
    fresh?: MapDocument,
  ): Promise<boolean> {
    close()
    const mine = ++opened
    opening.busy.value = false
    return opening.run(async () => {
      const [found, schema, module] = await Promise.all([
        fresh ?? find(id),
        service.download(`${base}/schema`).then((file) => file.text()),
        import('./editor/create-editor.ts'),
      ])
      if (mine !== opened) return
      document.value = found
      device.value = found.users.find(({ link }) => link !== 'silent')?.device ?? found.users[0]?.device
      const made = module.createMapEditor(parent, found.text, {
        ...host,
        schemaText: schema,
        point: (name) => lineOf.value.get(name),
        textChanged,
        pointChanged: (name) => (point.value = name),
        save: () => void save(),
      })
      editor.value = made
      session = createEditSession({
        document: found,
        target: made.view,
        drafts,
        send: (now, from) => send(id, now, from),
        nowMs: Date.now,
      })
      revision.value += 1
      void check()
      void askValues()
    })
  }

  function close(): void {
    opened += 1
    clearTimeout(pause)
    clearTimeout(round)
    editor.value?.[Symbol.dispose]()
    editor.value = undefined
    session = undefined
    for (const kept of [document, checked, live, plausibility, saved, point, device]) kept.value = undefined
    rounds = 0
    problems.value = []
    shownProblems = ''
    checkedText = ''
    placed = false
  }

  function textChanged(): void {
    session?.changed()
    saved.value = undefined
    revision.value += 1
    clearTimeout(pause)
    pause = setTimeout(() => void check(), pauseMs)
  }

  async function check(): Promise<void> {
    const [mine, id, now] = [opened, document.value?.id, text()]
    if (id === undefined) return
    checking.busy.value = false
    await checking.run(async () => {
      const request = { id, text: now, ...(device.value !== undefined && { device: device.value }) }
      const answer = await service.send<MapChecked>('POST', `${base}/check`, request)
      // Of an older text: the newer one is asked about already.
      if (mine !== opened || now !== text()) return
      // With errors, the last good plan and points stay.
      const before = checked.value
      checked.value = answer.key === null && before ? { ...before, problems: answer.problems, key: before.key } : answer
      checkedText = now
      showChecked(answer)
    })
  }

  function showChecked(answer: MapChecked): void {
    if (!editor.value) return
    const changed = diffLines(state.value.baseText, checkedText).flatMap(({ kind, after }) =>
      kind === 'added' && after !== undefined ? [after] : [],
    )
    const places = answer.points.flatMap(({ name, line }) => (line === null ? [] : [{ name, line }]))
    editor.value.showChanged(changed)
    if (answer.key !== null) editor.value.showPlaces(places)
    // Where the values are, as long as nobody has gone anywhere.
    const first = Math.min(...places.map(({ line }) => line))
    if (!placed && Number.isFinite(first) && editor.value.view.state.selection.main.head === 0)
      editor.value.startAt(first)
    placed = true
    showProblems(answer.problems)
    if (live.value) showLive(live.value)
  }

  function showProblems(found: readonly MapProblem[]): void {
    const key = JSON.stringify(found)
    if (!editor.value || (key === shownProblems && checkedText === text())) return
    shownProblems = key
    problems.value = found
    editor.value.showProblems(found)
  }

  function showLive(values: MapValues): void {
    if (!editor.value || !checked.value) return
    editor.value.showValues(lineValues(lines.value, values, signs.value))
    if (checkedText === text() && values.from === 'live')
      showProblems([...checked.value.problems, ...liveProblems(checkedText, lines.value, values)])
  }

  async function askValues(): Promise<void> {
    clearTimeout(round)
    const mine = opened
    const key = checked.value?.key
    try {
      if (key && device.value !== undefined && !globalThis.document.hidden) {
        const answer = await service.get<MapValues>(`${base}/values`, { key, device: device.value })
        if (mine !== opened) return
        live.value = answer
        showLive(answer)
        if (rounds++ % plausibleEvery === 0) {
          const found = await service.get<Plausibility>(`api/v1/devices/${device.value}/plausibility`)
          if (mine === opened) plausibility.value = found
        }
      }
    } catch (error) {
      // Forgotten by a service that was started anew: the text is shown to it again.
      if (mine === opened && error instanceof RequestError && error.code === 'workbench.unknown') void check()
    }
    if (mine === opened) round = setTimeout(() => void askValues(), key ? valuesEveryMs : 200)
  }

  async function act(action: (session: EditSession) => Promise<MapSaved | undefined>): Promise<boolean> {
    const [mine, now] = [opened, session]
    if (!now) return false
    const done = await saving.run(async () => {
      const answer = await action(now)
      if (mine !== opened) return
      saved.value = answer
      if (answer && document.value)
        document.value = { ...(await service.get<MapDocument>(`${base}/${document.value.id}`)), text: now.saved ?? '' }
    })
    revision.value += 1
    if (done && mine === opened) void check()
    return done
  }
  const save = (): Promise<boolean> => act((now) => now.save())

  function choose(id: string): void {
    device.value = id
    live.value = undefined
    plausibility.value = undefined
    rounds = 0
    editor.value?.showValues(new Map())
    void check()
    void askValues()
  }

  onBeforeUnmount(close)

  return {
    document,
    editor,
    checked,
    live,
    plausibility,
    device,
    user,
    signs,
    point,
    lines,
    lineOf,
    problems,
    saved,
    state,
    opening,
    saving,
    checking,
    drafts,
    open,
    close,
    choose,
    save,
    text,
    keepMine: () => act((now) => now.keepMine()),
    takeTheirs(): void {
      session?.takeTheirs()
      revision.value += 1
    },
    dropUnsaved(): void {
      session?.dropUnsaved()
      revision.value += 1
    },
    replace(words: string): void {
      if (editor.value) replaceText(editor.value.view, words)
    },
  }
}

/** A map that the service does not know yet. */
export function freshDocument(id: string, text: string): MapDocument {
  const [maker = '', model = ''] = id.split('/')
  const summary = {
    id,
    maker,
    model,
    kind: null,
    state: 'own',
    draft: false,
    staged: false,
    undeployed: false,
    users: [],
    problem: null,
  } as const
  return { ...summary, users: [], text, revision: '', shipped: null }
}

/** Services of this machine come and go on other ports. */
function placeOf(url: string | undefined): string {
  const { hostname } = new URL(url ?? 'http://localhost')
  return ['localhost', '127.0.0.1', '[::1]'].includes(hostname) ? 'local' : hostname
}
