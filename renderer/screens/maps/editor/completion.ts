import {
  type Completion,
  type CompletionContext,
  type CompletionResult,
  snippetCompletion,
} from '@codemirror/autocomplete'
import { metrics } from '#contract/metrics-table.ts'
import { yamlPlace } from './yaml-place.ts'

/** The part of a JSON Schema that completion needs. */
interface Schema {
  readonly title?: string
  readonly description?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: Schema | boolean
  readonly propertyNames?: Schema
  readonly items?: Schema | boolean
  readonly prefixItems?: readonly Schema[]
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly type?: string | readonly string[]
  readonly required?: readonly string[]
}

const isSchema = (value: Schema | boolean | undefined): value is Schema => typeof value === 'object'

const types =
  `uint16 int16 uint32 int32 float32 uint64 int64 float64 uint48 int48 acc16 acc32 acc64 enum16 enum32 flags16 flags32 flags64
  bool bit:0 uint8h uint8l int8h int8l bcd:2 'string:16' 'bytes:8' sunssf date-time date-time:6 date-time:2 ipv4 ipv6 eui48`.split(
    /\s+/,
  )

function alternatives(schema: Schema): Schema[] {
  const inner = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])]
  return inner.length === 0 ? [schema] : inner.flatMap(alternatives)
}

/** What the schema allows at a path; an entry of a list is `[]`. */
function schemasAt(root: Schema, path: readonly string[]): Schema[] {
  let here = alternatives(root)
  for (const key of path)
    here = here.flatMap(({ properties = {}, additionalProperties, items, prefixItems = [] }) => {
      if (key === '[]') return [...(isSchema(items) ? [items] : []), ...prefixItems].flatMap(alternatives)
      const own = Object.hasOwn(properties, key) ? properties[key] : undefined
      const found = own ?? (isSchema(additionalProperties) ? additionalProperties : undefined)
      return found ? alternatives(found) : []
    })
  return here
}

function keysOf(schemas: readonly Schema[], path: readonly string[], inBraces: boolean): Completion[] {
  const last = path.at(-1)
  if (path.length === 1 && (last === 'points' || last === 'derived'))
    return Object.entries(metrics).map(([name, { title, unit }]) => {
      const more = { detail: unit, info: title, type: 'property' }
      return snippetCompletion(last === 'points' ? `${name}: { address: #{} }` : `${name}: { sum: [{ point: #{} }] }`, {
        ...more,
        label: name,
      })
    })
  return schemas.flatMap(({ properties = {}, propertyNames, required = [] }) => [
    ...Object.entries(properties).map(([label, schema]) => ({
      label,
      apply: `${label}: `,
      type: 'property',
      detail: required.includes(label) && !inBraces ? '•' : '',
      ...(schema.description !== undefined && { info: schema.description }),
    })),
    ...(propertyNames?.enum ?? []).map((name) => ({
      label: String(name),
      apply: `${String(name)}:`,
      type: 'property',
    })),
  ])
}

function valuesOf(
  schemas: readonly Schema[],
  key: string | undefined,
  path: readonly string[],
  unitOf: (point: string) => string | undefined,
): Completion[] {
  if (key === 'type') return types.map((label) => ({ label, type: 'type' }))
  if (key === 'unit' && path[0] === 'points') {
    const unit = unitOf(path[1] ?? '') ?? ''
    return unit === '' ? [] : [unit, `k${unit}`, `m${unit}`].map((label) => ({ label, type: 'unit' }))
  }
  return schemas.flatMap((schema) => {
    const words = [...(schema.enum ?? []), ...(schema.const === undefined ? [] : [schema.const])]
    if (schema.type === 'boolean') words.push(true, false)
    return words.map((word) => ({ label: String(word), type: 'enum' }))
  })
}

/** Completes keys, names and values of a point map, from its JSON Schema and the vocabulary of points. */
export function completeFrom(
  schemaText: string,
  unitOf: (point: string) => string | undefined = () => undefined,
): (context: CompletionContext) => CompletionResult | null {
  const root: unknown = JSON.parse(schemaText)
  const schema: Schema = typeof root === 'object' && root !== null ? root : {}
  return (context) => {
    const place = yamlPlace(context.state.sliceDoc(0, context.pos))
    if (!context.explicit && place.from === context.pos) return null
    const schemas = schemasAt(schema, place.path)
    const options =
      place.typing === 'key'
        ? keysOf(schemas, place.path, place.taken.size > 0).filter(({ label }) => !place.taken.has(label))
        : valuesOf(schemas, place.key, place.path, unitOf)
    const unique = [...new Map(options.map((option) => [option.label, option])).values()]
    return unique.length === 0 ? null : { from: place.from, options: unique, validFor: /^[\w.:'-]*$/ }
  }
}
