import type { History } from '../stores/history.ts'

/**
 * SVG path of the last `windowMs` of a history in a box of width × height. The vertical scale is that of the values
 * shown; a value that does not move is a line in the middle. Empty when there are fewer than two samples.
 */
export function sparkPath(history: History, toMs: number, windowMs: number, width: number, height: number): string {
  const fromMs = toMs - windowMs
  let first = history.length
  while (first > 0 && history.timeAt(first - 1) >= fromMs) first -= 1
  if (history.length - first < 2) return ''
  let low = Infinity
  let high = -Infinity
  for (let index = first; index < history.length; index += 1) {
    low = Math.min(low, history.valueAt(index))
    high = Math.max(high, history.valueAt(index))
  }
  // Noise of two thousandths is not blown up to the full height.
  const span = Math.max(high - low, Math.abs(high) * 0.002)
  const middle = (high + low) / 2
  let path = ''
  for (let index = first; index < history.length; index += 1) {
    const x = ((history.timeAt(index) - fromMs) / windowMs) * width
    const share = span > 0 ? 0.5 + (history.valueAt(index) - middle) / span : 0.5
    const y = height - 1 - share * (height - 2)
    path += `${path === '' ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`
  }
  return path
}
