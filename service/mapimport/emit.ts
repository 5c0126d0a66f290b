import type { PointMap } from '#contract/point-map.ts'
import { maxYamlLength } from '../domain/yaml-source.ts'
import type { Assembled, Named } from './assemble.ts'
import { oneLine, type Skipped } from './types.ts'

/** What is written around the points of a draft, for people. */
export interface EmitNotes {
  readonly file: string
  readonly format: string
  readonly assumptions: readonly string[]
  readonly kept: readonly { readonly place: string; readonly key: string; readonly value: string }[]
}

const plainWord = /^[A-Za-z$][A-Za-z0-9_$/-]*$/
const reserved = /^(null|true|false|yes|no|on|off|y|n|~)$/i

function scalar(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  const text = String(value)
  return plainWord.test(text) && !reserved.test(text) ? text : JSON.stringify(text)
}

const keyText = (key: string): string =>
  /^[A-Za-z][A-Za-z0-9.]*$/.test(key) && !reserved.test(key) ? key : JSON.stringify(key)

/** A value in one line, as the maps of the library are written. */
export function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`
  if (typeof value !== 'object' || value === null) return scalar(value)
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined)
  return entries.length === 0
    ? '{}'
    : `{ ${entries.map(([key, inner]) => `${keyText(key)}: ${flow(inner)}`).join(', ')} }`
}

const comment = (indent: string, text: string): string => `${indent}# ${oneLine(text, 240)}\n`

/** The text of a draft. What has no key in a map stands as comments at its place, as far as the file may grow. */
export function emitDraft({ map, points, skipped }: Assembled, notes: EmitNotes): string {
  const head = headOf(map, notes)
  const bodies = points.map((entry) => pointText(entry))
  const derived = Object.entries(map.derived ?? {}).map(([name, value]) => `  ${keyText(name)}: ${flow(value)}\n`)
  const fixed = head.length + bodies.reduce((sum, { line }) => sum + line.length, 0) + derived.join('').length
  // Half of what is left for the points, the rest for what was left out.
  let room = maxYamlLength - fixed - 20_000
  const parts = [head, 'points:\n']
  for (const { remarks, line } of bodies) {
    if (remarks.length <= room) {
      parts.push(remarks)
      room -= remarks.length
    }
    parts.push(line)
  }
  if (derived.length > 0) parts.push('\nderived:\n', ...derived)
  parts.push(...leftOut(skipped, room))
  return parts.join('')
}

function headOf(map: PointMap, { file, format, assumptions, kept }: EmitNotes): string {
  const lines = [
    '# yaml-language-server: $schema=../schema.json\n',
    comment('', `Imported from ${file} (${format}). Prove every value on the device before it is used.`),
    ...assumptions.slice(0, 40).map((text) => comment('', `Assumed: ${text}`)),
    ...kept.slice(0, 200).map(({ place, key, value }) => comment('', `Not used here (${place}) ${key}: ${value}`)),
    `format: 1\nmaker: ${scalar(map.maker)}\nmodel: ${scalar(map.model)}\nkind: ${map.kind}\n\n`,
  ]
  for (const key of ['connection', 'quirks', 'defaults'] as const)
    if (map[key] !== undefined) lines.push(`${key}: ${flow(map[key])}\n`)
  return `${lines.join('')}\n`
}

function pointText({ name, point, from, kept }: Named): { readonly remarks: string; readonly line: string } {
  const address = from.originalAddress === undefined ? '' : `, address ${from.originalAddress}`
  const remarks = [
    comment('  ', `${from.place}: ${oneLine(from.original, 120)}${address}`),
    ...kept.map(([key, value]) => comment('  ', `  ${key}: ${value}`)),
  ]
  return { remarks: remarks.join(''), line: `  ${keyText(name)}: ${flow(point)}\n` }
}

function leftOut(skipped: readonly Skipped[], room: number): string[] {
  if (skipped.length === 0) return []
  const lines = ['\n', comment('', `Not imported, ${skipped.length} in all:`)]
  let left = room
  for (const [index, { place, original, reason }] of skipped.entries()) {
    const line = comment('', `  ${place} ${original}: ${reason}`)
    left -= line.length
    if (left < 0) {
      lines.push(comment('', `  and ${skipped.length - index} more; see the report`))
      break
    }
    lines.push(line)
  }
  return lines
}
