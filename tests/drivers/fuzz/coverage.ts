import { Session } from 'node:inspector/promises'

export interface Coverage extends AsyncDisposable {
  /** Parts of the code under test that ran for the first time since the last call. */
  fresh(): Promise<number>
}

/** Block coverage of the drivers, from V8 itself. */
export async function startCoverage(part: string): Promise<Coverage> {
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.startPreciseCoverage', { callCount: false, detailed: true })
  const seen = new Set<string>()
  return {
    async fresh() {
      const before = seen.size
      const { result } = await session.post('Profiler.takePreciseCoverage')
      for (const { url, functions } of result) {
        if (!url.includes(part)) continue
        for (const { ranges } of functions)
          for (const { startOffset, endOffset, count } of ranges)
            if (count > 0) seen.add(`${url}:${startOffset}-${endOffset}`)
      }
      return seen.size - before
    },
    async [Symbol.asyncDispose]() {
      await session.post('Profiler.stopPreciseCoverage')
      session.disconnect()
    },
  }
}
