import type { CheckRun, CheckSummary } from '#contract/checks.ts'
import { headlineOf } from '../../commissioning/checks/measure.ts'
import type { CheckFiles } from './check-files.ts'

/** Runs that are kept; the newest of each check stays whatever its age. */
const mostRuns = 500

/** What is known of the runs without their traces. */
export interface RunStore {
  newest(checkId: string): CheckRun | undefined
  load(runId: string): Promise<CheckRun | undefined>
  /** Throws workbench.folder. */
  save(run: CheckRun): Promise<void>
  /** A name for a run that starts now. */
  nextId(nowMs: number): string
}

/** Reads what is there; a run that was under way when the service died is interrupted. Never rejects for damaged files. */
export async function openRunStore(
  files: CheckFiles,
  nowMs: number,
  trouble: (message: string) => void,
): Promise<RunStore> {
  const known = new Map<string, CheckRun>()
  const { runs, damaged } = await files.list().catch((error: unknown) => {
    trouble(`the results of earlier checks cannot be read: ${String(error)}`)
    return { runs: [], damaged: [] }
  })
  for (const name of damaged) trouble(`checks/${name} cannot be understood and is left alone`)

  const light = (run: CheckRun): CheckRun => ({
    ...run,
    trace: { ...run.trace, command: [], lanes: [], marks: [] },
    writes: [],
  })

  for (const run of runs) {
    let ended = run
    if (run.state !== 'ended') {
      const text = 'the service ended while it ran; the timers of the devices have acted'
      ended = { ...run, state: 'ended', verdict: 'interrupted', reason: { code: 'lost', text }, endedAtMs: nowMs }
      await files.save(ended).catch((error: unknown) => trouble(String(error)))
    }
    known.set(run.id, light(ended))
  }

  const newest = (checkId: string): CheckRun | undefined => {
    let found: CheckRun | undefined
    for (const run of known.values()) if (run.checkId === checkId) found = run
    return found
  }

  async function prune(): Promise<void> {
    const kept = new Set([...known.values()].map(({ checkId }) => newest(checkId)?.id))
    for (const run of known.values()) {
      if (known.size <= mostRuns) return
      if (kept.has(run.id)) continue
      known.delete(run.id)
      await files.remove(run.id)
    }
  }

  return {
    newest,
    load: (runId) => (known.has(runId) ? files.load(runId) : Promise.resolve(undefined)),
    async save(run) {
      known.set(run.id, light(run))
      await files.save(run)
      await prune()
    },
    nextId(atMs) {
      const base = new Date(atMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-')
      for (let count = 1; ; count += 1) {
        const id = count === 1 ? base : `${base}-${count}`
        if (!known.has(id)) return id
      }
    },
  }
}

/** The result of a check, without its trace. */
export function summaryOf(run: CheckRun, outdated: boolean): CheckSummary {
  const headline = headlineOf(run.measures)
  return {
    runId: run.id,
    verdict: run.verdict ?? 'interrupted',
    reason: run.reason,
    endedAtMs: run.endedAtMs ?? run.startedAtMs,
    by: run.by,
    ...(headline && { headline }),
    outdated,
    proves: run.verdict === 'passed' ? run.proves : [],
  }
}
