import { createWriteStream } from 'node:fs'
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
  return {
    file,
    line(value) {
      if (!failure) gzip.write(`${JSON.stringify(value)}\n`)
    },
    waiting: () => gzip.writableLength + target.writableLength,
    failed: () => failure,
    async flush() {
      if (failure) return
      const { promise, resolve } = Promise.withResolvers<undefined>()
      // What a failing disk leaves undone is seen at close.
      gzip.once('close', () => resolve(undefined))
      gzip.flush(constants.Z_SYNC_FLUSH, () => resolve(undefined))
      await promise
      if (target.writableLength > 0) await new Promise((done) => target.write('', done))
    },
    async close() {
      if (failure) throw failure
      gzip.end()
      await finished(target)
    },
  }
}
