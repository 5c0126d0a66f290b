import { closeSync, openSync, writeSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../../service/runtime/system-clock.ts'
import { openStorage } from '../../../service/storage/storage.ts'

/** Runs in a file system of its own of a few megabytes and prints what happened while it was full, as JSON. */
const folder = process.argv[2] ?? ''
const workerUrl = new URL('../../../service/storage/worker.ts', import.meta.url)
const ballast = join(folder, 'ballast')

/** Takes all that is left. */
function fill(): void {
  const file = openSync(ballast, 'w')
  try {
    for (;;) writeSync(file, Buffer.alloc(4096))
  } catch (error) {
    if (codeOf(error) !== 'ENOSPC') throw error
  } finally {
    closeSync(file)
  }
}

const lines: string[] = []
const clock = {
  ...systemClock,
  monotonicMs: () => systemClock.monotonicMs() * 5,
  sleep: (delayMs: number, signal?: AbortSignal) => systemClock.sleep(delayMs / 5, signal),
}
let wake = (): void => undefined
const report = {
  raise: (key: string, { code }: { code: string }) => void lines.push(`raise ${key} ${code}`),
  clear: (key: string) => {
    lines.push(`clear ${key}`)
    wake()
  },
  note: ({ code }: { code: string }) => void lines.push(`note ${code}`),
}
const cleared = (): Promise<void> => new Promise((resolve) => (wake = resolve))
const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : String(error)
/** Repeats it until it fails, and returns why. */
async function firstRefusal(action: () => Promise<void>): Promise<string> {
  for (;;) {
    try {
      await action()
    } catch (error) {
      return codeOf(error)
    }
  }
}

const filler = 'd'.repeat(2000)
const entry = { kind: 'arm', principal: 'engineer', detail: filler }
const startMs = Date.now()
const everything = { deviceId: 'meter', metric: 'powerW', fromMs: startMs, toMs: startMs + 1e6, points: 10_000 }

const storage = await openStorage({ folder, workerUrl, clock })
storage.subscribe(report)
storage.addSamples([{ deviceId: 'meter', metric: 'powerW', atMs: startMs, value: 1 }])
await storage.journal.appendDurable(entry)
await storage.flush()

fill()
let durable = 1
const refusal = await firstRefusal(async () => {
  await storage.journal.appendDurable(entry)
  durable += 1
})
let count = 1
const refusedFlush = await firstRefusal(() => {
  storage.addSamples([{ deviceId: 'meter', metric: 'powerW', atMs: startMs + count, value: count }])
  storage.addEvent({ atMs: startMs, severity: 'info', code: 'x', message: filler })
  count += 1
  return storage.flush()
})
const whileFull = storage.stats().state
const readable = (await storage.measurements(everything)).series.length
const stillStored = (await storage.journal.entries({ limit: 1, before: durable + 1 }))[0]?.seq
await rm(ballast)
if (storage.stats().state !== 'ok') await cleared()
await storage.flush()
const after = (await storage.measurements(everything)).series.length
const verified = await storage.journal.verify()
await storage[Symbol.asyncDispose]()

const linesWhileRunning = lines.splice(0)
fill()
const reopened = await openStorage({ folder, workerUrl, clock })
reopened.subscribe(report)
const early = reopened.journal.append(entry)
reopened.addSamples([{ deviceId: 'meter', metric: 'later', atMs: startMs, value: 1 }])
const warned = reopened.warnings.map(({ code }) => code)
await rm(ballast)
if (reopened.stats().state !== 'ok') await cleared()
await reopened.flush()
const [last] = await reopened.journal.entries({ limit: 1 })
const startFull = {
  warned,
  early: early === undefined ? 'counted' : 'kept',
  lines,
  last: last?.kind,
  verified: await reopened.journal.verify(),
  metrics: await reopened.metricsOf('meter'),
}
await reopened[Symbol.asyncDispose]()

process.stdout.write(
  JSON.stringify({
    refusal,
    refusedFlush,
    durable,
    whileFull,
    readable,
    stillStored,
    after,
    verified,
    lines: linesWhileRunning,
    startFull,
  }),
)
