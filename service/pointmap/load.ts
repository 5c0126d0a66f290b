import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { EdgeError } from '#contract/errors.ts'
import { type PointMap, pointMap } from '#contract/point-map.ts'
import { mapId } from '#contract/site-device.ts'
import { nearest } from '../domain/nearest.ts'
import { parseYamlWith } from '../domain/yaml-document.ts'
import { type YamlProblem, type YamlSource, maxYamlLength, problemsText } from '../domain/yaml-source.ts'
import { lintMap } from './lint.ts'
import type { EffectiveMap, LoadedMap } from './types.ts'

/** Text and name of the file of a map, or undefined when there is none. */
export type LoadBase = (id: string) => { readonly text: string; readonly file: string } | undefined

/** Where maps come from. */
export interface MapLibrary {
  readonly open: LoadBase
  /** Names of all maps, for help. */
  ids(): readonly string[]
}

/** The maps of folders; of two with the same name, the one in the first folder. */
export function folderLibrary(folders: readonly string[]): MapLibrary {
  return { open: (id) => mapFileIn(id, folders), ids: () => [...new Set(folders.flatMap(listMaps))] }
}

export type MapCheck =
  | { readonly loaded: LoadedMap; readonly problems?: undefined }
  | { readonly problems: readonly YamlProblem[]; readonly loaded?: undefined }

const deepestFamily = 8

/** Loads `maker/model` from the first folder that has it. Throws `map.not-found` or `map.invalid`. */
export function loadPointMap(id: string, folders: readonly string[]): LoadedMap {
  const open: LoadBase = (wanted) => mapFileIn(wanted, folders)
  const found = mapId.safeParse(id).success ? open(id) : undefined
  if (!found) {
    const hint = nearest(id, folders.flatMap(listMaps))
    const known = hint ? `; did you mean "${hint}"?` : ''
    throw new EdgeError('map.not-found', `there is no point map "${id}" under ${folders.join(' or ')}${known}`)
  }
  return parsePointMap(found.text, found.file, open)
}

/** Names of all maps in a folder. */
export function listMaps(folder: string): string[] {
  let files: string[]
  try {
    files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  } catch {
    return []
  }
  return files
    .map((file) => file.replaceAll('\\', '/').replace(/\.yaml$/, ''))
    .filter((id, index) => files[index]!.endsWith('.yaml') && mapId.safeParse(id).success)
    .toSorted()
}

/** The file of a map in the first folder that has it. Throws `map.invalid` when it is too large. */
export function mapFileIn(
  id: string,
  folders: readonly string[],
): { readonly text: string; readonly file: string } | undefined {
  for (const folder of folders) {
    const file = join(folder, `${id}.yaml`)
    let size: number
    try {
      size = statSync(file).size
    } catch {
      continue
    }
    if (size > maxYamlLength * 4) throw new EdgeError('map.invalid', `${file}: the file is larger than 1 MB`)
    return { text: readFileSync(file, 'utf8'), file }
  }
  return undefined
}

/** Parses a map and what it extends. Throws `map.invalid` with the first problems as `file:line:column: message`. */
export function parsePointMap(text: string, file: string, loadBase: LoadBase): LoadedMap {
  const check = checkPointMap(text, file, loadBase)
  if (check.problems) throw new EdgeError('map.invalid', problemsText(check.problems))
  return check.loaded
}

/** Like `parsePointMap`, but returns every problem instead of throwing. */
export function checkPointMap(text: string, file: string, loadBase: LoadBase): MapCheck {
  const result = compose(text, file, loadBase, [file])
  if (result.problems) return result
  const content = JSON.stringify(result.map, sortedKeys)
  const hash = createHash('sha256').update(content).digest('hex')
  return { loaded: { id: idOf(file), file, map: result.map, hash } }
}

type Composed =
  | { readonly map: EffectiveMap; readonly problems?: undefined }
  | { readonly problems: readonly YamlProblem[]; readonly map?: undefined }

function compose(text: string, file: string, loadBase: LoadBase, chain: readonly string[]): Composed {
  const parsed = parseYamlWith(pointMap, text, file)
  if (parsed.problems) return { problems: parsed.problems }
  const { value, source } = parsed
  if (value.extends === undefined) return linted(effective(value), source)
  const refuse = (message: string): Composed => ({ problems: [source.problem(['extends'], message)] })
  const base = loadBase(value.extends)
  if (!base) return refuse(`there is no point map "${value.extends}"`)
  if (chain.includes(base.file))
    return refuse(`the maps extend each other in a circle: ${[...chain, base.file].join(' -> ')}`)
  if (chain.length >= deepestFamily) return refuse(`more than ${deepestFamily} maps extend one another`)
  const inherited = compose(base.text, base.file, loadBase, [...chain, base.file])
  if (inherited.problems) return inherited
  return linted(effective(value, inherited.map), source)
}

function linted(map: EffectiveMap, source: YamlSource): Composed {
  const problems = lintMap(map, source)
  return problems.length > 0
    ? { problems: problems.toSorted((a, b) => a.line - b.line || a.column - b.column) }
    : { map }
}

/** Lists replace the inherited ones; settings are merged key by key; points and commands are replaced one by one. */
function effective(own: PointMap, base?: EffectiveMap): EffectiveMap {
  const { extends: _, points, derived, commands, ...rest } = own
  return {
    ...base,
    ...rest,
    ...merged('connection', own, base),
    ...merged('quirks', own, base),
    ...merged('defaults', own, base),
    ...merged('poll', own, base),
    points: withoutNulls({ ...base?.points, ...points }),
    derived: withoutNulls({ ...base?.derived, ...derived }),
    commands: withoutNulls({ ...base?.commands, ...commands }),
  }
}

function merged(key: 'connection' | 'quirks' | 'defaults' | 'poll', own: PointMap, base?: EffectiveMap) {
  return own[key] || base?.[key] ? { [key]: { ...base?.[key], ...own[key] } } : {}
}

function withoutNulls<T>(entries: Readonly<Record<string, T | null>>): Record<string, T> {
  const kept: Record<string, T> = {}
  for (const [key, value] of Object.entries(entries)) if (value !== null) kept[key] = value
  return kept
}

/** Makes the hash independent of the order of keys. The order of points has no meaning. */
function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** `pointmaps/eastron/sdm630.yaml` is `eastron/sdm630`. */
function idOf(file: string): string {
  return file
    .replaceAll('\\', '/')
    .replace(/\.yaml$/, '')
    .split('/')
    .slice(-2)
    .join('/')
}
