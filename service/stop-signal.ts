/** Told to end, or to start anew in this process. */
export type StopKind = 'stop' | 'restart'

export interface StopSignal extends Disposable {
  readonly signal: AbortSignal
  readonly requested: Promise<StopKind>
  /** The answers that are on their way go out first. */
  restart(): void
}

/** Tells when a service is to end: a signal, the end of the app that started it, or the wish to start anew. */
export function stopSignal(desktop: boolean): StopSignal {
  const controller = new AbortController()
  const { promise, resolve } = Promise.withResolvers<StopKind>()
  const end = (kind: StopKind): void => {
    controller.abort()
    resolve(kind)
  }
  const stop = (): void => end('stop')
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const name of signals) process.on(name, stop)
  // The desktop app holds the other end for as long as it lives, however it ends.
  if (desktop) process.stdin.on('end', stop).on('error', stop).resume()
  return {
    signal: controller.signal,
    requested: promise,
    restart: () => void setImmediate(() => end('restart')),
    [Symbol.dispose]() {
      for (const name of signals) process.off(name, stop)
      process.stdin.off('end', stop).off('error', stop)
    },
  }
}
