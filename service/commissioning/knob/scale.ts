import type { KnobTurn } from '#contract/knob.ts'

/** A scale under which a change fits what the display said. `exact`: both values fit, not only their difference. */
export interface ScaleFit {
  readonly scale: number
  readonly exact: boolean
  /** How far off it is, of the value; 0 for a perfect fit. */
  readonly error: number
}

const powersOfTen = Array.from({ length: 13 }, (_, index) => 10 ** (index - 6))
const powersOfTwo = [0.5, 2, 0.25, 4, 0.125, 8]
/** Plain scales first: of several that fit, the first counts. */
const scales: readonly number[] = [
  ...powersOfTen.toSorted((a, b) => Math.abs(Math.log10(a)) - Math.abs(Math.log10(b))),
  ...powersOfTwo,
].flatMap((scale) => [scale, -scale])

/** A value on a display is rounded: half of its last digit, or a fraction of it that no sensor keeps. */
const relative = 0.001

export function scaleFor(
  { from, to }: KnobTurn,
  values: { readonly was: number; readonly now: number; readonly noise: number; readonly integer: boolean },
): ScaleFit | 'none' {
  const { was, now, noise, integer } = values
  const both = from !== undefined && to !== undefined
  let step: ScaleFit | undefined
  for (const scale of scales) {
    const size = Math.abs(scale)
    const slack = (told: number): number =>
      // One count is the least that a register can be off; a display shows no more than three digits behind the point.
      Math.max(
        noise * size,
        integer ? Math.min(size / 2, relative * Math.abs(told) + size * 1e-6) : 0,
        relative * Math.abs(told),
        1e-9,
      )
    const fitsFrom = from === undefined || Math.abs(was * scale - from) <= slack(from)
    const fitsTo = to === undefined || Math.abs(now * scale - to) <= slack(to)
    if (fitsFrom && fitsTo && (from !== undefined || to !== undefined))
      return { scale, exact: true, error: Math.max(off(was * scale, from), off(now * scale, to)) }
    if (both && from !== to && scale > 0) {
      const change = to - from
      if (Math.abs((now - was) * scale - change) <= 0.02 * Math.abs(change)) step ??= { scale, exact: false, error: 0 }
    }
  }
  return step ?? 'none'
}

const off = (value: number, told: number | undefined): number =>
  told === undefined ? 0 : Math.abs(value - told) / Math.max(1e-9, Math.abs(told), Math.abs(value))

export const isPowerOfTen = (scale: number): boolean => powersOfTen.includes(Math.abs(scale))
