import type { CheckTrace } from '#contract/checks.ts'

const width = 520
const height = 170
const left = 52
const right = 10
const top = 10
const bottom = 24
const colours = ['#10693a', '#5a3fc4', '#8f5e00', '#0a57a8', '#4c5b69', '#ad1a17']
/** Points of one line; more cannot be told apart at this size. */
const mostPoints = 600

interface Line {
  readonly points: readonly { readonly tMs: number; readonly value: number }[]
  readonly name: string
  readonly colour: string
  readonly dashed: boolean
  readonly stepped: boolean
}

/** The trace of a check as a drawing for page and paper; undefined where there is nothing to draw. */
export function drawTrace({ command, lanes, band, marks }: CheckTrace): string | undefined {
  const unit = lanes[0]?.unit
  const lines: Line[] = [
    { points: command, name: '', colour: '#0b131c', dashed: true, stepped: true },
    // One scale only: what has another unit would lie about its size.
    ...lanes
      .filter((lane) => lane.unit === unit)
      .map(({ samples, deviceName }, at) => ({
        points: thinned(samples),
        name: deviceName,
        colour: colours[at % colours.length] ?? '#000',
        dashed: false,
        stepped: false,
      })),
  ].filter(({ points }) => points.length > 0)
  const all = lines.flatMap(({ points }) => points)
  if (lanes.length === 0 || all.length < 2) return undefined
  const values = [...all.map(({ value }) => value), ...(band ? [band.low, band.high] : [])]
  const [minT, maxT] = [Math.min(...all.map(({ tMs }) => tMs)), Math.max(...all.map(({ tMs }) => tMs))]
  const [low, high] = padded(Math.min(...values), Math.max(...values))
  const x = (tMs: number): number => round(left + ((tMs - minT) / Math.max(1, maxT - minT)) * (width - left - right))
  const y = (value: number): number => round(top + (1 - (value - low) / (high - low)) * (height - top - bottom))
  const ticks = roundSteps(low, high, 5)
  const times = roundSteps(minT / 1000, maxT / 1000, 8).map((seconds) => seconds * 1000)
  const parts = [
    ...(band
      ? [
          `<rect x="${left}" y="${y(band.high)}" width="${width - left - right}" height="${round(Math.max(1, y(band.low) - y(band.high)))}" fill="#e0f3e8"/>`,
        ]
      : []),
    ...ticks.map(
      (value) =>
        `<line x1="${left}" y1="${y(value)}" x2="${width - right}" y2="${y(value)}" stroke="#d3dae1" stroke-width="0.6"/>` +
        `<text x="${left - 5}" y="${y(value) + 3}" font-size="8" text-anchor="end" fill="#364453">${label(value)}</text>`,
    ),
    ...times.map(
      (tMs) =>
        `<text x="${x(tMs)}" y="${height - 10}" font-size="8" text-anchor="middle" fill="#364453">${label(tMs / 1000)}</text>`,
    ),
    `<text x="${width - right}" y="${height - 1}" font-size="8" text-anchor="end" fill="#364453">s</text>`,
    `<text x="${left - 5}" y="${height - 1}" font-size="8" text-anchor="end" fill="#364453">${escapeXml(unit ?? '')}</text>`,
    ...lines.map(
      ({ points, colour, dashed, stepped }) =>
        `<path d="${path(points, x, y, stepped, maxT)}" fill="none" stroke="${colour}" stroke-width="1.3"${dashed ? ' stroke-dasharray="4 3"' : ''}/>`,
    ),
    ...lines
      .filter(({ dashed }) => !dashed)
      .map(
        ({ colour, name }, at) =>
          `<line x1="${left + 8}" y1="${top + 6 + at * 11}" x2="${left + 22}" y2="${top + 6 + at * 11}" stroke="${colour}" stroke-width="1.6"/>` +
          `<text x="${left + 26}" y="${top + 9 + at * 11}" font-size="8" fill="#0b131c">${escapeXml(name)}</text>`,
      ),
    ...marks.map(({ tMs, value }) => `<circle cx="${x(tMs)}" cy="${y(value)}" r="2.4" fill="#0b131c"/>`),
  ]
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="Roboto, sans-serif">${parts.join('')}</svg>`
}

/** Round numbers between two bounds, about `count` of them. */
function roundSteps(low: number, high: number, count: number): number[] {
  const raw = (high - low) / count
  const size = 10 ** Math.floor(Math.log10(raw))
  const step = size * ([1, 2, 5, 10].find((factor) => factor * size >= raw) ?? 10)
  const first = Math.ceil(low / step)
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, at) => (first + at) * step)
}

const round = (value: number): number => Math.round(value * 10) / 10

function padded(low: number, high: number): readonly [number, number] {
  const room = high === low ? Math.max(1, Math.abs(high) * 0.1) : (high - low) * 0.08
  return [low - room, high + room]
}

function label(value: number): string {
  const size = Math.abs(value)
  return size >= 100 ? value.toFixed(0) : value.toFixed(size >= 10 ? 1 : 2).replace(/\.?0+$/, '')
}

function thinned(samples: Line['points']): Line['points'] {
  const every = Math.ceil(samples.length / mostPoints)
  return samples.filter((_, at) => at % every === 0 || at === samples.length - 1)
}

function path(
  points: Line['points'],
  x: (tMs: number) => number,
  y: (value: number) => number,
  stepped: boolean,
  endMs: number,
): string {
  let text = ''
  for (const { tMs, value } of points) {
    if (text === '') text = `M${x(tMs)} ${y(value)}`
    else text += stepped ? `H${x(tMs)}V${y(value)}` : `L${x(tMs)} ${y(value)}`
  }
  return stepped ? `${text}H${x(endMs)}` : text
}

/** Text inside of markup. */
export const escapeXml = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (sign) => `&#${sign.codePointAt(0) ?? 63};`)
