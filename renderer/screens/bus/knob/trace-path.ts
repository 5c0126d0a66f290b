/** A trace as steps: each value holds until the next one. Times in ms around the turn, drawn between `fromMs` and `toMs`. */
export function stepPath(
  trace: readonly (readonly [number, number])[],
  box: { readonly fromMs: number; readonly toMs: number; readonly width: number; readonly height: number },
): string {
  const { fromMs, toMs, width, height } = box
  const before = trace.findLast(([atMs]) => atMs <= fromMs)
  const seen = trace.filter(([atMs]) => atMs > fromMs && atMs <= toMs)
  const points = before ? [[fromMs, before[1]] as const, ...seen] : seen
  if (points.length === 0) return ''
  const values = points.map(([, value]) => value)
  const low = Math.min(...values)
  const high = Math.max(...values)
  const x = (atMs: number): string => (((atMs - fromMs) / (toMs - fromMs)) * width).toFixed(1)
  const y = (value: number): string =>
    (high === low ? height / 2 : height - 3 - ((value - low) / (high - low)) * (height - 6)).toFixed(1)
  const [first, ...rest] = points
  const steps = rest.map(([atMs, value]) => `H${x(atMs)}V${y(value)}`)
  return `M${x(first![0])} ${y(first![1])}${steps.join('')}`
}
