import { z } from 'zod'

/**
 * A TypeScript client from nothing but an OpenAPI document: one typed function per operation. It exists to prove that the
 * document says enough, and says it in a form that others' generators can read.
 */

type Json = Readonly<Record<string, unknown>>
const object = z.record(z.string(), z.unknown())
const parameter = z.looseObject({ name: z.string(), in: z.string(), required: z.boolean().optional(), schema: object })
const content = z.looseObject({
  content: z.record(z.string(), z.looseObject({ schema: object.optional() })).optional(),
})
const operation = z.looseObject({
  parameters: z.array(parameter).optional(),
  requestBody: content.optional(),
  responses: z.record(z.string(), content),
})
const documentSchema = z.looseObject({
  paths: z.record(z.string(), z.record(z.string(), operation)),
  components: z.looseObject({ schemas: z.record(z.string(), object) }),
})

const key = (name: string): string => JSON.stringify(name)

function typeOf(schema: Json): string {
  const {
    $ref,
    const: constant,
    enum: values,
    type,
    items,
    properties,
    required,
    additionalProperties,
    prefixItems,
  } = schema
  if (typeof $ref === 'string') return `Schemas[${key($ref.slice($ref.lastIndexOf('/') + 1))}]`
  if (constant !== undefined) return JSON.stringify(constant)
  if (Array.isArray(values)) return `(${values.map((value) => JSON.stringify(value)).join(' | ')})`
  for (const [union, joint] of [
    ['anyOf', ' | '],
    ['oneOf', ' | '],
    ['allOf', ' & '],
  ] as const) {
    const parts = schema[union]
    if (Array.isArray(parts)) return `(${parts.map((part) => typeOf(object.parse(part))).join(joint)})`
  }
  if (Array.isArray(type)) return `(${type.map((one) => typeOf({ ...schema, type: one })).join(' | ')})`
  if (type === 'string' || type === 'boolean' || type === 'null') return type
  if (type === 'number' || type === 'integer') return 'number'
  if (Array.isArray(prefixItems))
    return `readonly [${prefixItems.map((item) => typeOf(object.parse(item))).join(', ')}]`
  if (type === 'array') return `ReadonlyArray<${typeOf(object.parse(items ?? {}))}>`
  if (type !== 'object') return 'unknown'
  const known = Object.entries(object.parse(properties ?? {}))
  const must = new Set(Array.isArray(required) ? required : [])
  const members = known.map(
    ([name, part]) => `readonly ${key(name)}${must.has(name) ? '' : '?'}: ${typeOf(object.parse(part))}`,
  )
  const rest = typeof additionalProperties === 'object' ? object.parse(additionalProperties) : undefined
  return members.length === 0 && rest ? `Readonly<Record<string, ${typeOf(rest)}>>` : `{ ${members.join('; ')} }`
}

function bodyType(part: z.infer<typeof content> | undefined): string | undefined {
  const [media] = Object.values(part?.content ?? {})
  return media && (media.schema ? typeOf(media.schema) : 'unknown')
}

/** The source of the client and the names of its functions. */
export function generateClient(document: unknown): { readonly source: string; readonly names: readonly string[] } {
  const { paths, components } = documentSchema.parse(document)
  const names: string[] = []
  const functions = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [], requestBody, responses }]) => {
      const name = `${method}_${path.replaceAll(/\W+/g, '_')}`
      names.push(name)
      const inputs = parameters.map(
        (one) => `readonly ${key(one.name)}${one.required ? '' : '?'}: ${typeOf(one.schema)}`,
      )
      const body = bodyType(requestBody)
      if (body) inputs.push(`readonly body: ${body}`)
      const good = Object.entries(responses).find(([status]) => status.startsWith('2'))?.[1]
      return `export function ${name}(call: Call, input: { ${inputs.join('; ')} }): Promise<${bodyType(good) ?? 'void'}> {
  return call(${key(method)}, ${key(path)}, input)
}`
    }),
  )
  const schemas = Object.entries(components.schemas).map(([name, schema]) => `  ${key(name)}: ${typeOf(schema)}`)
  const call = 'export type Call = <T>(method: string, path: string, input: object) => Promise<T>'
  return { source: `export interface Schemas {\n${schemas.join('\n')}\n}\n${call}\n${functions.join('\n')}\n`, names }
}
