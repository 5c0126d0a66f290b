import fc from 'fast-check'

/** The part of JSON Schema that the OpenAPI document uses. */
export interface Schema {
  readonly $ref?: string
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly minLength?: number
  readonly maxLength?: number
  readonly maxItems?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly pattern?: string
  readonly default?: unknown
}

/** Values that a schema of the document allows. */
export function valid(schema: Schema, schemas: Readonly<Record<string, Schema>>): fc.Arbitrary<unknown> {
  const of = (part: Schema): fc.Arbitrary<unknown> => valid(part, schemas)
  if (schema.$ref !== undefined) return of(schemas[schema.$ref.replace('#/components/schemas/', '')] ?? {})
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.enum) return fc.constantFrom(...schema.enum)
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) return fc.oneof(...choices.map(of))
  switch (schema.type) {
    case 'string':
      return text(schema)
    case 'integer':
      return fc.integer({ min: schema.minimum ?? -1_000_000, max: Math.min(schema.maximum ?? 1_000_000, 2 ** 31 - 1) })
    case 'number':
      return fc.double({ min: schema.minimum ?? -1e6, max: schema.maximum ?? 1e6, noNaN: true })
    case 'boolean':
      return fc.boolean()
    case 'array':
      return fc.array(of(schema.items ?? {}), { maxLength: Math.min(schema.maxItems ?? 5, 5) })
    case 'object':
      return fc.record(
        Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, part]) => [name, of(part)])),
        { requiredKeys: [...(schema.required ?? [])] },
      )
    default:
      return fc.jsonValue()
  }
}

function text({ pattern, minLength = 0, maxLength = 200 }: Schema): fc.Arbitrary<string> {
  if (pattern === undefined)
    return fc.string({ minLength, maxLength, unit: 'grapheme' }).map((s) => s.slice(0, maxLength))
  return fc.stringMatching(new RegExp(pattern, 'u')).filter(({ length }) => length >= minLength && length <= maxLength)
}

const nasty = [
  '',
  '\u0000',
  '__proto__',
  'constructor',
  '../../etc/passwd',
  '%2e%2e%2f',
  '=1+1',
  "' OR 1=1 --",
  '\r\nSet-Cookie: a=b',
  '\u001B[31m',
  'http://169.254.169.254/latest/meta-data',
  '9'.repeat(400),
  '💥'.repeat(50),
  'Infinity',
  'NaN',
  '-0',
]

/** What comes from people who do not mean it, or do. */
export const anything: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(...nasty),
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom(null, true, -1, 0, 1e308, [], {}, [[[]]], { toString: 'x' }),
)

/** A value of a schema with something wrong in it, or something else altogether. */
export function invalid(schema: Schema, schemas: Readonly<Record<string, Schema>>): fc.Arbitrary<unknown> {
  const names = [...Object.keys(schema.properties ?? {}), 'role', 'id', 'isAdmin', '__proto__', 'constructor']
  const spoiled = fc.tuple(valid(schema, schemas), fc.constantFrom(...names), anything).map(([value, name, wrong]) =>
    typeof value === 'object' && value !== null
      ? // Defined, not assigned: `__proto__` shall travel as a name.
        Object.defineProperty({ ...value }, name, { value: wrong, enumerable: true, configurable: true })
      : wrong,
  )
  return fc.oneof(spoiled, anything)
}
