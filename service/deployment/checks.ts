import type { Check, CheckedPoint, CheckReport } from '#contract/deployment.ts'
import type { CheckedSite } from '../configuration/check-site.ts'
import type { Clock } from '../domain/clock.ts'
import { type DeviceToRead, devicesToRead, implausible } from './changed-points.ts'

type Progress = (share: number, text: string) => void
export type ReplayFindings = NonNullable<CheckReport['replay']>

/** What the checks need of the running service. Nothing in here can write to a device. */
export interface CheckPorts {
  /** Reads through the buses that the service holds, in the background, and opens connections to new endpoints only. */
  readPoints(devices: readonly DeviceToRead[], signal: AbortSignal, progress: Progress): Promise<CheckedPoint[]>
  /** Undefined where nothing was captured. */
  replay(candidate: CheckedSite, signal: AbortSignal, progress: Progress): Promise<ReplayFindings | undefined>
  /** What the licence does not allow, in one sentence. */
  licenceNote(): string | undefined
}

export interface Checks {
  report(): CheckReport
  stop(): void
  readonly ended: Promise<void>
}

type Verdict = Pick<Check, 'state' | 'text'>
const mostReported = 20_000

/** Starts the checks of a candidate. They only look: nothing is written, and what runs goes on. */
export function startChecks(options: {
  candidateId: string
  candidate: CheckedSite
  running: CheckedSite
  /** Sentences about limits that allow more than before. */
  raises: readonly string[]
  ports: CheckPorts
  clock: Clock
  changed(): void
}): Checks {
  const { candidateId, candidate, running, raises, ports, clock, changed } = options
  const stop = new AbortController()
  const startedMs = clock.monotonicMs()
  const startedAtMs = clock.nowMs()
  const list: Check[] = (['files', 'licence', 'points', 'plausible', 'limits', 'replay'] as const).map((id) => ({
    id,
    state: 'waiting',
    text: 'waits',
  }))
  let points: CheckedPoint[] = []
  let replayed: ReplayFindings | undefined
  let durationMs: number | undefined
  let state: CheckReport['state'] = 'running'

  function set(id: Check['id'], next: Omit<Check, 'id'>): void {
    list[list.findIndex((check) => check.id === id)] = { id, ...next }
    changed()
  }

  async function one(
    id: Check['id'],
    text: string,
    work: (progress: Progress) => Promise<Verdict> | Verdict,
  ): Promise<void> {
    if (stop.signal.aborted) return set(id, { state: 'skipped', text: 'cancelled' })
    set(id, { state: 'running', text, progress: 0 })
    try {
      set(id, await work((share, now) => set(id, { state: 'running', text: now, progress: Math.min(1, share) })))
    } catch (error) {
      if (stop.signal.aborted) return set(id, { state: 'skipped', text: 'cancelled' })
      set(id, { state: 'failed', text: error instanceof Error ? error.message : String(error) })
    }
  }

  async function run(): Promise<void> {
    const toRead = devicesToRead(running, candidate)
    await one('files', 'reads the files', () => filesVerdict(candidate))
    await one('licence', 'looks at the licence', () => {
      const note = ports.licenceNote()
      return note === undefined
        ? { state: 'ok', text: 'nothing in it needs another licence' }
        : { state: 'warning', text: note }
    })
    await one('points', 'reads new and changed points', async (progress) => {
      if (toRead.length === 0) return { state: 'ok', text: 'no point is new or read otherwise' }
      points = await ports.readPoints(toRead, stop.signal, progress)
      stop.signal.throwIfAborted()
      return pointsVerdict(points)
    })
    await one('plausible', 'compares with what is read now', () => {
      const odd = points.flatMap((point) => {
        const reason = point.quality === 'good' ? implausible(point) : undefined
        return reason === undefined ? [] : [{ ...point, reason }]
      })
      const named = new Map(odd.map((point) => [`${point.deviceId}/${point.point}`, point]))
      points = points.map((point) => named.get(`${point.deviceId}/${point.point}`) ?? point)
      const [first] = odd
      if (!first) return { state: 'ok', text: 'nothing reads otherwise than now' }
      return { state: 'failed', text: `${first.deviceId}/${first.point} ${first.reason}${more(odd.length)}` }
    })
    await one('limits', 'compares limits', () =>
      raises.length === 0
        ? { state: 'ok', text: 'no limit allows more than before' }
        : { state: 'warning', text: `${raises[0] ?? ''}${more(raises.length)}: to be confirmed by name` },
    )
    await one('replay', 'replays the last week', async (progress) => {
      replayed = await ports.replay(candidate, stop.signal, progress)
      stop.signal.throwIfAborted()
      return replayVerdict(replayed)
    })
    durationMs = clock.monotonicMs() - startedMs
    state = stop.signal.aborted ? 'cancelled' : list.some((check) => check.state === 'failed') ? 'failed' : 'passed'
    changed()
  }

  return {
    report: () => ({
      candidateId,
      state,
      startedAtMs,
      ...(durationMs !== undefined && { durationMs }),
      checks: [...list],
      points: points.slice(0, mostReported),
      ...(replayed && { replay: replayed }),
    }),
    stop: () => stop.abort(),
    ended: run(),
  }
}

const more = (count: number): string => (count > 1 ? ` (and ${count - 1} more)` : '')

function filesVerdict({ site, maps, warnings }: CheckedSite): Verdict {
  const text = `${site.devices.length} devices with ${maps.size} point maps`
  const [first] = warnings
  return first ? { state: 'warning', text: `${first.file}:${first.line}: ${first.message}` } : { state: 'ok', text }
}

function pointsVerdict(points: readonly CheckedPoint[]): Verdict {
  const bad = points.filter(({ quality }) => quality === 'bad')
  const [first] = bad
  if (!first) return { state: 'ok', text: `all ${points.length} new and changed points were read` }
  return {
    state: 'failed',
    text: `${bad.length} of ${points.length} new and changed points cannot be read: ${first.deviceId}/${first.point}: ${first.reason ?? 'no value'}`,
  }
}

function replayVerdict(found: ReplayFindings | undefined): Verdict {
  if (!found) return { state: 'skipped', text: 'nothing was captured here yet' }
  const { steps, differingSteps, violationsBefore, violationsAfter } = found
  const share = `it decides otherwise in ${differingSteps} of ${steps} recorded steps`
  if (violationsAfter > violationsBefore)
    return {
      state: 'warning',
      text: `${share} and exceeds a limit in ${violationsAfter} of them; what runs does in ${violationsBefore}`,
    }
  return { state: 'ok', text: share }
}
