import { parse, TomlError } from 'smol-toml'
import { maxYamlLength, readYaml, type YamlRead, type YamlSource } from '../domain/yaml-source.ts'
import { tomlSpots } from './toml-spots.ts'

const maxDepth = 40

/** Reads a YAML file, or a TOML file by its name; never throws for what it contains. */
export function readSource(text: string, file: string): YamlRead {
  return file.endsWith('.toml') ? readToml(text, file) : readYaml(text, file)
}

/** Reads a TOML file strictly, with bounds of size and depth. */
function readToml(text: string, file: string): YamlRead {
  const refuse = (message: string, line = 1, column = 1): YamlRead => ({
    problems: [{ file, line, column, path: '', message }],
  })
  if (text.length > maxYamlLength) return refuse(`the file is larger than ${maxYamlLength / 1_000_000} MB`)
  if (text.trim() === '') return refuse('the file is empty')
  let data: unknown
  try {
    data = parse(text, { maxDepth, unsafeKeyBehaviour: 'throw' })
  } catch (error) {
    if (error instanceof TomlError) return refuse(tomlMessage(error.message), error.line, error.column)
    if (error instanceof RangeError) return refuse('the file is nested too deeply')
    throw error
  }
  const spots = tomlSpots(text)
  const starts = lineStarts(text)
  const locate: YamlSource['locate'] = (path, at = 'value') => {
    for (let length = path.length; length >= 0; length -= 1) {
      const spot = spots.get(path.slice(0, length))
      if (!spot) continue
      const shown = at === 'value' && spot.kind === 'scalar' && length === path.length
      return placeOf(starts, shown ? spot.value[0] : spot.key[0])
    }
    return { line: 1, column: 1 }
  }
  return {
    source: {
      file,
      data,
      locate,
      problem: (path, message, options = {}) => ({
        file,
        ...locate(path, options.at),
        path: path.map(String).join('.'),
        message,
        ...(options.allowed && { allowed: options.allowed }),
      }),
    },
  }
}

/** The library's messages begin with "Invalid TOML document: " and end with an excerpt. */
function tomlMessage(message: string): string {
  return (message.split('\n', 1)[0] ?? message).replace(/^Invalid TOML document: /, '')
}

/** Offsets at which the lines of a text begin. */
export function lineStarts(text: string): readonly number[] {
  const starts = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}

/** 1-based line and column of an offset. */
export function placeOf(starts: readonly number[], offset: number): { readonly line: number; readonly column: number } {
  let low = 0
  let high = starts.length - 1
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (starts[middle]! <= offset) low = middle
    else high = middle - 1
  }
  return { line: low + 1, column: offset - starts[low]! + 1 }
}
