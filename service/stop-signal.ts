/** Says when the process is to end: by a signal, or because the desktop app that started it has gone. */
export function stopSignal(desktop: boolean): { signal: AbortSignal; requested: Promise<undefined> } {
  const controller = new AbortController()
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const stop = (): void => {
    controller.abort()
    resolve(undefined)
  }
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, stop)
  // The desktop app holds the other end for as long as it lives, however it ends.
  if (desktop) process.stdin.on('end', stop).on('error', stop).resume()
  return { signal: controller.signal, requested: promise }
}
