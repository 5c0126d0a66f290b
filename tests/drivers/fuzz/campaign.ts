import { createRandom } from '../line/random.ts'
import type { Coverage } from './coverage.ts'
import { mutate } from './mutate.ts'
import type { Target } from './targets.ts'

export interface Found {
  readonly runs: number
  /** Inputs that were mutated in the end: the seeds, and batches that reached new code. */
  readonly corpus: number
  readonly slowestMs: number
  /** The first input that broke the target, hex, and how. */
  readonly failure?: { readonly input: string; readonly error: string }
}

/** One input may take this long before it counts as a hang. Generous: the machine may be busy. */
const hangMs = 1000
const batchSize = 100

/** Mutates inputs of the corpus; with coverage, a batch that reaches new code joins it as a whole. */
export async function fuzz(target: Target, runs: number, seed: number, coverage?: Coverage): Promise<Found> {
  const random = createRandom(seed)
  const corpus = [...target.seeds]
  let slowestMs = 0
  const attempt = (input: Buffer): string | undefined => {
    const startMs = performance.now()
    try {
      target.run(input)
    } catch (error) {
      return error instanceof Error ? (error.stack ?? error.message) : String(error)
    }
    const tookMs = performance.now() - startMs
    slowestMs = Math.max(slowestMs, tookMs)
    return tookMs > hangMs ? `it took ${Math.round(tookMs)} ms` : undefined
  }
  const result = (done: number) => ({ runs: done, corpus: corpus.length, slowestMs: Math.round(slowestMs * 10) / 10 })

  for (const input of corpus) {
    const error = attempt(input)
    if (error !== undefined) return { ...result(0), failure: { input: input.toString('hex'), error } }
  }
  await coverage?.fresh()
  for (let done = 0; done < runs; done += batchSize) {
    const batch = Array.from({ length: Math.min(batchSize, runs - done) }, () =>
      mutate(corpus[Math.floor(random() * corpus.length)]!, corpus, random),
    )
    for (const input of batch) {
      const error = attempt(input)
      if (error !== undefined) return { ...result(done), failure: { input: input.toString('hex'), error } }
    }
    if (coverage && (await coverage.fresh()) > 0) corpus.push(...batch)
  }
  return result(runs)
}
