import type { MapLine, MapProblem, MapValue, MapValues } from '#contract/map-editor.ts'
import { emDash } from '../../format/number.ts'
import { formatReading } from '../../format/quantity.ts'
import { formatAge } from '../../format/time.ts'
import { t } from '../../i18n.ts'
import type { LineValue } from './editor/live-values.ts'
import type { Shape } from './editor/shapes.ts'

/** How well a point is known, the best first. */
export const trusts = ['verified', 'plausible', 'unread', 'stale', 'refused'] as const
export type Trust = (typeof trusts)[number]

/** Signs that a person has verified on this site, besides what the map itself claims. */
export function trustOf(line: MapLine, value: MapValue | undefined, signs: ReadonlySet<string>): Trust {
  if (value?.quality === 'bad') return 'refused'
  if (value?.quality === 'stale') return 'stale'
  if (signs.has(line.name) || line.confidence === 'verified') return 'verified'
  return value?.quality === 'good' ? 'plausible' : 'unread'
}

export const trustShape = {
  verified: 'verified',
  plausible: 'good',
  unread: 'unknown',
  stale: 'degraded',
  refused: 'fault',
} as const satisfies Record<Trust, Shape>

/** The values as they stand beside their lines. */
export function lineValues(
  lines: readonly MapLine[],
  live: MapValues,
  signs: ReadonlySet<string>,
): ReadonlyMap<string, LineValue> {
  const values = new Map(live.values.map((value) => [value.name, value]))
  return new Map(
    lines.map((line) => {
      const value = values.get(line.name)
      const shown = formatReading(value?.value, line.unit, t('points.noFlags'))
      const recorded = live.from === 'recorded'
      return [
        line.name,
        {
          ...shown,
          age: recorded
            ? t('maps.recordedShort')
            : value?.atMs === undefined
              ? emDash
              : formatAge(live.nowMs - value.atMs),
          shape: trustShape[trustOf(line, value, signs)],
          old: recorded || value?.quality === 'stale',
        },
      ]
    }),
  )
}

/** What the device says against the text: values that it refuses, or that cannot be. A warning, because the device may change. */
export function liveProblems(text: string, lines: readonly MapLine[], live: MapValues): MapProblem[] {
  const values = new Map(live.values.map((value) => [value.name, value]))
  const starts = lineStarts(text)
  return lines.flatMap(({ name, line }): MapProblem[] => {
    const value = values.get(name)
    if (line === null || value?.quality !== 'bad' || value.reason === undefined || value.reason === 'not available')
      return []
    const from = starts[line - 1]
    const refused = value.raw === undefined && from !== undefined && onOneLine(text, from)
    return [
      {
        line,
        column: 1,
        severity: 'warning',
        message: value.reason,
        path: `points.${name}`,
        ...(refused && { fix: { title: t('maps.commentOut'), edits: [{ from, to: from, insert: '# ' }] } }),
      },
    ]
  })
}

function lineStarts(text: string): number[] {
  const starts = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}

function onOneLine(text: string, from: number): boolean {
  const end = text.indexOf('\n', from)
  const line = text.slice(from, end < 0 ? text.length : end)
  return /\{.*\}\s*(#.*)?$/.test(line)
}
