import type { z } from 'zod'
import { EdgeError, type ErrorCode } from '#contract/errors.ts'
import { parseYamlWith } from '../domain/yaml-document.ts'
import { problemsText } from '../domain/yaml-source.ts'

/** The value of a YAML file that fits its schema, or one error that names every place that does not. */
export function checkedYaml<S extends z.ZodType>(schema: S, text: string, file: string, code: ErrorCode): z.output<S> {
  const parsed = parseYamlWith(schema, text, file)
  if (parsed.problems) throw new EdgeError(code, problemsText(parsed.problems))
  return parsed.value
}
