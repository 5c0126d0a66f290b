import type { Check, CheckGroup, CheckRun, Checks } from '#contract/checks.ts'
import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import { explain, type Explanation } from '../client/explain.ts'
import { useService } from '../client/key.ts'
import { t } from '../i18n.ts'
import { useAction } from './remote.ts'

/** A check that writes ends when nobody has said for half a minute that he still watches. */
const renewEveryMs = 5_000
/** Conditions change by themselves: the sun comes, a vehicle leaves. */
const reloadEveryMs = 5_000

export const checkGroups: readonly CheckGroup[] = ['measurement', 'devices', 'control', 'failsafe']

/** The checks of the site, the one that runs, and what a person can do with them. A run goes on when nobody looks at it here. */
export const useChecks = defineStore('checks', () => {
  const service = useService()
  const list = shallowRef<Checks>()
  const problem = shallowRef<Explanation>()
  const live = shallowRef<CheckRun>()
  const selectedId = ref<string>()
  /** The newest run of the selected check, with its trace. */
  const loaded = shallowRef<CheckRun>()
  /** Checks that follow the one that runs. */
  const queue = ref<readonly string[]>([])
  const action = useAction()
  let revision = -1

  async function reload(): Promise<void> {
    try {
      list.value = await service.get<Checks>('api/v1/checks')
      problem.value = undefined
    } catch (error) {
      problem.value = explain(error, t('problem.silence'))
    }
    selectedId.value ??= list.value?.checks[0]?.id
    await loadSelected()
  }

  const checks = computed(() => list.value?.checks ?? [])
  const selected = computed<Check | undefined>(() => checks.value.find(({ id }) => id === selectedId.value))
  const running = computed(() => (live.value && live.value.state !== 'ended' ? live.value : undefined))
  /** What the right side shows: the run of the selected check, live or the newest. */
  const shown = computed<CheckRun | undefined>(() => {
    const { id, newest } = selected.value ?? {}
    if (live.value && live.value.checkId === id) return live.value
    return loaded.value && loaded.value.id === newest?.runId ? loaded.value : undefined
  })

  async function loadSelected(): Promise<void> {
    const runId = selected.value?.newest?.runId
    if (runId === undefined || loaded.value?.id === runId || live.value?.id === runId) return
    const run = await service.get<CheckRun>(`api/v1/checks/runs/${runId}`).catch(() => undefined)
    if (run) loaded.value = run
  }

  function select(id: string | undefined): void {
    selectedId.value = id
    void loadSelected()
  }

  /** The one above or below in the list. */
  function move(by: 1 | -1): void {
    const at = checks.value.findIndex(({ id }) => id === selectedId.value)
    const next = checks.value[Math.min(checks.value.length - 1, Math.max(0, at + by))]
    if (next) select(next.id)
  }

  const start = (checkId: string): Promise<boolean> =>
    action.run(async () => {
      live.value = await service.send<CheckRun>('POST', 'api/v1/checks/runs', { checkId })
      select(checkId)
    })

  async function abort(): Promise<void> {
    queue.value = []
    const run = running.value
    if (!run) return
    await action.run(async () => {
      live.value = await service.send<CheckRun>('POST', `api/v1/checks/runs/${run.id}/abort`)
    })
    await reload()
  }

  const accept = (checkId: string, reason: string): Promise<boolean> =>
    action.run(async () => {
      loaded.value = await service.send<CheckRun>('POST', `api/v1/checks/${checkId}/acceptance`, { reason })
      if (live.value?.id === loaded.value.id) live.value = undefined
      await reload()
    })

  /** What can run now and has not passed as the site is now. */
  const rest = computed(() =>
    checks.value.filter(({ state, newest }) => state === 'ready' && (newest?.verdict !== 'passed' || newest.outdated)),
  )

  async function runNext(): Promise<void> {
    const [next, ...others] = queue.value
    if (next === undefined) return
    queue.value = others
    // What has lost its condition meanwhile stays open; the others go on.
    if (!(await start(next))) await runNext()
  }

  function runRest(): void {
    queue.value = rest.value.map(({ id }) => id)
    void runNext()
  }

  service.onMessage((message) => {
    if (message.type !== 'checks') return
    const { run } = message.data
    const ended = run?.state === 'ended' && live.value?.id === run.id && live.value.state !== 'ended'
    live.value = run
    if (message.data.revision === revision) return
    revision = message.data.revision
    void reload()
    if (ended) void runNext()
  })
  setInterval(() => {
    const run = running.value
    if (run) service.send('PUT', `api/v1/checks/runs/${run.id}`).catch(() => undefined)
  }, renewEveryMs)

  /** Follows the checks until the returned function is called. */
  function follow(): () => void {
    const unwatch = service.watch('checks')
    void reload()
    const timer = setInterval(() => void reload(), reloadEveryMs)
    return () => {
      clearInterval(timer)
      unwatch()
    }
  }

  return {
    list,
    checks,
    problem,
    selectedId,
    selected,
    shown,
    running,
    queue,
    rest,
    busy: action.busy,
    refused: action.problem,
    reload,
    select,
    move,
    start,
    abort,
    accept,
    runRest,
    follow,
  }
})
