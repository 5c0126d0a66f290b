import type { Sample } from './samples.ts'

/** The first time from which on a quantity no longer holds a value, for as long as it was watched. */
export function letGoAt(samples: readonly Sample[], held: number, tolerance: number): Sample | undefined {
  const lastHeld = samples.findLastIndex(({ value }) => Math.abs(value - held) <= tolerance)
  return samples[lastHeld + 1]
}

/**
 * When a meter behind the device has seen it fall back: the middle of the largest change within a window of `windowMs`, when that
 * is at least half of what was expected. A meter that counts other things too says nothing then.
 */
export function changeAt(samples: readonly Sample[], expected: number, windowMs: number): Sample | undefined {
  let best: { readonly at: Sample; readonly change: number } | undefined
  for (const [index, sample] of samples.entries()) {
    const later = samples.slice(index + 1).find(({ tMs }) => tMs - sample.tMs >= windowMs)
    if (!later) break
    const change = later.value - sample.value
    if (Math.sign(change) === Math.sign(expected) && Math.abs(change) > Math.abs(best?.change ?? 0))
      best = { at: { tMs: (sample.tMs + later.tMs) / 2, value: later.value }, change }
  }
  return best && Math.abs(best.change) >= Math.abs(expected) / 2 ? best.at : undefined
}
