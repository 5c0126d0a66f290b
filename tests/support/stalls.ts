const timerMs = 10
/** Lateness that every timer has. */
const usualMs = 30

export interface Stalls extends Disposable {
  /** Time since the last call in which this machine did not let a bare timer run. */
  takeS(): number
}

/** Adds up by how much a bare timer is late: nobody on this machine could react then. */
export function watchStalls(): Stalls {
  let stalledMs = 0
  let lastMs = performance.now()
  const timer = setInterval(() => {
    const nowMs = performance.now()
    const lateMs = nowMs - lastMs - timerMs
    if (lateMs > usualMs) stalledMs += lateMs
    lastMs = nowMs
  }, timerMs)
  return {
    takeS() {
      const seconds = stalledMs / 1000
      stalledMs = 0
      return seconds
    },
    [Symbol.dispose]: () => clearInterval(timer),
  }
}

const mostRuns = 4
/** Standing still for so long spoils what is measured in real time. */
const spoiledS = 0.15

/**
 * A test that measures in real time. It fails when it fails on a machine that runs; when the machine stood still meanwhile, the
 * measurement says nothing and is made again.
 */
export function measured(body: () => Promise<void>): () => Promise<void> {
  return async () => {
    for (let run = 1; ; run += 1) {
      using stalls = watchStalls()
      try {
        return await body()
      } catch (error) {
        if (run === mostRuns || stalls.takeS() < spoiledS) throw error
      }
    }
  }
}
