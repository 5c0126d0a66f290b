import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isAlias, parseDocument, visit } from 'yaml'
import type { YamlProblem } from '../domain/yaml-source.ts'
import { lineStarts, placeOf, readSource } from './source.ts'

/** Aliases of a YAML text: allowed within bounds, but what they stand for cannot be changed place by place. */
export function sharedPlaces(text: string, file: string): YamlProblem[] {
  // What is beyond the bounds is refused elsewhere and not even looked at here.
  if (file.endsWith('.toml') || readSource(text, file).problems) return []
  const starts = lineStarts(text)
  const found: YamlProblem[] = []
  visit(parseDocument(text), {
    Alias(_key, node) {
      if (!isAlias(node)) return
      const message = `*${node.source} repeats what another place says; the app and the wizard cannot change it here: write it out`
      found.push({ file, ...placeOf(starts, node.range?.[0] ?? 0), path: '', message })
    },
  })
  return found
}

/** Files of secrets/ that others than their owner may read. */
export async function exposedSecrets(folder: string): Promise<YamlProblem[]> {
  if (process.platform === 'win32') return []
  const names = await readdir(join(folder, 'secrets')).catch(() => [])
  const found: YamlProblem[] = []
  for (const name of names.slice(0, 200)) {
    const file = join(folder, 'secrets', name)
    const mode = (await stat(file).catch(() => undefined))?.mode ?? 0
    if ((mode & 0o077) !== 0)
      found.push({ file, line: 1, column: 1, path: '', message: 'others may read this secret; chmod 600 it' })
  }
  return found
}
