import { timingSafeEqual } from 'node:crypto'
import { chmod, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../domain/clock.ts'
import { replaceFile } from './accounts-file.ts'
import { digestOf, newTypedCode, tidyCode } from './secrets.ts'

export const pairingFile = 'pairing-code'
export const pairingWindowMs = 15 * 60_000
/** Wrong codes that close the window. */
const maxWrong = 20

export interface Pairing {
  isOpen(): boolean
  openUntilMs(): number
  code(): string
  open(): void
  /** What the right code was presented for has failed: the rest of its window is open again. */
  giveBack(): void
  /** Replaces the code on disk and here. */
  renew(): Promise<void>
  /** 'right' closes the window: each window pairs once. */
  present(code: string): 'right' | 'wrong' | 'closed'
}

/**
 * The pairing code of this device: 60 random bits, made at the first start and kept in a file (mode 0600) so that it can
 * be printed on a label. It is worth something only while the window is open.
 */
export async function createPairing(folder: string, clock: Clock): Promise<Pairing> {
  const file = join(folder, pairingFile)
  let code = await readCode(file)
  let untilMs = -Infinity
  let closedUntilMs = -Infinity
  let untilAtMs = 0
  let wrong = 0

  async function renew(): Promise<void> {
    const next = newTypedCode()
    await replaceFile(file, `${next}\n`)
    code = next
  }
  if (code === undefined) await renew()

  const isOpen = (): boolean => clock.monotonicMs() < untilMs
  const close = (): void => {
    closedUntilMs = untilMs
    untilMs = -Infinity
  }
  return {
    isOpen,
    openUntilMs: () => untilAtMs,
    code: () => code ?? '',
    open() {
      untilMs = clock.monotonicMs() + pairingWindowMs
      untilAtMs = clock.nowMs() + pairingWindowMs
      wrong = 0
    },
    giveBack() {
      untilMs = closedUntilMs
    },
    renew,
    present(presented) {
      if (!isOpen()) return 'closed'
      const [given, wanted] = [presented, code ?? ''].map((text) => Buffer.from(digestOf(tidyCode(text))))
      if (given && wanted && timingSafeEqual(given, wanted)) {
        close()
        return 'right'
      }
      wrong += 1
      if (wrong >= maxWrong) close()
      return 'wrong'
    },
  }
}

/** A file that holds no code any more is as good as none. */
async function readCode(file: string): Promise<string | undefined> {
  try {
    const text = (await readFile(file, 'utf8')).trim()
    await chmod(file, 0o600)
    return /^[0-9A-HJKMNP-TV-Z]{12}$/.test(tidyCode(text)) ? text : undefined
  } catch {
    return undefined
  }
}
