import type { Gate, Trial } from '#contract/deployment.ts'
import { EdgeError } from '#contract/errors.ts'
import type { Site } from '#contract/site.ts'
import type { Clock } from '../domain/clock.ts'
import { createLoopJudge, gatesOf, type LiveTrial, type LoopState } from './gates.ts'

/** What a trial is judged by. */
export interface TrialPorts {
  /** Points that are good now, as `device/point`. */
  goodPoints(): readonly string[]
  /** IDs of limits that are exceeded now: by the limits of a site, or by those that run. */
  exceeded(strict: Site | undefined): readonly string[]
  loops(): readonly LoopState[]
  /** Seconds since the loop began to run. */
  upS(): number
  /** Takes the maps that are in use now as confirmed by a person. */
  confirmMaps(): Promise<void>
  /** Whoever follows wants to know. */
  changed(): void
}

export interface TrialWatch {
  now(): Trial | undefined
  /** Throws deployment.trial when it is another one, or over. */
  of(trialId: string): LiveTrial
  /** Judges it now. */
  look(): Gate[]
  /** Somebody has come back. */
  reached(): void
  extend(countdownS: number): void
  /** Ends it: the former generation runs again. */
  end(why: string): Promise<void>
  /** It is over, in whatever way. */
  stop(): void
  readonly ended: Promise<void>
}

const lookEveryMs = 1000
/** A limit that is exceeded for so long ends a trial at once: nobody has to wait for the countdown. */
const exceededForMs = 5000

/** Watches a trial once a second, and ends it when its time is over or a limit stays exceeded. */
export function createTrialWatch(options: {
  trial: LiveTrial | undefined
  clock: Clock
  ports: TrialPorts
  end(why: string): Promise<void>
}): TrialWatch {
  const { clock, ports } = options
  let { trial } = options
  let reached = false
  let gates: Gate[] = []
  let exceededSinceMs: number | undefined
  const judge = createLoopJudge()
  const stopped = new AbortController()

  const leftMs = (current: LiveTrial): number => current.deadlineMs - clock.monotonicMs()

  function look(): Gate[] {
    if (!trial) return []
    const monotonicMs = clock.monotonicMs()
    gates = gatesOf(trial, {
      upS: ports.upS(),
      reached,
      good: new Set(ports.goodPoints()),
      exceeded: ports.exceeded(trial.strict),
      late: judge(ports.loops(), monotonicMs),
    })
    const exceeds = gates.some(({ id, state }) => id === 'limits' && state === 'red')
    exceededSinceMs = exceeds ? (exceededSinceMs ?? monotonicMs) : undefined
    return gates
  }

  async function end(why: string): Promise<void> {
    if (!trial) return
    trial = undefined
    stopped.abort()
    await options.end(why)
  }

  async function watch(): Promise<void> {
    while (trial) {
      look()
      ports.changed()
      if (exceededSinceMs !== undefined && clock.monotonicMs() - exceededSinceMs >= exceededForMs)
        return end(gates.find(({ id }) => id === 'limits')?.text ?? 'a limit is exceeded')
      const left = leftMs(trial)
      if (left <= 0) {
        const closed = gates.find(({ state }) => state !== 'green')
        return end(`nobody confirmed it within ${trial.countdownS} s${closed ? `; ${closed.text}` : ''}`)
      }
      try {
        await clock.sleep(Math.min(lookEveryMs, left), stopped.signal)
      } catch {
        return undefined
      }
    }
    return undefined
  }

  return {
    now: () =>
      trial && {
        trialId: trial.id,
        generation: trial.generation,
        returnsTo: trial.returnsTo,
        by: trial.by,
        startedAtMs: trial.startedAtMs,
        countdownS: trial.countdownS,
        leftS: Math.max(0, leftMs(trial) / 1000),
        gates,
        confirmable: gates.length > 0 && gates.every(({ id, state }) => id === 'connection' || state === 'green'),
      },
    of(trialId) {
      if (trial?.id !== trialId) throw new EdgeError('deployment.trial', 'this trial is over')
      return trial
    },
    look,
    reached() {
      reached = true
    },
    extend(countdownS) {
      if (!trial) return
      trial.countdownS = countdownS
      trial.deadlineMs = clock.monotonicMs() + countdownS * 1000
    },
    end,
    stop() {
      trial = undefined
      stopped.abort()
    },
    ended: watch(),
  }
}
