import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { listOf, recordOf } from './places.ts'

const node = z.looseObject({
  $ref: z.string().optional(),
  default: z.unknown().optional(),
  get properties() {
    return z.record(z.string(), node).optional()
  },
  get items() {
    return z.union([node, z.boolean()]).optional()
  },
  get anyOf() {
    return z.array(node).optional()
  },
  get $defs() {
    return z.record(z.string(), node).optional()
  },
})
type Node = z.infer<typeof node>

const entriesOf = (part: Node | undefined): Node | undefined =>
  typeof part?.items === 'object' ? part.items : undefined

/** A value of a schema without what the schema puts in by itself, in the order of the schema: what a person would write. */
export function createShortener(schema: z.ZodType): (value: unknown) => unknown {
  const root = node.parse(z.toJSONSchema(schema, { io: 'input' }))

  function resolve(part: Node | undefined): Node | undefined {
    if (part?.$ref === undefined) return part
    return part.$ref === '#' ? root : root.$defs?.[part.$ref.replace('#/$defs/', '')]
  }

  function shorten(value: unknown, at: Node | undefined): unknown {
    const part = resolve(at)
    if (Array.isArray(value)) return listOf(value).map((entry) => shorten(entry, entriesOf(part)))
    if (typeof value !== 'object' || value === null || !part?.properties) return value
    const record = recordOf(value)
    const kept = Object.entries(part.properties).flatMap(([key, property]): [string, unknown][] => {
      const inner = record[key]
      if (inner === undefined || isDeepStrictEqual(inner, property.default)) return []
      const short = shorten(inner, property)
      // Settings that are all as they are anyway.
      const empty = property.properties !== undefined && Object.keys(recordOf(short)).length === 0
      return empty && property.default !== undefined ? [] : [[key, short]]
    })
    return Object.fromEntries(kept)
  }

  return (value) => shorten(value, root)
}
