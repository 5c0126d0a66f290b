import { createWriteStream } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { finished } from 'node:stream/promises'
import { constants, createGzip } from 'node:zlib'

/** One compressed file of a capture, written behind the back of whoever adds lines. */
export interface Segment {
  readonly file: string
  line(value: unknown): void
  /** Bytes that wait for the compressor. */
  waiting(): number
  /** Resolves when all lines until now can be read from the file. */
  flush(): Promise<void>
  /** Resolves when the file is whole; rejects when it could not be written. */
  close(): Promise<void>
  /** Why it can no longer be written. */
  failed(): Error | undefined
}

export function createSegment(file: string): Segment {
  const gzip = createGzip({ level: 6 })
  const target = createWriteStream(file, { mode: 0o600 })
  let failure: Error | undefined
  const fail = (error: Error): void => {
    failure ??= error
    gzip.destroy()
    target.destroy()
  }
  gzip.on('error', fail)
  target.on('error', fail)
  gzip.pipe(target)
  let flushed = Promise.resolve()
  async function flush(): Promise<void> {
    if (failure) return
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const done = (): void => resolve(undefined)
    // A failing disk ends both; that is seen at close.
    gzip.once('close', done)
    gzip.flush(constants.Z_SYNC_FLUSH, done)
    await promise
    gzip.off('close', done)
    while (gzip.readableLength > 0 && !gzip.destroyed) await nextTurn()
    if (!target.destroyed) await new Promise((written) => target.write('', written))
  }

  return {
    file,
    line(value) {
      if (!failure) gzip.write(`${JSON.stringify(value)}\n`)
    },
    waiting: () => gzip.writableLength + target.writableLength,
    failed: () => failure,
    flush: () => (flushed = flushed.then(flush)),
    async close() {
      await flushed
      if (!failure) {
        gzip.end()
        await finished(target)
      }
      if (failure) throw failure
    },
  }
}
