import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { createCaptureSource } from '../../../../service/commissioning/capture/capture-source.ts'
import { createListening } from '../../../../service/commissioning/listen/listening.ts'
import type {
  ListenFrame,
  ListenLibrary,
  ListenPair,
  ListenSnapshot,
  SourceEnd,
} from '../../../../service/commissioning/listen/types.ts'
import { systemClock } from '../../../../service/runtime/system-clock.ts'

export interface HeardFile {
  readonly end: SourceEnd
  readonly snapshot: ListenSnapshot
  readonly frames: readonly ListenFrame[]
  readonly pairs: readonly ListenPair[]
  readonly pcapng: Buffer
}

/** Listens to a capture to its end. */
export async function listenToFile(path: string, library?: ListenLibrary): Promise<HeardFile> {
  await using listening = createListening({
    source: createCaptureSource(path),
    clock: systemClock,
    ...(library && { library }),
    keptFrames: 100_000,
  })
  const frames: ListenFrame[] = []
  const pairs: ListenPair[] = []
  listening.onFrame((frame) => frames.push(frame))
  listening.onPair((pair) => pairs.push(pair))
  await listening.opened
  const end = await listening.ended
  return { end, snapshot: listening.snapshot(), frames, pairs, pcapng: listening.pcapng() }
}

/** A file that is gone after the test. */
export function fileWith(content: Uint8Array | string, name = 'capture'): string {
  const folder = mkdtempSync(join(tmpdir(), 'r-ems-capture-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}
