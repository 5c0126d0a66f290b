import type { Turn } from '../../../../service/commissioning/knob/culprits.ts'
import { createValueHistory, type ValueHistory } from '../../../../service/commissioning/values/history.ts'
import { fromBigint, fromFloat, reorder } from '../../../../service/pointmap/words.ts'
import { seeded } from '../inference/synthetic.ts'

/** A unit with registers that stand still, drift, count and make noise, and one that is set by hand. */
export interface KnobCase {
  readonly history: ValueHistory
  readonly turns: readonly Turn[]
  /** The register that was set. */
  readonly address: number
  readonly words: number
  /** Counts per unit of the display. */
  readonly scale: number
}

interface Shape {
  readonly words: number
  readonly float: boolean
  readonly little: boolean
}

const shapes: readonly Shape[] = [
  { words: 1, float: false, little: false },
  { words: 1, float: false, little: false },
  { words: 2, float: false, little: false },
  { words: 2, float: false, little: true },
  { words: 2, float: true, little: false },
  { words: 2, float: true, little: true },
]
const scales = [1, 0.1, 0.01, 10, 0.5]
const registers = 120
const startMs = 1_700_000_000_000
const everyMs = 1000

/** Seconds from the start to the first turn, and from one turn to the next. */
const baselineS = 12
const watchedS = 20

export function knobCase(seed: number, options: { readonly told?: boolean; readonly turns?: number } = {}): KnobCase {
  const { told = true, turns: howOften = 1 } = options
  const random = seeded(seed)
  const shape = shapes[Math.floor(random() * shapes.length)]!
  const scale = shape.float ? 1 : scales[Math.floor(random() * scales.length)]!
  const at = Math.floor(random() * (registers - 6))
  const settings = [Math.round(160 + 640 * random()) / 10]
  for (let turn = 0; turn < howOften; turn++) {
    // A change that the register can show.
    const change = Math.max(scale, (1 + Math.floor(random() * 30)) / 2)
    settings.push(settings.at(-1)! + (random() < 0.5 ? -change : change))
  }
  // What a display shows is what a register can hold.
  const shown = settings.map((value) => Math.round(value / Math.max(scale, 0.1)) * Math.max(scale, 0.1))
  const delayMs = 300 + 2000 * random()
  const followsAfterMs = delayMs + 2500 + 4000 * random()
  const noisy = Array.from({ length: registers }, () => {
    const dice = random()
    return {
      kind: dice < 0.35 ? 'still' : dice < 0.55 ? 'noise' : dice < 0.75 ? 'drift' : dice < 0.85 ? 'counter' : 'rare',
      value: Math.floor(10 ** (random() * 4)),
      size: 1 + Math.floor(random() * 12),
    } as const
  })
  const state = noisy.map(({ value }) => value)
  const history = createValueHistory()
  const turns: Turn[] = Array.from({ length: howOften }, (_, index) => ({
    atMs: startMs + (baselineS + index * watchedS) * 1000,
    ...(told && { from: round(shown[index]!), to: round(shown[index + 1]!) }),
  }))
  const effectAt = (at + shape.words + 3) % registers
  const settingAt = (nowMs: number, lateMs: number): number =>
    shown[turns.filter((turn) => nowMs >= turn.atMs + lateMs).length]!
  for (let nowMs = startMs; nowMs < startMs + (baselineS + howOften * watchedS) * 1000; nowMs += everyMs) {
    const words = noisy.map(({ kind, size }, index) => {
      const old = state[index]!
      const next =
        kind === 'noise'
          ? noisy[index]!.value + Math.round((random() - 0.5) * size)
          : kind === 'drift'
            ? old + Math.round((random() - 0.45) * size * 0.5)
            : kind === 'counter'
              ? old + Math.ceil(random() * size)
              : kind === 'rare' && random() < 0.03
                ? Math.floor(random() * 2000)
                : old
      state[index] = next
      return Math.max(0, next) & 0xffff
    })
    // What the setting causes moves later, and only part of the way.
    words[effectAt] = 300 + Math.round(3 * settingAt(nowMs, followsAfterMs)) + Math.round(random())
    const value = settingAt(nowMs, delayMs) / scale
    const own = shape.float ? fromFloat(value, shape.words) : fromBigint(BigInt(Math.round(value)), shape.words)
    const order = { wordOrder: shape.little ? 'little' : 'big', byteOrder: 'big' } as const
    for (const [index, word] of reorder(own, order).entries()) words[at + index] = word
    history.record({ unitId: 1, fn: 3, address: 100, words, atMs: nowMs })
  }
  return { history, turns, address: 100 + at, words: shape.words, scale }
}

const round = (value: number): number => Number(value.toPrecision(9))
