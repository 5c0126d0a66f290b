import type {
  Candidate,
  CheckReport,
  CommitAnswer,
  CommitRequest,
  DeploymentStatus,
  Generations,
  RunningConfiguration,
} from '#contract/deployment.ts'
import { computed, onBeforeUnmount, type Ref, ref, shallowRef, watch } from 'vue'
import { type Explanation, explain } from '../../client/explain.ts'
import { RequestError } from '../../client/http.ts'
import { useService } from '../../client/key.ts'
import { t } from '../../i18n.ts'
import { useAction } from '../../stores/remote.ts'

const busyEveryMs = 1_000
const idleEveryMs = 4_000
/** An edge that takes another configuration into use does not answer for a moment. */
const restartMs = 20_000

/** The deployment of the edge that this window shows, or of another one by its ID, followed for as long as the screen is open. */
export function useDeployment(target: Ref<string | undefined>) {
  const service = useService()
  const base = computed(() =>
    target.value === undefined ? 'api/v1/deployment' : `api/v1/edges/${target.value}/deployment`,
  )
  const status = shallowRef<DeploymentStatus>()
  /** When `status` was received, on the clock of this page. */
  const atMs = ref(0)
  const problem = shallowRef<Explanation>()
  const generations = shallowRef<Generations['generations']>([])
  const candidate = shallowRef<Candidate>()
  const report = shallowRef<CheckReport>()
  /** Texts of the files that run, and of the candidate where this window has sent it. */
  const running = shallowRef<RunningConfiguration>()
  const sent = shallowRef<Readonly<Record<string, string>>>()
  const restartingUntilMs = ref(0)
  const action = useAction()
  let timer: ReturnType<typeof setTimeout> | undefined
  let turn = 0

  const get = <T>(path: string): Promise<T> => service.get<T>(`${base.value}${path}`)
  const post = <T>(path: string, body: object = {}): Promise<T> =>
    service.send<T>('POST', `${base.value}/${path}`, body)
  const orNone = async <T>(asked: Promise<T>): Promise<T | undefined> => {
    try {
      return await asked
    } catch (error) {
      if (error instanceof RequestError && error.status < 500) return undefined
      throw error
    }
  }

  async function load(): Promise<void> {
    const mine = ++turn
    clearTimeout(timer)
    try {
      const next = await get<DeploymentStatus>('')
      const changed = next.hash !== status.value?.hash || next.phase !== status.value.phase
      const [listed, held] = await Promise.all([
        changed || generations.value.length === 0 ? get<Generations>('/generations') : undefined,
        next.candidate && next.candidate.id !== candidate.value?.id
          ? orNone(get<Candidate>('/candidate'))
          : candidate.value,
      ])
      const checked = next.checks && next.checks.state !== report.value?.state
      const found = checked ? await orNone(get<CheckReport>('/candidate/checks')) : report.value
      if (mine !== turn) return
      if (listed) generations.value = listed.generations
      candidate.value = next.candidate && held
      report.value = next.checks && found && { ...found, ...next.checks }
      status.value = next
      atMs.value = Date.now()
      problem.value = undefined
      if (next.phase !== 'switching') restartingUntilMs.value = 0
    } catch (error) {
      if (mine !== turn) return
      if (Date.now() > restartingUntilMs.value) problem.value = explain(error, t('deploy.silent'))
    }
    if (mine !== turn) return
    const idle = status.value?.phase === 'idle' && problem.value === undefined && restartingUntilMs.value === 0
    timer = setTimeout(() => void load(), idle ? idleEveryMs : busyEveryMs)
  }

  watch(
    base,
    () => {
      status.value = undefined
      candidate.value = undefined
      report.value = undefined
      running.value = undefined
      sent.value = undefined
      generations.value = []
      action.problem.value = undefined
      void load()
    },
    { immediate: true },
  )
  onBeforeUnmount(() => {
    turn += 1
    clearTimeout(timer)
  })

  /** Does something, then shows what has become of it. */
  const then = async (act: () => Promise<unknown>): Promise<boolean> => {
    const done = await action.run(act)
    await load()
    return done
  }
  const restarts = (): void => {
    restartingUntilMs.value = Date.now() + restartMs
  }
  const trialId = (): string => status.value?.trial?.trialId ?? ''

  return {
    status,
    atMs,
    problem,
    generations,
    candidate,
    report,
    running,
    sent,
    restarting: computed(() => restartingUntilMs.value > 0),
    busy: action.busy,
    refusal: action.problem,
    /** Hands the files over; the edge compares them with what runs. */
    compare: (files: Readonly<Record<string, string>>, why: string) =>
      then(async () => {
        running.value = await get<RunningConfiguration>('/running')
        candidate.value = await post<Candidate>('candidate/files', { why, prevHash: running.value.hash, files })
        sent.value = files
        report.value = await post<CheckReport>('candidate/checks')
      }),
    /** Hands over what was signed elsewhere, such as on a USB stick. */
    bring: (bundle: object) =>
      then(async () => {
        running.value = await get<RunningConfiguration>('/running')
        candidate.value = await post<Candidate>('candidate', bundle)
        sent.value = undefined
        report.value = await post<CheckReport>('candidate/checks')
      }),
    check: () => then(() => post('candidate/checks')),
    cancelChecks: () => then(() => service.send('DELETE', `${base.value}/candidate/checks`)),
    discard: () => then(() => service.send('DELETE', `${base.value}/candidate`)),
    commit: (request: CommitRequest) =>
      then(async () => {
        await post<CommitAnswer>('candidate/commit', request)
        restarts()
      }),
    confirm: () => then(() => post('trial/confirm', { trialId: trialId() })),
    extend: (countdownS: number) => then(() => post('trial/extend', { trialId: trialId(), countdownS })),
    back: () =>
      then(async () => {
        await post('trial/return', { trialId: trialId() })
        restarts()
      }),
    rollback: (to: number, why: string) =>
      then(async () => {
        await post('rollback', { to, why })
        restarts()
      }),
  }
}
export type Deployment = ReturnType<typeof useDeployment>
