import { existsSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { mapExportFormat } from '#contract/map-import.ts'
import { parseCommandLine, UsageError } from '../args.ts'
import { exportMap } from '../mapimport/export-map.ts'
import type { LoadedMap } from '../pointmap/types.ts'
import { createLibrary } from './library.ts'
import { mapFlags } from './options.ts'
import { oneLine } from '../mapimport/types.ts'
import { CommandFailure, exitCode, type Terminal } from './terminal.ts'

/** Writes a map as CSV or for Home Assistant, and says what that format cannot. */
export function exportFile(args: string[], { out, err }: Terminal): number {
  const { values, positionals } = parseCommandLine({
    args,
    options: { ...mapFlags, format: { type: 'string' }, out: { type: 'string' }, json: { type: 'boolean' } },
    strict: true,
    allowPositionals: true,
  })
  const [name, ...more] = positionals
  if (name === undefined || more.length > 0) throw new UsageError('name one map, such as eastron/sdm630, or a file')
  const format = mapExportFormat.safeParse(values.format)
  if (!format.success) throw new UsageError(`--format: choose ${mapExportFormat.options.join(' or ')}`)
  const result = exportMap(find(name, values.maps), format.data)
  if (values.out !== undefined) write(values.out, result.text)
  if (values.json) out(`${JSON.stringify(result)}\n`)
  else {
    if (values.out === undefined) out(result.text)
    for (const { point, reason } of result.left) err(`not exported: ${oneLine(point)} ${oneLine(reason)}\n`)
  }
  return exitCode.done
}

function find(name: string, own: readonly string[] | undefined): LoadedMap {
  if (!name.endsWith('.yaml')) return createLibrary(own).load(name)
  const file = resolve(name)
  if (!existsSync(file)) throw new UsageError(`${name} does not exist`)
  const folder = dirname(dirname(file))
  return createLibrary([folder, ...(own ?? [])]).load(
    file.slice(folder.length + 1, -'.yaml'.length).replaceAll('\\', '/'),
  )
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text, { flag: 'wx' })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const why =
      code === 'EEXIST' ? 'exists already; choose another name' : `cannot be written (${code ?? 'unknown reason'})`
    throw new CommandFailure(exitCode.failed, `${path} ${why}`, { cause: error })
  }
}
