import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type MapImportOptions, mapImportOptions, type MapImportResult, mapImportResult } from '#contract/map-import.ts'
import { importMap } from '../../../service/mapimport/import-map.ts'
import { checkPointMap } from '../../../service/pointmap/load.ts'
import type { LoadedMap } from '../../../service/pointmap/types.ts'

/** Maps of other programs. They are read from there and never copied into the project. */
export const foreignFolder = resolve(import.meta.dirname, '../../../../shared/data/foreign-maps')
export const haveForeign = existsSync(foreignFolder)

export const foreignFiles = (): string[] =>
  haveForeign
    ? readdirSync(foreignFolder, { recursive: true, encoding: 'utf8' })
        .filter((name) => /\.[a-z]+$/.test(name) && !name.includes('LICENSE'))
        .toSorted()
    : []

export async function importBytes(
  bytes: Uint8Array,
  name: string,
  options: Partial<MapImportOptions> = {},
): Promise<MapImportResult> {
  const result = await importMap({ bytes, name, options: mapImportOptions.parse(options) })
  return mapImportResult.parse(result)
}

export const importText = (
  text: string,
  name: string,
  options: Partial<MapImportOptions> = {},
): Promise<MapImportResult> => importBytes(new TextEncoder().encode(text), name, options)

export const importForeign = (name: string, options: Partial<MapImportOptions> = {}): Promise<MapImportResult> =>
  importBytes(readFileSync(join(foreignFolder, name)), name, options)

/** The draft as the service would load it. */
export function load(result: MapImportResult): LoadedMap {
  if (result.verdict === 'refused') throw new Error(`${result.place}: ${result.reason}`)
  const check = checkPointMap(result.draft, 'imported/draft.yaml', () => undefined)
  if (check.problems) throw new Error(JSON.stringify(check.problems[0]))
  return check.loaded
}

export function refusal(result: MapImportResult): string {
  if (result.verdict === 'imported') throw new Error('it was imported')
  return `${result.place}: ${result.reason}`
}
