/** One thing that speaks for, or against, a map. */
export interface Evidence {
  /** 0..1: how sure this alone would make. */
  readonly weight: number
  readonly text: string
}

/** Everything found about one map. */
export interface Score {
  readonly supports: Evidence[]
  readonly doubts: Evidence[]
}

/**
 * 0..1. Each piece of evidence counts as an independent witness that is right with the probability of its weight: one
 * minus the chance that all who speak for the map are wrong, times the chance that all who speak against it are.
 * More evidence never makes a map less likely, and nothing is ever certain.
 */
export function confidenceOf({ supports, doubts }: Score): number {
  const chanceWrong = (all: readonly Evidence[]): number => all.reduce((chance, { weight }) => chance * (1 - weight), 1)
  return Math.round((1 - chanceWrong(supports)) * chanceWrong(doubts) * 100) / 100
}

/** The evidence in words, the strongest first. */
export function wordsOf({ supports, doubts }: Score): string[] {
  const strongest = (all: readonly Evidence[]): Evidence[] => all.toSorted((a, b) => b.weight - a.weight)
  return [...strongest(supports).map(({ text }) => text), ...strongest(doubts).map(({ text }) => `but ${text}`)]
}
