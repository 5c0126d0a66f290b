import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { constants, createGunzip, createGzip } from 'node:zlib'
import type { Site } from '#contract/site.ts'
import type { StepInput, StepResult } from '../control/types.ts'
import type { Clock } from '../domain/clock.ts'
import type { SiteCommands } from '../domain/site-model.ts'
import { captureHeaderOf, createStepEncoder, type StepEncoder } from './encode.ts'
import { createSegment, type Segment } from './segment.ts'
import { wantedPoints } from './wanted-points.ts'

/** A rolling record of what control has seen and decided, in a folder of its own. */
export interface CaptureRecorder extends AsyncDisposable {
  /** Takes one step. Only notes it; encoding and writing happen between cycles. The input must not change afterwards. */
  add(gridId: string, input: StepInput, result: StepResult<unknown>): void
  /** The steps from here on are those of a changed site. */
  useSite(site: Site): void
  /** The bytes of a capture that covers this time as far as there is one; it may begin up to 15 minutes earlier. */
  read(fromMs: number, toMs: number): AsyncIterable<Uint8Array>
}

export interface RecorderOptions {
  readonly folder: string
  readonly site: Site
  /** As given to compileSite. */
  readonly commands?: SiteCommands
  readonly version: string
  readonly clock: Clock
  /** Most bytes in the folder; the oldest go first. Default 256 MiB. */
  readonly maxBytes?: number
  /** Told once when recording has stopped, and why; then not again before it has worked in between. */
  note(text: string): void
}

const segmentMs = 15 * 60_000
const keptMs = 7 * 24 * 3_600_000
const flushEveryMs = 30_000
const defaultMaxBytes = 256 * 1024 * 1024
/** Steps that wait to be encoded, and bytes that wait for the disk. Beyond, a stretch is left out. */
const longestQueue = 240
const mostWaiting = 16 * 1024 * 1024

interface Entry {
  readonly gridId: string
  readonly input: StepInput
  readonly result: StepResult<unknown>
}

const fileName = (atMs: number): string => `${String(atMs).padStart(14, '0')}.jsonl.gz`
const timeOf = (name: string): number => (/^\d{14}\.jsonl\.gz$/.test(name) ? Number(name.slice(0, 14)) : Number.NaN)

/** Creates the folder if need be. Nothing of it can delay a cycle or fail the service. */
export function createCaptureRecorder(options: RecorderOptions): CaptureRecorder {
  const { folder, commands, version, clock, note, maxBytes = defaultMaxBytes } = options
  let { site } = options
  let wanted = wantedPoints(site)
  let queue: Entry[] = []
  let scheduled = false
  /** What control remembers after steps that were left out. */
  const skipped = new Map<string, unknown>()
  let troubled = false
  let segment: Segment | undefined
  let untilMs = 0
  let retryMs = Number.NEGATIVE_INFINITY
  let lastName = 0
  let flushedMs = 0
  let encoders = new Map<string, StepEncoder>()
  const states = new Map<string, unknown>()
  const closing = new Set<Promise<unknown>>()

  const ready = prepare(folder).catch(trouble)

  function trouble(error: unknown): void {
    if (troubled) return
    troubled = true
    note(`nothing is captured now: ${error instanceof Error ? error.message : String(error)}`)
  }

  function end(): void {
    const ended = segment
    segment = undefined
    if (!ended) return
    const closed = ended
      .close()
      .then(() => {
        troubled = false
        return prune(folder, maxBytes, clock.nowMs() - keptMs)
      })
      .catch(trouble)
      .finally(() => closing.delete(closed))
    closing.add(closed)
  }

  function begin(atMs: number): Segment {
    lastName = Math.max(lastName + 1, Math.floor(atMs))
    segment = createSegment(join(folder, fileName(lastName)))
    untilMs = clock.monotonicMs() + segmentMs
    flushedMs = clock.monotonicMs()
    encoders = new Map()
    segment.line(captureHeaderOf({ version, atMs, site, commands, states: Object.fromEntries(states) }))
    return segment
  }

  function write({ gridId, input, result }: Entry): void {
    const failure = segment?.failed()
    if (segment && failure) {
      trouble(failure)
      const mended = mend(segment.file).finally(() => closing.delete(mended))
      closing.add(mended)
      segment = undefined
      retryMs = clock.monotonicMs() + flushEveryMs
    }
    const nowMs = clock.monotonicMs()
    if (segment && nowMs >= untilMs) end()
    // After a failure the next attempt waits a little.
    if (segment ?? nowMs >= retryMs) {
      const target = segment ?? begin(input.atMs)
      let encoder = encoders.get(gridId)
      if (!encoder) encoders.set(gridId, (encoder = createStepEncoder(gridId, wanted)))
      target.line(encoder.encode(input, result))
      if (nowMs - flushedMs >= flushEveryMs) {
        flushedMs = nowMs
        void target.flush()
      }
    }
    states.set(gridId, result.state)
  }

  function work(): void {
    scheduled = false
    const entries = queue
    queue = []
    for (const entry of entries) write(entry)
    if (skipped.size === 0) return
    for (const [gridId, state] of skipped) states.set(gridId, state)
    skipped.clear()
    // Who reads knows nothing of what was left out: a new segment begins with everything.
    end()
  }

  function schedule(): void {
    if (scheduled) return
    scheduled = true
    void ready.then(() => setImmediate(work))
  }

  return {
    add(gridId, input, result) {
      const full = queue.length >= longestQueue || (segment?.waiting() ?? 0) > mostWaiting
      if (full || skipped.size > 0) skipped.set(gridId, result.state)
      else queue.push({ gridId, input, result })
      schedule()
    },
    useSite(changed) {
      work()
      end()
      site = changed
      wanted = wantedPoints(changed)
    },
    async *read(fromMs, toMs) {
      await ready
      work()
      await segment?.flush()
      await Promise.all(closing)
      const names = await segmentsOf(folder)
      for (const [index, name] of names.entries()) {
        const next = names[index + 1]
        if (timeOf(name) > toMs || (next !== undefined && timeOf(next) <= fromMs)) continue
        try {
          for await (const chunk of createReadStream(join(folder, name))) yield chunk as Uint8Array
        } catch (error) {
          // The oldest may be removed while it is being handed out.
          if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
        }
      }
    },
    async [Symbol.asyncDispose]() {
      await ready
      work()
      end()
      await Promise.all(closing)
    },
  }
}

/** A service that was killed has left its last segment open: it is closed, as far as it can be read. */
async function prepare(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const newest = (await segmentsOf(folder)).at(-1)
  if (newest === undefined) return
  await mend(join(folder, newest))
}

/** Ends a file that was left open. Without this, those who read could not go on with the next. */
async function mend(file: string): Promise<void> {
  const mended = `${file}.mended`
  try {
    await pipeline(
      createReadStream(file),
      createGunzip({ finishFlush: constants.Z_SYNC_FLUSH }),
      async function* (chunks: AsyncIterable<Buffer>) {
        yield* chunks
        yield '\n'
      },
      createGzip({ level: 6 }),
      createWriteStream(mended, { mode: 0o600 }),
    )
    await rename(mended, file)
  } catch {
    // Not even its beginning can be read, or the disk takes nothing.
    await Promise.allSettled([rm(mended, { force: true }), rm(file, { force: true })])
  }
}

const segmentsOf = async (folder: string): Promise<string[]> =>
  (await readdir(folder)).filter((name) => !Number.isNaN(timeOf(name))).toSorted()

/** Removes what is too old, then the oldest of what is too much. */
async function prune(folder: string, maxBytes: number, oldestMs: number): Promise<void> {
  const names = await segmentsOf(folder)
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size))
  let total = sizes.reduce((sum, size) => sum + size, 0)
  for (const [index, name] of names.entries()) {
    if (total <= maxBytes && timeOf(name) + segmentMs >= oldestMs) break
    total -= sizes[index] ?? 0
    await rm(join(folder, name), { force: true })
  }
}
