import type { Gate } from '#contract/deployment.ts'
import type { Site } from '#contract/site.ts'

/** A trial in this process: what the pointer on the disk does not need to know, because a trial ends with the process. */
export interface LiveTrial {
  readonly id: string
  readonly generation: number
  readonly returnsTo: number
  readonly by: string
  readonly startedAtMs: number
  countdownS: number
  /** Monotonic, and so the same before and after the restart. */
  deadlineMs: number
  /** Points that were good before, as `device/point`. */
  readonly goodBefore: readonly string[]
  /** Points that need not come back: `device` or `device/point`. */
  readonly waived: ReadonlySet<string>
  /** The candidate with the stricter of the old and the new limits, but for those that were confirmed by name. */
  readonly strict: Site
  /** Limits that were exceeded before: not this candidate's doing. */
  readonly exceededBefore: ReadonlySet<string>
}

/** What the running service says about one grid. */
export interface LoopState {
  readonly name: string
  readonly cycles: number
  /** Deadlines that were skipped. */
  readonly overruns: number
  /** Why its control is failing. */
  readonly failing?: string
}

/** How long the service has to be up. */
export const stableS = 30
/** The loop is on time when no deadline was skipped for this long. */
const onTimeMs = 10_000
const mostNamed = 50

/** What counts for a trial and is found out anew every second. */
export interface Observation {
  readonly upS: number
  /** Somebody has come back over a new connection to confirm. */
  readonly reached: boolean
  readonly good: ReadonlySet<string>
  /** IDs of limits that are exceeded now, by the stricter limits. */
  readonly exceeded: readonly string[]
  /** Why the loop is not on time, or undefined. */
  readonly late: string | undefined
}

export const isWaived = (waived: ReadonlySet<string>, point: string): boolean =>
  waived.has(point) || waived.has(point.split('/')[0] ?? '')

/** What has to be green before a trial can be confirmed. */
export function gatesOf(trial: LiveTrial, now: Observation): Gate[] {
  const lost = trial.goodBefore.filter((point) => !isWaived(trial.waived, point) && !now.good.has(point))
  const exceeded = now.exceeded.filter((id) => !trial.exceededBefore.has(id))
  const left = Math.ceil(stableS - now.upS)
  return [
    {
      id: 'connection',
      state: now.reached ? 'green' : 'waiting',
      text: now.reached ? 'reached over a new connection' : 'nobody has come back over a new connection yet',
      missing: [],
    },
    {
      id: 'uptime',
      state: left <= 0 ? 'green' : 'waiting',
      text: left <= 0 ? `the service is up for ${stableS} s` : `the service has to be up for ${left} s more`,
      missing: [],
    },
    {
      id: 'points',
      state: lost.length === 0 ? 'green' : 'waiting',
      text:
        lost.length === 0
          ? `all ${trial.goodBefore.length} points that were good before are good or waived`
          : `${lost.length} of ${trial.goodBefore.length} points that were good before are not good: ${lost[0] ?? ''}`,
      missing: lost.slice(0, mostNamed),
    },
    {
      id: 'limits',
      state: exceeded.length === 0 ? 'green' : 'red',
      text:
        exceeded.length === 0
          ? 'no limit is exceeded, by the old limits or the new ones'
          : `${exceeded.length} limits are exceeded: ${exceeded[0] ?? ''}`,
      missing: exceeded.slice(0, mostNamed),
    },
    {
      id: 'loop',
      state: now.late === undefined ? 'green' : 'waiting',
      text: now.late ?? 'every grid is controlled on time',
      missing: [],
    },
  ]
}

/** Judges over the last seconds whether the loop is on time. Call it once a second. */
export function createLoopJudge(): (loops: readonly LoopState[], monotonicMs: number) => string | undefined {
  const history: { readonly atMs: number; readonly loops: ReadonlyMap<string, LoopState> }[] = []
  return (loops, atMs) => {
    history.push({ atMs, loops: new Map(loops.map((loop) => [loop.name, loop])) })
    while ((history[1]?.atMs ?? atMs) <= atMs - onTimeMs) history.shift()
    const oldest = history[0]
    for (const { name, cycles, overruns, failing } of loops) {
      if (failing !== undefined) return `${name}: ${failing}`
      const before = oldest?.loops.get(name)
      if (!before || atMs - (oldest?.atMs ?? atMs) < onTimeMs) return `${name} is watched for ${onTimeMs / 1000} s`
      if (cycles <= before.cycles) return `${name} has completed no cycle for ${onTimeMs / 1000} s`
      if (overruns > before.overruns) return `${name} has skipped ${overruns - before.overruns} deadlines lately`
    }
    return undefined
  }
}
