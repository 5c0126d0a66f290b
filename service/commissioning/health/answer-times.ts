import { answerTimeEdgesMs } from '#contract/health-limits.ts'

/** A histogram of answer times. */
export interface AnswerTimes {
  add(answerMs: number): void
  read(): { histogram: number[]; fastestMs?: number; slowestMs?: number; medianMs?: number }
}

export function createAnswerTimes(): AnswerTimes {
  const columns = new Uint32Array(answerTimeEdgesMs.length + 1)
  let fastestMs = Number.POSITIVE_INFINITY
  let slowestMs = 0

  /** Within the column of the middle answer, as if its answers were spread evenly. */
  function median(total: number): number {
    let before = 0
    for (const [index, inside] of columns.entries()) {
      if (before + inside >= total / 2) {
        const from = Math.max(answerTimeEdgesMs[index - 1] ?? 0, Math.min(fastestMs, slowestMs))
        const to = Math.min(answerTimeEdgesMs[index] ?? slowestMs, slowestMs)
        return Math.min(slowestMs, from + (Math.max(0, to - from) * (total / 2 - before)) / inside)
      }
      before += inside
    }
    return slowestMs
  }

  return {
    add(answerMs) {
      const index = answerTimeEdgesMs.findIndex((edge) => answerMs <= edge)
      columns[index < 0 ? answerTimeEdgesMs.length : index]! += 1
      fastestMs = Math.min(fastestMs, answerMs)
      slowestMs = Math.max(slowestMs, answerMs)
    },
    read() {
      const histogram = Array.from(columns)
      const total = histogram.reduce((sum, one) => sum + one, 0)
      return total === 0 ? { histogram } : { histogram, fastestMs, slowestMs, medianMs: median(total) }
    },
  }
}
