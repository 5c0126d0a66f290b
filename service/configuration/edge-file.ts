import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { edgeFile, type EdgeFile } from '#contract/configuration.ts'
import { EdgeError } from '#contract/errors.ts'
import { checkSource } from '../domain/yaml-document.ts'
import { problemsText, type YamlProblem, type YamlSource } from '../domain/yaml-source.ts'
import { readText } from './read-text.ts'
import { findSecret } from './secrets.ts'
import { readSource } from './source.ts'

/** Settings of an installation as its file has them. */
export interface EdgeFileRead {
  readonly file: string
  readonly values: EdgeFile
  readonly source: YamlSource
}

/** Whether automatic control is on is kept in a file of the same name in the data folder, which may be the same one. */
const ofControl = new Set(['enable_control', 'dry_run'])

/** edge.yaml or edge.toml of a folder; undefined when there is none. Rejects with config.invalid: place and cure. */
export async function readEdgeFile(folder: string): Promise<EdgeFileRead | undefined> {
  const found: string[] = []
  for (const name of ['edge.yaml', 'edge.toml']) {
    const isFile = await stat(join(folder, name)).then(
      (entry) => entry.isFile(),
      () => false,
    )
    if (isFile) found.push(join(folder, name))
  }
  const [file] = found
  if (file === undefined) return undefined
  if (found.length > 1)
    throw new EdgeError(
      'config.invalid',
      `${folder} has both edge.yaml and edge.toml; keep one and move the other away`,
    )
  const parsed = parseEdgeFile(await readText(file), file)
  if (parsed === undefined) return undefined
  if ('problems' in parsed) throw new EdgeError('config.invalid', problemsText(parsed.problems))
  return parsed
}

/** Reads the text of edge.yaml or edge.toml; undefined when it is the file of the data folder. Never throws for what it holds. */
export function parseEdgeFile(
  text: string,
  file: string,
): EdgeFileRead | { readonly problems: readonly YamlProblem[] } | undefined {
  const secret = findSecret(text)
  if (secret) return { problems: [{ file, column: 1, path: '', ...secret }] }
  const read = readSource(text, file)
  if (read.problems) return read
  const keys = Object.keys(Object(read.source.data))
  if (keys.length > 0 && keys.every((key) => ofControl.has(key))) return undefined
  // A file of comments only sets nothing.
  if (read.source.data === null) return { file, values: {}, source: read.source }
  const checked = checkSource(edgeFile, read.source)
  return checked.problems ? checked : { file, values: checked.value, source: checked.source }
}
