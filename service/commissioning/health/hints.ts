import type { Hint, HintKind, UnitHealth } from '#contract/health.ts'

export interface LengthCounts {
  requests: number
  damaged: number
  timeouts: number
}

type Counts = Pick<UnitHealth, 'requests' | 'answered' | 'exceptions' | 'crcErrors' | 'garbled' | 'timeouts'>

interface UnitEvidence extends Counts {
  readonly unitId: number
  /** By the length of the answer. */
  readonly short: LengthCounts
  readonly long: LengthCounts
  /** Whole frames of this unit that nobody had asked for. */
  readonly secondAnswers: number
}

/** All that was counted on a line. */
export interface LineEvidence extends Counts {
  readonly echoes: number
  /** Bytes that were no answer, and how many of them were 00 or FF. */
  readonly noiseBytes: number
  readonly flatBytes: number
  /** Right answers with one to three 00 or FF beside them. */
  readonly besideAnswers: number
  readonly units: readonly UnitEvidence[]
}

/** Below so many requests nothing is said. */
const enough = 20
/** Where nobody answers at all: silent units are asked ever more rarely. */
const enoughOfNobody = 6
/** This often is no accident. */
const often = 3
/** A share of requests from which trouble is worth a word, and up to which a unit counts as clean. */
const troubled = 0.05
const clean = 0.01
/** Long answers fail so many times as often as short ones. */
const muchMore = 3

/**
 * What the counts of a line suggest. Where nobody answers, only what is said of the whole line; where somebody does, what sets
 * units or lengths apart. Bytes cannot prove what a voltage does: each hint carries the numbers it rests on.
 */
export function hintsOf(line: LineEvidence): Hint[] {
  const found = [echo(line), ...(line.answered === 0 ? [nobody(line)] : somebody(line))]
  return found.filter((one) => one !== undefined)
}

function hint(kind: HintKind, evidence: Hint['evidence'], units: readonly number[] = []): Hint {
  return { kind, units: [...units], evidence }
}

function echo({ echoes, requests }: LineEvidence): Hint | undefined {
  return echoes >= often ? hint('echo', { echoes, requests }) : undefined
}

function nobody({ requests, noiseBytes, flatBytes, timeouts, units }: LineEvidence): Hint | undefined {
  if (requests < enoughOfNobody) return undefined
  if (noiseBytes >= enough && flatBytes >= 0.8 * noiseBytes)
    return hint('polarity', { bytes: noiseBytes, flat: percent(flatBytes, noiseBytes), requests })
  if (noiseBytes === 0 && timeouts === requests) return hint('silence', { requests, units: units.length })
  return undefined
}

function somebody(line: LineEvidence): (Hint | undefined)[] {
  const apart = unitsApart(line)
  return [bias(line), ...secondAnswers(line), ...apart, ...byLength(line)]
}

function bias({ besideAnswers, answered }: LineEvidence): Hint | undefined {
  if (besideAnswers < often || besideAnswers < troubled * answered) return undefined
  return hint('bias', { answers: besideAnswers, answered })
}

const secondAnswers = ({ units }: LineEvidence): Hint[] =>
  units
    .filter(({ secondAnswers: times }) => times >= often)
    .map(({ unitId, secondAnswers: frames, requests }) => hint('second-answer', { frames, requests }, [unitId]))

/** Trouble of some units while others are clean. */
function unitsApart({ units }: LineEvidence): Hint[] {
  const known = units.filter(({ requests }) => requests >= enough)
  const others = known.filter((unit) => damagedOf(unit) + unit.timeouts <= clean * unit.requests)
  const damaged = known.filter((unit) => damagedOf(unit) >= often && damagedOf(unit) >= troubled * unit.requests)
  if (others.length === 0 || damaged.length === 0) return []
  const sum = (of: readonly UnitEvidence[], value: (unit: UnitEvidence) => number): number =>
    of.reduce((total, unit) => total + value(unit), 0)
  const evidence = {
    damaged: sum(damaged, damagedOf),
    requests: sum(damaged, ({ requests }) => requests),
    othersDamaged: sum(others, damagedOf),
    othersRequests: sum(others, ({ requests }) => requests),
  }
  const ids = damaged.map(({ unitId }) => unitId)
  return [hint(damaged.length === 1 ? 'one-unit' : 'far-units', evidence, ids)]
}

/** Trouble that grows with the length of the answer, over all units that give short and long ones. */
function byLength({ units }: LineEvidence): Hint[] {
  const both = units.filter(({ short, long }) => short.requests > 0 && long.requests > 0)
  const total = (length: 'short' | 'long', what: keyof LengthCounts): number =>
    both.reduce((sum, unit) => sum + unit[length][what], 0)
  const [shortRequests, longRequests] = [total('short', 'requests'), total('long', 'requests')]
  if (shortRequests < enough || longRequests < enough) return []
  const kinds = [
    ['length', 'damaged'],
    ['slow-length', 'timeouts'],
  ] as const
  return kinds.flatMap(([kind, what]) => {
    const [short, long] = [total('short', what), total('long', what)]
    const grows = long >= often && long / longRequests >= Math.max(troubled, (muchMore * short) / shortRequests)
    const ids = both.filter((unit) => unit.long[what] > 0).map(({ unitId }) => unitId)
    return grows ? [hint(kind, { short, shortRequests, long, longRequests }, ids)] : []
  })
}

const damagedOf = ({ crcErrors, garbled }: Counts): number => crcErrors + garbled
const percent = (part: number, whole: number): number => Math.round((100 * part) / whole)
