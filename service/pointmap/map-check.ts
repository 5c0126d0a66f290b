import type { MapLine, MapProblem } from '#contract/map-editor.ts'
import { pointTitle } from '#contract/metrics.ts'
import { readYaml, type YamlProblem } from '../domain/yaml-source.ts'
import { checkPointMap, type LoadBase } from './load.ts'
import { createFixer } from './map-fixes.ts'
import { placeOf } from './point-types.ts'
import type { EffectiveMap, LoadedMap } from './types.ts'
import { metricOf, pointUnit } from './units.ts'

export interface CheckedText {
  /** Undefined when there are errors. */
  readonly loaded: LoadedMap | undefined
  readonly problems: readonly MapProblem[]
  readonly points: readonly MapLine[]
  /** The line of something in the text; null when it stands in a map that this one extends. */
  readonly lineOf: (path: readonly string[]) => number | null
}

const mostProblems = 200

/** Reads the text of a map as its editor wants it: every problem with its place and cure, and every point with its line. */
export function checkMapText(id: string, text: string, loadBase: LoadBase): CheckedText {
  const file = `${id}.yaml`
  const checked = checkPointMap(text, file, loadBase)
  const fixOf = createFixer(text)
  const problems = (checked.problems ?? [])
    .slice(0, mostProblems)
    .map((problem) => (problem.file === file ? message(problem, fixOf) : inherited(problem)))
  const { source } = readYaml(text, file)
  const lineOf = (path: readonly string[]): number | null => {
    if (!source || !holds(source.data, path)) return null
    return source.locate(path, 'key').line
  }
  const map = checked.loaded?.map
  return { loaded: checked.loaded, problems, points: map ? pointsOf(map, lineOf) : [], lineOf }
}

function message(problem: YamlProblem, fixOf: ReturnType<typeof createFixer>): MapProblem {
  const { file: _file, message: text, path, allowed, ...place } = problem
  const fix = fixOf(problem)
  return {
    ...place,
    severity: 'error',
    message: text.slice(0, 1000),
    path: path.slice(0, 500),
    ...(allowed && { allowed: allowed.slice(0, 100).map((word) => word.slice(0, 200)) }),
    ...(fix && { fix: { title: fix.title.slice(0, 200), edits: [...fix.edits] } }),
  }
}

/** What is wrong in a map that this one extends is not corrected here. */
function inherited({ file, line, message: text }: YamlProblem): MapProblem {
  const name = file.replaceAll('\\', '/').split('/').slice(-2).join('/')
  return {
    line: 1,
    column: 1,
    severity: 'error',
    message: `in ${name}, which it extends, line ${line}: ${text}`.slice(0, 1000),
    path: 'extends',
  }
}

function holds(data: unknown, path: readonly string[]): boolean {
  let value = data
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return false
    value = Object.getOwnPropertyDescriptor(value, key)?.value
  }
  return true
}

function pointsOf(map: EffectiveMap, lineOf: CheckedText['lineOf']): MapLine[] {
  const { defaults } = map
  const measured = Object.entries(map.points).map(([name, point]): MapLine => {
    const { function: fn, type } = placeOf(point, defaults)
    const trust = point.confidence ?? defaults?.confidence
    const order = point.wordOrder ?? defaults?.wordOrder
    const bytes = point.byteOrder ?? defaults?.byteOrder
    const first = typeof point.address === 'object' ? point.address[0] : point.address
    return {
      name,
      title: point.title ?? pointTitle(name),
      unit: pointUnit(metricOf(name), point.unit),
      line: lineOf(['points', name]),
      derived: false,
      ...(point.sunspec ? {} : { function: fn, ...(first !== undefined && { address: first }), ...(type && { type }) }),
      ...(order && { wordOrder: order }),
      ...(bytes && { byteOrder: bytes }),
      ...(point.scale !== undefined && { scale: point.scale }),
      pollGroup: point.pollGroup ?? (metricOf(name).type === 'text' ? 'once' : (defaults?.pollGroup ?? 'normal')),
      ...(trust && { confidence: trust }),
      ...(point.source && { source: point.source }),
      ...(point.note && { note: point.note }),
    }
  })
  const computed = Object.entries(map.derived).map(([name, { title, note }]): MapLine => ({
    name,
    title: title ?? pointTitle(name),
    unit: metricOf(name).unit,
    line: lineOf(['derived', name]),
    derived: true,
    ...(note && { note }),
  }))
  return [...measured, ...computed]
}
