import { randomBytes } from 'node:crypto'
import { EdgeError } from '#contract/errors.ts'
import type {
  CandidatesRequest,
  KnobRequest,
  KnobState,
  KnobTurn,
  TypeCandidates,
  TypeCandidateShown,
  ValueSource,
} from '#contract/knob.ts'
import { createInferrer, type TypeCandidate } from '../../commissioning/inference/infer.ts'
import { type LibraryPriors, libraryPriors } from '../../commissioning/inference/library-priors.ts'
import { findCulprits, type Turn, type Verdict } from '../../commissioning/knob/culprits.ts'
import type { ValueHistory } from '../../commissioning/values/history.ts'
import type { Clock } from '../../domain/clock.ts'
import type { LoadedMap } from '../../pointmap/types.ts'

/** What registers may hold, and which of them a person has just changed. Nothing of it sends a byte of its own. */
export interface Knobs {
  /** Throws workbench.unknown or workbench.refused, as all of these do. */
  candidates(request: CandidatesRequest): TypeCandidates
  start(request: KnobRequest): KnobState
  state(id: string): KnobState
  /** Marks that one thing was changed on the device just now. */
  turn(id: string, turn: KnobTurn): KnobState
  end(id: string): void
}

interface Session {
  readonly id: string
  readonly source: ValueSource
  readonly startedAtMs: number
  readonly turns: Turn[]
  lookedAtMs: number
  verdict?: { readonly untilMs: number; readonly verdict: Verdict }
}

const baselineMs = 10_000
const resultMs = 20_000
const mostTurns = 4
const mostSessions = 8
/** Readings before a turn that one register needs at least. */
const leastReadings = 3
const idleMs = 600_000
/** So often the culprits are looked for anew. */
const lookEveryMs = 900

export function createKnobs(options: {
  clock: Clock
  historyOf(source: ValueSource): ValueHistory | undefined
  maps(): readonly LoadedMap[]
}): Knobs {
  const { clock, historyOf, maps } = options
  const sessions = new Map<string, Session>()
  let learned: { readonly maps: readonly LoadedMap[]; readonly priors: LibraryPriors } | undefined

  function priors(): LibraryPriors {
    const present = maps()
    if (learned?.maps !== present) learned = { maps: present, priors: libraryPriors(present) }
    return learned.priors
  }

  function history(source: ValueSource): ValueHistory {
    const found = historyOf(source)
    if (!found)
      throw new EdgeError(
        'workbench.unknown',
        source.kind === 'watch' ? 'this watch has ended' : 'nothing is kept of what this job heard',
      )
    return found
  }

  function find(id: string): Session {
    const nowMs = clock.monotonicMs()
    for (const [key, session] of sessions) if (nowMs - session.lookedAtMs > idleMs) sessions.delete(key)
    const session = sessions.get(id)
    if (!session) throw new EdgeError('workbench.unknown', 'this wizard was closed')
    session.lookedAtMs = nowMs
    return session
  }

  /** How long everything that is compared was watched already. */
  function baselineOf(source: ValueSource): number {
    const firsts = history(source)
      .blocks()
      .filter(({ readings }) => readings.length >= leastReadings)
      .map(({ readings }) => readings[0]!.atMs)
    return firsts.length === 0 ? 0 : Math.max(0, clock.nowMs() - Math.min(...firsts))
  }

  function verdictOf(session: Session): Verdict {
    const nowMs = clock.monotonicMs()
    const known = session.verdict
    if (known && nowMs < known.untilMs) return known.verdict
    const verdict = findCulprits(history(session.source).blocks(), session.turns)
    session.verdict = { untilMs: nowMs + lookEveryMs, verdict }
    return verdict
  }

  function view(session: Session): KnobState {
    const { id, source, startedAtMs, turns } = session
    const verdict = verdictOf(session)
    const soFarMs = baselineOf(source)
    const newest = turns.at(-1)
    const sinceMs = newest && Math.max(0, clock.nowMs() - newest.atMs)
    const step =
      sinceMs === undefined
        ? soFarMs >= baselineMs
          ? 'ready'
          : 'baseline'
        : sinceMs >= resultMs
          ? 'result'
          : 'watching'
    const advice = step === 'result' ? verdict.advice : step === 'watching' ? 'wait' : undefined
    return {
      id,
      source,
      startedAtMs,
      step,
      baselineMs,
      baselineSoFarMs: soFarMs,
      registers: verdict.registers,
      turns: turns.map((turn) => ({ ...turn })),
      ...(sinceMs !== undefined && { sinceTurnMs: sinceMs }),
      culprits: verdict.culprits.map((culprit) => ({
        ...culprit,
        trace: culprit.trace.map(([at, value]) => [at, value]),
      })),
      hidden: verdict.hidden,
      unmoved: verdict.unmoved,
      byChance: [...verdict.byChance],
      ...(advice && { advice }),
    }
  }

  return {
    candidates({ source, unitId, fn, address }) {
      if (fn < 3)
        throw new EdgeError('workbench.refused', 'a coil or discrete input is one bit, without a type to find')
      const kept = history(source)
      const unit = unitId ?? kept.blocks()[0]?.unitId
      const registers = unit === undefined ? undefined : kept.around(unit, fn, address)
      if (!registers) throw new EdgeError('workbench.refused', `register ${address} has not been read yet`)
      const { candidates, partOf, ...rest } = createInferrer(registers, priors()).at(address)
      return { ...rest, candidates: candidates.map(shown), ...(partOf && { partOf: shown(partOf) }) }
    },
    start({ source }) {
      history(source)
      if (sessions.size >= mostSessions) {
        const [oldest] = [...sessions.values()].toSorted((a, b) => a.lookedAtMs - b.lookedAtMs)
        if (oldest) sessions.delete(oldest.id)
      }
      const id = randomBytes(4).toString('hex')
      const session: Session = {
        id,
        source,
        startedAtMs: clock.nowMs(),
        turns: [],
        lookedAtMs: clock.monotonicMs(),
      }
      sessions.set(id, session)
      return view(session)
    },
    state: (id) => view(find(id)),
    turn(id, turn) {
      const session = find(id)
      const soFarMs = baselineOf(session.source)
      if (soFarMs < baselineMs)
        throw new EdgeError(
          'workbench.refused',
          `the time before the change is ${Math.round(soFarMs / 1000)} s long so far; wait until it is ${baselineMs / 1000} s`,
        )
      if (session.turns.length >= mostTurns)
        throw new EdgeError('workbench.refused', `${mostTurns} changes were compared; start again for another one`)
      session.turns.push({ ...turn, atMs: clock.nowMs() })
      delete session.verdict
      return view(session)
    },
    end: (id) => void sessions.delete(id),
  }
}

const shown = (candidate: TypeCandidate): TypeCandidateShown => ({
  address: candidate.address,
  words: candidate.words,
  type: candidate.type,
  wordOrder: candidate.wordOrder,
  byteOrder: candidate.byteOrder,
  alsoFits: [...candidate.alsoFits],
  score: Math.min(1, candidate.score),
  value: typeof candidate.value === 'number' && !Number.isFinite(candidate.value) ? null : candidate.value,
  quantities: candidate.quantities.map(({ perCount: _perCount, ...quantity }) => quantity),
  reasons: [...candidate.reasons],
})
