/** 32-bit mix of a seed and two integers: the same input gives the same output on every machine. */
function hash32(seed: number, channel: number, index: number): number {
  let h = (seed ^ Math.imul(channel, 0x9e3779b1) ^ Math.imul(index, 0x85ebca6b)) | 0
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d)
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b)
  return (h ^ (h >>> 16)) >>> 0
}

/** Uniform in [0, 1). */
export function hashUnit(seed: number, channel: number, index: number): number {
  return hash32(seed, channel, index) / 0x1_0000_0000
}

/**
 * Smooth noise in [0, 1): a pure function of time, so that a plant looks the same whatever the step width.
 * `periodS` is the distance of its random support points.
 */
export function smoothNoise(seed: number, channel: number, timeS: number, periodS: number): number {
  const position = timeS / periodS
  const index = Math.floor(position)
  const left = hashUnit(seed, channel, index)
  const right = hashUnit(seed, channel, index + 1)
  return left + (right - left) * smoothStep(position - index)
}

/** 0 below 0, 1 above 1, with flat ends. */
export function smoothStep(x: number): number {
  const t = Math.min(1, Math.max(0, x))
  return t * t * (3 - 2 * t)
}
