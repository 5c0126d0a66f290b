import type {
  RegisterRange,
  RegisterSnapshot,
  RegisterWatch,
  SnapshotList,
  SnapshotSummary,
  WatchedPoint,
  WatchRequest,
  WatchUpdate,
} from '#contract/workbench-registers.ts'
import { computed, onBeforeUnmount, ref, shallowRef } from 'vue'
import { explain, type Explanation } from '../../../client/explain.ts'
import { useService } from '../../../client/key.ts'
import { saveAs } from '../../../client/save-as.ts'
import { t } from '../../../i18n.ts'
import { atMost, readableMs } from '../../../stores/at-most.ts'
import { createHistory, type History } from '../../../stores/history.ts'
import { createRegisterImage, type RegisterImage } from './register-image.ts'

const renewEveryMs = 10_000
/** Of one plot: 15 minutes of one reading a second. */
const plotted = 900

/** Registers that are watched while the component lives, the snapshots of the site, and a comparison with one of them. */
export function useRegisterWatch() {
  const service = useService()
  const watch = shallowRef<RegisterWatch>()
  const standing = shallowRef<WatchUpdate>()
  const image = shallowRef<RegisterImage>()
  /** Counts up when there is something new to show, at most four times a second. */
  const revision = ref(0)
  const problem = shallowRef<Explanation>()
  const busy = ref(false)
  const snapshots = shallowRef<readonly SnapshotSummary[]>([])
  const reference = shallowRef<RegisterSnapshot>()
  const frozen = shallowRef<{ readonly atMs: number; readonly snapshot?: RegisterSnapshot }>()
  const points = computed<ReadonlyMap<string, WatchedPoint>>(
    () => new Map((watch.value?.points ?? []).map((point) => [`${point.fn} ${point.address}`, point])),
  )
  const histories = new Map<number, History>()
  let follow: () => void = () => undefined
  let renewal: ReturnType<typeof setInterval> | undefined

  const show = atMost(readableMs, (_update: WatchUpdate) => (revision.value += 1))

  const unlisten = service.onMessage((message) => {
    if (message.type === 'watch' && message.data.id === watch.value?.id) take(message.data)
  })

  function take(update: WatchUpdate): void {
    image.value?.apply(update.blocks, update.refused, (row) => {
      const word = update.blocks.length > 0 ? image.value?.wordAt(row) : undefined
      if (word !== undefined) histories.get(row)?.push(image.value?.readAtMs(row) ?? 0, word)
    })
    standing.value = update
    if (update.state === 'ended') forget()
    show(update)
  }

  async function act<T>(action: () => Promise<T>): Promise<T | undefined> {
    busy.value = true
    problem.value = undefined
    try {
      return await action()
    } catch (error) {
      problem.value = explain(error, t('workbench.noAnswer'))
      return undefined
    } finally {
      busy.value = false
    }
  }

  function forget(): void {
    follow()
    follow = () => undefined
    clearInterval(renewal)
  }

  function prepare(ranges: readonly RegisterRange[]): void {
    histories.clear()
    frozen.value = undefined
    image.value = createRegisterImage(ranges)
    image.value.compareWith(reference.value)
  }

  const path = (id: string): string => `api/v1/workbench/watches/${id}`

  const start = (request: WatchRequest) =>
    act(async () => {
      await end()
      const started = await service.send<RegisterWatch>('POST', 'api/v1/workbench/watches', request)
      prepare(request.ranges)
      watch.value = started
      take(started.latest)
      follow = service.watch(`watch:${started.id}`)
      renewal = setInterval(() => void service.send('PUT', path(started.id)).catch(() => undefined), renewEveryMs)
    })

  async function end(): Promise<void> {
    const { state } = standing.value ?? {}
    const id = watch.value?.id
    forget()
    if (id !== undefined && state !== 'ended') await service.send('DELETE', path(id)).catch(() => undefined)
    if (standing.value) standing.value = { ...standing.value, state: 'ended' }
  }

  const running = computed(() => watch.value !== undefined && standing.value?.state !== 'ended')

  async function loadSnapshots(): Promise<void> {
    const answer = await service.get<SnapshotList>('api/v1/workbench/snapshots').catch(() => undefined)
    if (answer) snapshots.value = answer.snapshots
  }
  const load = (id: string) => service.get<RegisterSnapshot>(`api/v1/workbench/snapshots/${id}`)

  /** What is read now becomes a file, and what is compared with. */
  const takeSnapshot = (name: string, baselineMs: number) =>
    act(async () => {
      const id = watch.value?.id
      if (id === undefined) return
      const request = { watch: id, name, baselineMs }
      const taken = await service.send<SnapshotSummary>('POST', 'api/v1/workbench/snapshots', request)
      await loadSnapshots()
      setReference(await load(taken.id))
    })

  function setReference(snapshot: RegisterSnapshot | undefined): void {
    reference.value = snapshot
    image.value?.compareWith(snapshot)
    revision.value += 1
  }

  const compareWith = (id: string) =>
    act(async () => {
      setReference(reference.value?.id === id ? undefined : await load(id))
    })

  /** Shows a snapshot in place of what is read; with nothing watched, its registers. */
  const showSnapshot = (id: string) =>
    act(async () => {
      const snapshot = await load(id)
      if (!running.value) {
        watch.value = undefined
        standing.value = undefined
        prepare(
          snapshot.tables.flatMap(({ fn, words }) =>
            Object.keys(words).map((address) => ({ fn, address: Number(address), count: 1 })),
          ),
        )
      }
      image.value?.freeze(snapshot)
      frozen.value = { atMs: snapshot.takenAtMs, snapshot }
      revision.value += 1
    })

  const remove = (id: string) =>
    act(async () => {
      await service.send('DELETE', `api/v1/workbench/snapshots/${id}`)
      if (reference.value?.id === id) setReference(undefined)
      await loadSnapshots()
    })

  function toggleFreeze(): void {
    if (frozen.value) {
      image.value?.thaw()
      frozen.value = undefined
    } else {
      image.value?.freeze()
      frozen.value = { atMs: Date.now() }
    }
    revision.value += 1
  }

  const save = (changes: boolean) =>
    act(async () => {
      const shown = frozen.value?.snapshot?.id
      const base = reference.value?.id
      const to = shown ?? watch.value?.id
      if (changes && base !== undefined && to !== undefined)
        saveAs(await service.download(`api/v1/workbench/snapshots/${base}/changes?to=${to}`), `${base}-changes.csv`)
      else if (shown !== undefined)
        saveAs(await service.download(`api/v1/workbench/snapshots/${shown}/table`), `${shown}.csv`)
      else if (to !== undefined) saveAs(await service.download(`${path(to)}/table`), `registers-${to}.csv`)
    })

  /** The past of a register from now on, for a plot. */
  function historyOf(row: number): History {
    let history = histories.get(row)
    if (!history) histories.set(row, (history = createHistory(plotted)))
    return history
  }

  onBeforeUnmount(() => {
    unlisten()
    void end()
  })

  return {
    watch,
    standing,
    image,
    revision,
    problem,
    busy,
    points,
    running,
    snapshots,
    reference,
    frozen,
    start,
    stop: () => act(end),
    loadSnapshots,
    takeSnapshot,
    compareWith,
    showSnapshot,
    remove,
    toggleFreeze,
    save,
    historyOf,
  }
}
export type RegisterView = ReturnType<typeof useRegisterWatch>
