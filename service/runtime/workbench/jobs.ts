import type { Principal } from '#contract/access.ts'
import { EdgeError } from '#contract/errors.ts'
import type { WorkbenchResult } from '#contract/workbench-results.ts'
import type { Job, JobProgress, JobRequest, JobState, JobSummary } from '#contract/workbench.ts'
import type { Clock } from '../../domain/clock.ts'
import type { JobFiles } from './job-files.ts'

/** What a piece of work tells while it runs. */
export interface JobReport {
  readonly progress?: Partial<JobProgress>
  /** Called when it is to be shown or kept, not for every question that is asked. */
  readonly result?: () => WorkbenchResult
  readonly requests?: number
}

export interface JobContext {
  readonly id: string
  readonly signal: AbortSignal
  /** What an earlier run of the same job has found. */
  readonly previous: WorkbenchResult | undefined
  report(report: JobReport): void
}

/** How a piece of work ended by itself. What is thrown ends it as failed. */
export interface JobEnd {
  readonly state: Extract<JobState, 'done' | 'stopped' | 'failed'>
  readonly problem?: { readonly message: string; readonly action?: string }
}

/** Something that is ready to run. */
export interface PreparedWork {
  /** One job at a time per place. */
  readonly places: readonly string[]
  /** For people. */
  readonly place: string
  run(context: JobContext): Promise<JobEnd>
}

export interface Jobs extends AsyncDisposable {
  /** Throws workbench.busy, workbench.refused, workbench.folder, or why the work cannot be prepared. */
  start(request: JobRequest, by: Principal): Promise<JobSummary>
  /** Goes on where a job ended early. Throws workbench.unknown or workbench.refused as well. */
  resume(id: string, by: Principal): Promise<JobSummary>
  /** Resolves once the work has let go of its bus. */
  stop(id: string): Promise<JobSummary>
  remove(id: string): Promise<void>
  list(): JobSummary[]
  /** With its result, where that is in memory: while it runs and for a while after. */
  recent(id: string): Job | undefined
  /** With its result. Throws workbench.unknown. */
  load(id: string): Promise<Job>
  /** Stops what works on a place. Resolves when it is free. */
  vacate(place: string): Promise<void>
  /** Throws workbench.busy when something works on one of the places. */
  assertFree(places: readonly string[]): void
}

interface Running {
  readonly places: readonly string[]
  readonly stop: AbortController
  readonly ended: Promise<void>
}

/** Jobs that are listed; older ones stay as files. */
const mostListed = 300
/** Ended jobs whose results stay in memory. */
const mostRecent = 10
const saveEveryMs = 2000
const tellEveryMs = 250

/** Runs the jobs of the workbench and keeps each as a file, so that a crash loses seconds. */
export async function openJobs(options: {
  clock: Clock
  files: JobFiles
  /** Checks a request and finds out what it needs. Nothing is opened or sent yet. */
  prepare(request: JobRequest): Promise<PreparedWork>
  /** A job or the list of jobs has changed. */
  changed(id: string): void
  /** A file could not be written or read; the work goes on. */
  trouble(message: string): void
  /** What else has places, so that a job has to wait for it. */
  alsoBusy?(): readonly { readonly places: readonly string[]; readonly what: string }[]
}): Promise<Jobs> {
  const { clock, files, prepare, changed, trouble, alsoBusy } = options
  const summaries = new Map<string, JobSummary>()
  const results = new Map<string, WorkbenchResult>()
  const running = new Map<string, Running>()

  const found = await files.list().catch((error: unknown) => {
    tell(error)
    return { jobs: [], damaged: [] }
  })
  for (const name of found.damaged) trouble(`${name} is no job of this version; it is left alone`)
  for (const { result, ...summary } of found.jobs.slice(0, mostListed).toReversed()) {
    if (summary.state === 'running') {
      const problem = { message: 'the service ended while it ran', action: 'Resume it; what was found is kept.' }
      const resumable = isResumable(summary.request)
      const ended = { ...summary, state: 'interrupted', problem, resumable, endedAtMs: clock.nowMs() } as const
      summaries.set(summary.id, ended)
      await files.save({ ...ended, ...(result && { result }) }).catch(tell)
    } else summaries.set(summary.id, summary)
  }

  function tell(error: unknown): void {
    trouble(error instanceof Error ? error.message : String(error))
  }

  const whole = (summary: JobSummary): Job => {
    const result = results.get(summary.id)
    return result ? { ...summary, result } : summary
  }

  function know(id: string): JobSummary {
    const summary = summaries.get(id)
    if (!summary) throw new EdgeError('workbench.unknown', 'there is no such job')
    return summary
  }

  function newId(kind: string): string {
    const stamp = new Date(clock.nowMs()).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-')
    for (let number = 1; ; number++) {
      const id = `${stamp}-${kind}${number === 1 ? '' : `-${number}`}`
      if (!summaries.has(id)) return id
    }
  }

  function assertFree(places: readonly string[]): void {
    for (const [id, { places: taken }] of running) {
      if (!places.some((place) => taken.includes(place))) continue
      const { place, request } = know(id)
      throw new EdgeError('workbench.busy', `${place} is in use by ${request.kind} (job ${id})`)
    }
    const other = alsoBusy?.().find(({ places: taken }) => places.some((place) => taken.includes(place)))
    if (other) throw new EdgeError('workbench.busy', `${other.what} is under way`)
  }

  /** Ended jobs beyond the bounds are forgotten here; their files stay. */
  function trim(): void {
    for (const id of results.keys()) {
      if (results.size <= mostRecent + running.size) break
      if (!running.has(id)) results.delete(id)
    }
    for (const id of summaries.keys()) {
      if (summaries.size <= mostListed) break
      if (!running.has(id)) summaries.delete(id)
    }
  }

  async function launch(summary: JobSummary, work: PreparedWork, before: WorkbenchResult | undefined): Promise<void> {
    const { id } = summary
    const stop = new AbortController()
    const { promise: ended, resolve } = Promise.withResolvers<void>()
    // Taken before anything is awaited, so that two requests cannot both have the bus.
    running.set(id, { places: work.places, stop, ended })
    summaries.delete(id)
    summaries.set(id, summary)
    if (before) results.set(id, before)
    try {
      await files.save(whole(summary))
    } catch (error) {
      running.delete(id)
      if (!before) summaries.delete(id)
      resolve()
      throw error
    }
    changed(id)
    const conduct = async (): Promise<void> => {
      const end = await carryOut(id, work, stop.signal, before)
      // In one go: who sees that it has ended can resume it and use its bus.
      summaries.set(id, end)
      running.delete(id)
      trim()
      changed(id)
      resolve()
    }
    void conduct()
  }

  /** Resolves to the summary of its end, which is in the file already. */
  async function carryOut(
    id: string,
    work: PreparedWork,
    signal: AbortSignal,
    previous: WorkbenchResult | undefined,
  ): Promise<JobSummary> {
    const startedMs = clock.monotonicMs()
    const sinceMs = know(id).progress.elapsedMs
    const elapsed = (): number => sinceMs + clock.monotonicMs() - startedMs
    const over = new AbortController()
    let dirty = false
    let untold = false
    let latest: (() => WorkbenchResult) | undefined
    const update = (change: Partial<JobSummary>): void => void summaries.set(id, { ...know(id), ...change })

    const beat = async (everyMs: number, act: () => Promise<void> | void): Promise<void> => {
      while (!over.signal.aborted) {
        await clock.sleep(everyMs, over.signal).catch(() => undefined)
        if (!over.signal.aborted) await act()
      }
    }
    const gather = (): void => {
      if (latest) results.set(id, latest())
      latest = undefined
      update({ progress: { ...know(id).progress, elapsedMs: elapsed() } })
    }
    const telling = beat(tellEveryMs, () => {
      if (!untold) return
      untold = false
      gather()
      changed(id)
    })
    const saving = beat(saveEveryMs, async () => {
      if (!dirty) return
      dirty = false
      gather()
      await files.save(whole(know(id))).catch(tell)
    })

    let end: JobEnd
    try {
      end = await work.run({
        id,
        signal,
        previous,
        report({ progress, result, requests }) {
          if (result) latest = result
          update({ progress: { ...know(id).progress, ...progress }, ...(requests !== undefined && { requests }) })
          dirty = true
          untold = true
        },
      })
    } catch (error) {
      end = signal.aborted ? { state: 'stopped' } : { state: 'failed', problem: problemOf(error) }
    }
    over.abort()
    await Promise.all([telling, saving])
    gather()
    const { state, problem } = end
    const summary = know(id)
    const ended: JobSummary = {
      ...summary,
      state,
      endedAtMs: clock.nowMs(),
      progress: { ...summary.progress, leftMs: state === 'done' ? 0 : null },
      ...(problem && { problem: { ...problem } }),
      resumable: state !== 'done' && isResumable(summary.request),
    }
    await files.save(whole(ended)).catch(tell)
    return ended
  }

  async function load(id: string): Promise<Job> {
    const summary = know(id)
    if (running.has(id) || results.has(id)) return whole(summary)
    const stored = await files.load(id)
    return stored?.result ? { ...summary, result: stored.result } : summary
  }

  async function stop(id: string): Promise<JobSummary> {
    know(id)
    const current = running.get(id)
    current?.stop.abort()
    await current?.ended
    return know(id)
  }

  return {
    async start(request, by) {
      const work = await prepare(request)
      assertFree(work.places)
      const summary: JobSummary = {
        id: newId(request.kind),
        request,
        place: work.place,
        state: 'running',
        startedBy: by.name,
        startedAtMs: clock.nowMs(),
        progress: { phase: 'listen', done: 0, total: 0, leftMs: null, text: '', elapsedMs: 0, floorMs: null },
        resumable: false,
        requests: 0,
      }
      await launch(summary, work, undefined)
      return know(summary.id)
    },
    async resume(id, by) {
      const { problem: _problem, endedAtMs: _endedAtMs, ...summary } = know(id)
      if (running.has(id) || !summary.resumable)
        throw new EdgeError('workbench.refused', running.has(id) ? 'it runs already' : 'it has come to its end')
      const { result } = await load(id)
      const work = await prepare(summary.request)
      assertFree(work.places)
      await launch({ ...summary, state: 'running', startedBy: by.name, resumable: false }, work, result)
      return know(id)
    },
    stop,
    async remove(id) {
      await stop(id)
      await files.remove(id)
      summaries.delete(id)
      results.delete(id)
      changed(id)
    },
    assertFree,
    list: () => [...summaries.values()].toReversed(),
    recent(id) {
      const summary = summaries.get(id)
      return summary && (running.has(id) || results.has(id)) ? whole(summary) : undefined
    },
    load,
    async vacate(place) {
      const there = [...running.values()].filter(({ places }) => places.includes(place))
      for (const { stop } of there) stop.abort()
      await Promise.all(there.map(({ ended }) => ended))
    },
    async [Symbol.asyncDispose]() {
      // Ended by the service, not by a person: they can be resumed when it is back.
      const all = [...running.values()]
      for (const { stop } of all) stop.abort()
      await Promise.all(all.map(({ ended }) => ended))
    },
  }
}

/** Listening and asking what a unit is simply begin again. */
const isResumable = ({ kind }: JobRequest): boolean => kind === 'units' || kind === 'subnet' || kind === 'registers'

function problemOf(error: unknown): NonNullable<JobEnd['problem']> {
  if (error instanceof EdgeError) return { message: error.message, action: error.action }
  return { message: error instanceof Error ? error.message : String(error) }
}
