import type { FoundDevice, Job, JobRequest, JobSummary, Lease, Workbench, WorkbenchPort } from '#contract/workbench.ts'
import { defineStore } from 'pinia'
import { computed, onScopeDispose, ref, shallowRef } from 'vue'
import { explain, type Explanation } from '../client/explain.ts'
import { useService } from '../client/key.ts'
import { t } from '../i18n.ts'

const portsEveryMs = 3000
const renewEveryMs = 10_000

/** The workbench of the service: ports, jobs and what they found. Jobs go on when nobody looks. */
export const useWorkbench = defineStore('workbench', () => {
  const service = useService()
  const state = shallowRef<Workbench>()
  const ports = shallowRef<readonly WorkbenchPort[]>()
  /** Jobs that somebody looks at, with their results. */
  const jobs = shallowRef<ReadonlyMap<string, Job>>(new Map())
  const problem = shallowRef<Explanation>()
  const busy = ref(false)

  service.onMessage((message) => {
    if (message.type === 'workbench') state.value = message.data
    else if (message.type === 'job') keep(message.data)
  })

  /** How many look at a job. */
  const followed = new Map<string, number>()

  function keep(job: Job): void {
    if (followed.has(job.id)) jobs.value = new Map([...jobs.value, [job.id, job]])
  }

  const running = computed(() => state.value?.jobs.filter((job) => job.state === 'running') ?? [])

  /** Does something and says what went wrong. */
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

  async function loadPorts(): Promise<void> {
    const answer = await service.get<{ ports: WorkbenchPort[] }>('api/v1/workbench/ports').catch(() => undefined)
    if (answer) ports.value = answer.ports
  }

  /** Follows the workbench, and the ports as they are plugged in, until the returned function is called. */
  function follow(): () => void {
    const unwatch = service.watch('workbench')
    void loadPorts()
    const timer = setInterval(() => void loadPorts(), portsEveryMs)
    return () => {
      clearInterval(timer)
      unwatch()
    }
  }

  /** Follows one job with its result until the returned function is called. */
  function followJob(id: string): () => void {
    followed.set(id, (followed.get(id) ?? 0) + 1)
    const unwatch = service.watch(`job:${id}`)
    service.get<Job>(path(id)).then(
      // What has come live meanwhile is newer.
      (job) => (jobs.value.has(id) ? undefined : keep(job)),
      (error: unknown) => (problem.value = explain(error, t('workbench.noAnswer'))),
    )
    return () => {
      unwatch()
      const left = (followed.get(id) ?? 1) - 1
      if (left > 0) followed.set(id, left)
      else {
        followed.delete(id)
        jobs.value = new Map([...jobs.value].filter(([other]) => other !== id))
      }
    }
  }

  const path = (id: string, rest = ''): string => `api/v1/workbench/jobs/${id}${rest}`
  const start = (request: JobRequest) => act(() => service.send<JobSummary>('POST', 'api/v1/workbench/jobs', request))
  const stop = (id: string) => act(() => service.send<JobSummary>('POST', path(id, '/stop')))
  const resume = (id: string) => act(() => service.send<JobSummary>('POST', path(id, '/resume')))
  const remove = (id: string) => act(() => service.send('DELETE', path(id)))
  const accept = (devices: readonly FoundDevice[]) =>
    act(async () => {
      for (const device of devices) state.value = await service.send('POST', 'api/v1/workbench/found', device)
    })
  const addPort = (port: string) =>
    act(async () => {
      const answer = await service.send<{ ports: WorkbenchPort[] }>('POST', 'api/v1/workbench/ports', { path: port })
      ports.value = answer.ports
      return true
    })
  const replay = (file: File) =>
    act(() => service.upload<JobSummary>('api/v1/workbench/captures', { name: file.name }, file))

  /** Saves a file of a job where the browser keeps downloads. */
  const save = (id: string, what: 'table' | 'capture', name: string) =>
    act(async () => {
      const url = URL.createObjectURL(await service.download(path(id, `/${what}`)))
      const link = document.createElement('a')
      link.href = url
      link.download = name
      link.click()
      setTimeout(() => URL.revokeObjectURL(url), 60_000)
    })

  const borrowed = new Map<string, ReturnType<typeof setInterval>>()

  function giveUp(id: string): void {
    clearInterval(borrowed.get(id))
    borrowed.delete(id)
  }

  /** Borrows a bus, and keeps it for as long as this window lives and the lease allows. */
  const borrow = (bus: string, reason: string) =>
    act(async () => {
      const { id } = await service.send<Lease>('POST', 'api/v1/workbench/leases', { bus, reason })
      borrowed.set(
        id,
        setInterval(() => {
          service.send('PUT', `api/v1/workbench/leases/${id}`).catch(() => giveUp(id))
        }, renewEveryMs),
      )
    })
  const giveBack = (id: string) =>
    act(async () => {
      giveUp(id)
      await service.send('DELETE', `api/v1/workbench/leases/${id}`)
    })
  onScopeDispose(() => [...borrowed.keys()].forEach(giveUp))

  return {
    state,
    ports,
    jobs,
    running,
    problem,
    busy,
    follow,
    followJob,
    start,
    stop,
    resume,
    remove,
    accept,
    addPort,
    replay,
    save,
    borrow,
    giveBack,
  }
})
