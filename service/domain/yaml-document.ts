import { z } from 'zod'
import { nearest } from './nearest.ts'
import { type YamlProblem, type YamlSource, readYaml } from './yaml-source.ts'

type Issue = z.core.$ZodIssue
type Schema = z.core.$ZodType

export type YamlParsed<T> =
  | { readonly value: T; readonly source: YamlSource; readonly problems?: undefined }
  | { readonly problems: readonly YamlProblem[]; readonly value?: undefined; readonly source?: undefined }

/** More would help nobody, and finding the place of each takes time. */
const mostProblems = 100

/** Reads a YAML file and checks it against a schema; every problem carries its line, column and what is allowed. */
export function parseYamlWith<S extends z.ZodType>(schema: S, text: string, file: string): YamlParsed<z.output<S>> {
  const read = readYaml(text, file)
  return read.problems ? { problems: read.problems } : checkSource(schema, read.source)
}

/** Checks what a file holds against a schema. */
export function checkSource<S extends z.ZodType>(schema: S, source: YamlSource): YamlParsed<z.output<S>> {
  const result = schema.safeParse(source.data)
  if (result.success) return { value: result.data, source }
  const problems = result.error.issues.slice(0, mostProblems).flatMap((issue) => explain(issue, schema, source))
  return { problems: problems.toSorted((a, b) => a.line - b.line || a.column - b.column) }
}

/** Schemas that can hold at a place, with wrappers and unions taken apart. */
function unwrap(schema: Schema | undefined): Schema[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault)
    return unwrap(schema.unwrap())
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option: Schema) => unwrap(option))
  return schema ? [schema] : []
}

function schemasAt(schema: Schema, path: readonly PropertyKey[]): Schema[] {
  let here = unwrap(schema)
  for (const part of path) {
    here = here.flatMap((candidate) => {
      if (candidate instanceof z.ZodObject) return unwrap(candidate.shape[String(part)])
      if (candidate instanceof z.ZodRecord) return unwrap(candidate.valueType)
      if (candidate instanceof z.ZodArray) return unwrap(candidate.element)
      if (candidate instanceof z.ZodTuple) return unwrap(candidate.def.items[Number(part)])
      return []
    })
  }
  return here
}

function keysAt(schema: Schema, path: readonly PropertyKey[]): string[] {
  const keys = schemasAt(schema, path).flatMap((candidate) => {
    if (candidate instanceof z.ZodObject) return Object.keys(candidate.shape)
    const { keyType } = candidate instanceof z.ZodRecord ? candidate : {}
    return keyType instanceof z.ZodEnum ? keyType.options.map(String) : []
  })
  return [...new Set(keys)]
}

function valueAt(data: unknown, path: readonly PropertyKey[]): unknown {
  let value = data
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = Object.getOwnPropertyDescriptor(value, part)?.value
  }
  return value
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a mapping'
  if (typeof value === 'string') return `the text "${value.length > 40 ? `${value.slice(0, 40)}…` : value}"`
  return JSON.stringify(value)
}

const typeWords: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a mapping (key: value)',
  record: 'a mapping (key: value)',
  array: 'a list',
  tuple: 'a list',
  null: 'nothing',
}

function didYouMean(word: string, allowed: readonly string[]): string {
  const hit = nearest(word, allowed)
  return hit === undefined ? '' : `; did you mean "${hit}"?`
}

/** Turns one zod issue into problems with place and help. */
function explain(issue: Issue, schema: Schema, source: YamlSource): YamlProblem[] {
  const { path } = issue
  const found = valueAt(source.data, path)
  const at = (message: string, allowed?: readonly string[]): YamlProblem[] => [
    source.problem(path, message, allowed ? { allowed } : {}),
  ]
  switch (issue.code) {
    case 'unrecognized_keys': {
      const allowed = keysAt(schema, path)
      return issue.keys
        .slice(0, mostProblems)
        .map((key) =>
          source.problem([...path, key], `unknown key "${key}"${didYouMean(key, allowed)}`, { at: 'key', allowed }),
        )
    }
    case 'invalid_type': {
      if (path.length === 0 && found === null) return at('the file is empty')
      if (found !== undefined)
        return at(`expected ${typeWords[issue.expected] ?? issue.expected}, found ${describe(found)}`)
      return at(`the key "${String(path.at(-1))}" is missing`)
    }
    case 'invalid_value': {
      const allowed = issue.values.map(String)
      if (found === undefined) return at(`the key "${String(path.at(-1))}" is missing`, allowed)
      const hint = typeof found === 'string' ? didYouMean(found, allowed) : ''
      return at(`${describe(found)} is not allowed here${hint}`, allowed)
    }
    case 'invalid_union':
      return explainUnion(issue, schema, source)
    case 'invalid_key': {
      const inner = issue.issues[0]
      const { message, allowed } = inner ? wordOf(inner, String(path.at(-1))) : { message: issue.message }
      return [source.problem(path, message, { at: 'key', ...(allowed && { allowed }) })]
    }
    case 'too_big':
    case 'too_small':
      return at(sizeText(issue, found))
    case 'invalid_format':
      return at(`${describe(found)} does not fit: ${issue.message}`)
    case 'custom': {
      const { message, allowed } = wordOf(issue, typeof found === 'string' ? found : '')
      return at(message, allowed)
    }
    default:
      return at(issue.message)
  }
}

/** A message with the allowed words a schema attached to it (`params: { allowed, word }`) or an enum carries. */
function wordOf(issue: Issue, fallback: string): { readonly message: string; readonly allowed?: readonly string[] } {
  if (issue.code === 'invalid_value') {
    const allowed = issue.values.map(String)
    return { message: `unknown key "${fallback}"${didYouMean(fallback, allowed)}`, allowed }
  }
  const params = issue.code === 'custom' ? issue.params : undefined
  const allowed: unknown = params?.['allowed']
  if (!Array.isArray(allowed)) return { message: issue.message }
  const words = allowed.map(String)
  return { message: `${issue.message}${didYouMean(String(params?.['word'] ?? fallback), words)}`, allowed: words }
}

/** A union fails in each of its options; the option that got furthest is the one the author meant. */
function explainUnion(
  issue: Extract<Issue, { readonly code: 'invalid_union' }>,
  schema: Schema,
  source: YamlSource,
): YamlProblem[] {
  const { path } = issue
  const found = valueAt(source.data, path)
  const reach = (issues: readonly Issue[]) => Math.max(...issues.map((inner) => inner.path.length), 0)
  const errors = issue.errors.filter((issues) => issues.length > 0)
  const best = errors.toSorted((a, b) => reach(b) - reach(a) || a.length - b.length)[0]
  const sameKind = errors.find((issues) =>
    issues.every((inner) => inner.code !== 'invalid_type' || inner.path.length > 0),
  )
  const chosen = sameKind ?? (best && reach(best) > 0 ? best : undefined)
  if (chosen) return chosen.flatMap((inner) => explain({ ...inner, path: [...path, ...inner.path] }, schema, source))
  const discriminator = 'discriminator' in issue ? String(issue.discriminator) : undefined
  if (discriminator !== undefined) {
    const parent = path.at(-1) === discriminator ? path.slice(0, -1) : path
    const at = [...parent, discriminator]
    const allowed = schemasAt(schema, at).flatMap((option) =>
      option instanceof z.ZodLiteral ? [...option.values].map(String) : [],
    )
    const word = valueAt(source.data, at)
    const hint = typeof word === 'string' ? didYouMean(word, allowed) : ''
    const message =
      word === undefined ? `the key "${discriminator}" is missing` : `${describe(word)} is not allowed here${hint}`
    return [source.problem(at, message, { allowed })]
  }
  const expected = errors
    .flat()
    .flatMap((inner) => (inner.code === 'invalid_type' ? [typeWords[inner.expected] ?? inner.expected] : []))
  const wanted = [...new Set(expected)].join(' or ')
  return [source.problem(path, `expected ${wanted || 'something else'}, found ${describe(found)}`)]
}

function sizeText(issue: Extract<Issue, { readonly code: 'too_big' | 'too_small' }>, found: unknown): string {
  const bound = String(issue.code === 'too_big' ? issue.maximum : issue.minimum)
  const most = issue.code === 'too_big' ? 'at most' : 'at least'
  if (issue.origin === 'string')
    return `too ${issue.code === 'too_big' ? 'long' : 'short'}: ${most} ${bound} characters`
  if (issue.origin === 'array') return `expected ${most} ${bound} entries`
  const strict =
    issue.inclusive === false ? `${issue.code === 'too_big' ? 'below' : 'above'} ${bound}` : `${most} ${bound}`
  return `${describe(found)} is out of range: ${strict}`
}
