import type { SerialSettings } from '#contract/workbench-scan.ts'
import type { Clock } from '../../domain/clock.ts'
import { settingsText } from '../scan/likely.ts'
import { createListening } from './listening.ts'
import type { ListenSnapshot, ListenSource } from './types.ts'

export interface DetectOptions {
  /** The line with these settings; closed before it is opened with others. */
  openAt(settings: SerialSettings): ListenSource
  /** Likeliest first. */
  readonly candidates: readonly SerialSettings[]
  readonly clock: Clock
  /** Total time, default 30 s. */
  readonly withinMs?: number
  readonly signal?: AbortSignal
  /** Called before each candidate. */
  trying?(settings: SerialSettings, elapsedMs: number): void
}

export interface TriedSettings {
  readonly settings: SerialSettings
  readonly bytes: number
  readonly validFrames: number
}

export type Detected =
  | {
      readonly found: 'settings'
      readonly settings: SerialSettings
      readonly elapsedMs: number
      /** Why, in words. */
      readonly evidence: string
      readonly tried: readonly TriedSettings[]
    }
  | {
      /** `silence`: nothing was heard at all, which is no proof that there is nobody. `noise`: no settings fit. */
      readonly found: 'silence' | 'noise'
      readonly elapsedMs: number
      readonly summary: string
      readonly tried: readonly TriedSettings[]
    }

/** One frame is right by chance once in 65,536 times: two that agree are not. */
const enoughFrames = 2
/** A frame that was met in its middle, and one more: without a valid one in so many bytes the settings are wrong. */
const enoughNoise = 512
/** Patience with noise, with a single valid frame, and with silence: wrong settings can swallow all bytes. */
const patienceMs = { noise: 2000, single: 5000, silence: 3000 } as const
const lookEveryMs = 50

/**
 * Finds the settings of a line on which somebody speaks, by listening with one after the other. Sends nothing. Rejects with
 * the EdgeError of a port that cannot be opened.
 */
export async function detectSettings(options: DetectOptions): Promise<Detected> {
  const { candidates, clock, withinMs = 30_000, signal } = options
  const startMs = clock.monotonicMs()
  const elapsed = (): number => clock.monotonicMs() - startMs
  const tried = new Map<SerialSettings, TriedSettings>()
  const isOver = (): boolean => elapsed() >= withinMs || signal?.aborted === true

  for (let turn = 0; candidates.length > 0 && !isOver(); turn++) {
    const settings = candidates[turn % candidates.length]!
    options.trying?.(settings, elapsed())
    await using listening = createListening({ source: options.openAt(settings), clock, keptFrames: 64 })
    await listening.opened
    const heard = await listenUntilClear(listening, clock, isOver)
    const before = tried.get(settings)
    tried.set(settings, {
      settings,
      bytes: heard.bytes + (before?.bytes ?? 0),
      validFrames: validFrames(heard) + (before?.validFrames ?? 0),
    })
    if (isConsistent(heard))
      return {
        found: 'settings',
        settings,
        elapsedMs: elapsed(),
        evidence: evidenceOf(heard, settings),
        tried: [...tried.values()],
      }
    if (heard.end?.complete === false) break
  }

  const all = [...tried.values()]
  const bytes = all.reduce((sum, { bytes }) => sum + bytes, 0)
  const seconds = `${Math.round(elapsed() / 100) / 10} s`
  const summary =
    bytes === 0
      ? `nothing heard for ${seconds}`
      : `${bytes} bytes heard in ${seconds}, but no two valid frames with any of ${all.length} settings`
  return { found: bytes === 0 ? 'silence' : 'noise', elapsedMs: elapsed(), summary, tried: all }
}

/** Listens until the settings are proven right, or have had their chance. */
async function listenUntilClear(
  listening: Pick<ReturnType<typeof createListening>, 'snapshot'>,
  clock: Clock,
  isOver: () => boolean,
): Promise<ListenSnapshot> {
  const startMs = clock.monotonicMs()
  let firstByteMs: number | undefined
  for (;;) {
    const heard = listening.snapshot()
    const nowMs = clock.monotonicMs()
    if (heard.bytes > 0) firstByteMs ??= nowMs
    if (isOver() || heard.end || isConsistent(heard)) return heard
    const valid = validFrames(heard)
    if (firstByteMs === undefined) {
      if (nowMs - startMs >= patienceMs.silence) return heard
    } else if (nowMs - firstByteMs >= (valid > 0 ? patienceMs.single : patienceMs.noise)) return heard
    if (valid === 0 && heard.bytes >= enoughNoise) return heard
    await clock.sleep(lookEveryMs)
  }
}

function validFrames({ frames }: ListenSnapshot): number {
  return frames.requests + frames.answers + frames.exceptions + frames.unknown
}

/** Valid frames that agree about who is there, in more than half of what was heard. */
function isConsistent(heard: ListenSnapshot): boolean {
  if (validFrames(heard) < enoughFrames || heard.frames.rejectedBytes * 2 > heard.bytes) return false
  const perUnit = new Map<number, number>()
  for (const { unitId, role } of heard.recentFrames) {
    if (unitId === undefined || role === 'rejected') continue
    const count = (perUnit.get(unitId) ?? 0) + 1
    if (count >= enoughFrames) return true
    perUnit.set(unitId, count)
  }
  return heard.pairs > 0
}

function evidenceOf(heard: ListenSnapshot, settings: SerialSettings): string {
  const units = heard.units.map(({ unitId }) => unitId).join(', ')
  const text = `${validFrames(heard)} frames with a right checksum, of unit ${units}, at ${settingsText(settings)}`
  const other = { ...settings, stopBits: settings.stopBits === 1 ? 2 : 1 } as const
  // A receiver looks at the first stop bit only.
  return settings.parity === 'none' ? `${text}; ${settingsText(other)} would sound the same` : text
}
