import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Clock } from '../../../service/domain/clock.ts'
import { systemClock } from '../../../service/runtime/system-clock.ts'
import type { StorageLimits } from '../../../service/storage/limits.ts'
import { openStorage } from '../../../service/storage/storage.ts'
import type { Storage, StorageNote, StorageReport } from '../../../service/storage/types.ts'

export const workerUrl = new URL('../../../service/storage/worker.ts', import.meta.url)

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'r-ems-storage-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A clock whose wall time the test sets; its timers run faster than real time. */
export function quickClock(
  startMs = 1_800_000_000_000,
  speed = 10,
): Clock & {
  set(nowMs: number): void
} {
  let wallMs = startMs
  return {
    nowMs: () => wallMs,
    monotonicMs: () => systemClock.monotonicMs() * speed,
    sleep: (delayMs, signal) => systemClock.sleep(delayMs / speed, signal),
    set: (nowMs) => {
      wallMs = nowMs
    },
  }
}

/** Opens a storage that is closed before its folder is removed. */
export async function open(
  folder: string,
  options: { limits?: Partial<StorageLimits>; clock?: Clock; worker?: URL } = {},
): Promise<Storage> {
  const storage = await openStorage({
    folder,
    workerUrl: options.worker ?? workerUrl,
    clock: options.clock ?? systemClock,
    ...(options.limits && { limits: options.limits }),
  })
  onTestFinished(() => storage[Symbol.asyncDispose]())
  return storage
}

/** Keeps what is reported and lets a test wait for it. */
export function listen(storage: Storage): {
  readonly lines: string[]
  readonly notes: StorageNote[]
  until(text: string): Promise<void>
} {
  const lines: string[] = []
  const notes: StorageNote[] = []
  let wake = (): void => undefined
  const take = (line: string): void => {
    lines.push(line)
    wake()
  }
  const report: StorageReport = {
    raise: (key, { code }) => take(`raise ${key} ${code}`),
    clear: (key) => take(`clear ${key}`),
    note: (note) => {
      notes.push(note)
      take(`note ${note.code}`)
    },
  }
  storage.subscribe(report)
  return {
    lines,
    notes,
    async until(text) {
      while (!lines.some((line) => line.startsWith(text)))
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    },
  }
}

export const sample = (atMs: number, value: number, metric = 'powerW', deviceId = 'meter') => ({
  deviceId,
  metric,
  atMs,
  value,
})
