import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseCommandLine, UsageError } from '../args.ts'
import { parseYamlWith } from '../domain/yaml-document.ts'
import { maxYamlLength, problemsText, type YamlProblem } from '../domain/yaml-source.ts'
import { checkPointMap } from '../pointmap/load.ts'
import { sunspecModel } from '../pointmap/sunspec/models.ts'
import { createLibrary } from './library.ts'
import { mapFlags } from './options.ts'
import { clean, plural } from './table.ts'
import { exitCode, type Terminal } from './terminal.ts'

/** Definitions of SunSpec models have a form of their own. */
const modelFile = /sunspec[\\/]models[\\/][^\\/]+\.yaml$/

/** Checks files, and all files of folders. Prints each problem as file:line:column, what is wrong and what is allowed. */
export function lint(args: string[], { out }: Terminal): number {
  const { values, positionals } = parseCommandLine({
    args,
    options: { ...mapFlags, json: { type: 'boolean' } },
    strict: true,
    allowPositionals: true,
  })
  if (positionals.length === 0) throw new UsageError('name the files or folders to check')
  const { folders } = createLibrary(values.maps)
  const files = positionals.flatMap(filesIn)
  const problems = files.flatMap((file) => check(file, folders))
  if (values.json) out(`${JSON.stringify({ files: files.length, problems })}\n`)
  else {
    if (problems.length > 0) out(`${clean1(problemsText(problems, problems.length))}\n`)
    out(
      problems.length > 0
        ? `${plural(problems.length, 'problem')} in ${plural(files.length, 'file')}\n`
        : `${plural(files.length, 'file')} without a problem\n`,
    )
  }
  return problems.length > 0 ? exitCode.failed : exitCode.done
}

const clean1 = (text: string): string => text.split('\n').map(clean).join('\n')

function filesIn(path: string): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path]
    return readdirSync(path, { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.ya?ml$/.test(name))
      .toSorted()
      .map((name) => join(path, name))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code ?? 'unknown reason'})`
    throw new UsageError(`${path} ${why}`, { cause: error })
  }
}

function check(file: string, folders: readonly string[]): readonly YamlProblem[] {
  const refuse = (message: string): YamlProblem[] => [{ file, line: 1, column: 1, path: '', message }]
  if (!file.endsWith('.yaml')) return refuse('the name of a point map ends in .yaml')
  let text: string
  try {
    // Before it is read: a file can be larger than memory.
    if (statSync(file).size > maxYamlLength * 4) return refuse('the file is larger than 1 MB')
    text = readFileSync(file, 'utf8')
  } catch (error) {
    return refuse(`the file cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (modelFile.test(file)) return parseYamlWith(sunspecModel, text, file).problems ?? []
  // Its family is beside it, in its own folder of maps, before it is anywhere else.
  const own = dirname(dirname(resolve(file)))
  return checkPointMap(text, file, (id) => firstMap(id, [own, ...folders])).problems ?? []
}

function firstMap(id: string, folders: readonly string[]): { text: string; file: string } | undefined {
  for (const folder of folders) {
    const file = join(folder, `${id}.yaml`)
    try {
      if (statSync(file).size <= maxYamlLength * 4) return { text: readFileSync(file, 'utf8'), file }
    } catch {
      continue
    }
  }
  return undefined
}
