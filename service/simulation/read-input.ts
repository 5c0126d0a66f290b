import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { EdgeError } from '#contract/errors.ts'
import { parseCsvInput } from './csv.ts'
import type { Inputs } from './series.ts'

/** Reads a CSV file, also one ending in .gz; see parseCsvInput. Throws EdgeError config.invalid. */
export function readCsvInput(file: string, rename: ReadonlyMap<string, string>): Inputs {
  let text: string
  try {
    const bytes = readFileSync(file)
    text = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')
  } catch (error) {
    throw new EdgeError('config.invalid', `${file} cannot be read: ${error instanceof Error ? error.message : ''}`, {
      cause: error,
    })
  }
  return parseCsvInput(text, file, rename)
}
