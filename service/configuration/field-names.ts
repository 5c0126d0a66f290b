import { z } from 'zod'

export interface FieldName {
  readonly title: string
  readonly unit: string
}

const units: readonly (readonly [end: RegExp, unit: string])[] = [
  [/Percent$/, '%'],
  [/Price$|Below$/, 'per kWh'],
  [/WPerS$/, 'W/s'],
  [/APerS$/, 'A/s'],
  [/Ms$/, 'ms'],
  [/Wh$/, 'Wh'],
  [/[a-z]W$/, 'W'],
  [/[a-z]A$/, 'A'],
  [/[a-z]V$/, 'V'],
  [/[a-z]S$/, 's'],
]

/** Title and unit of a field, from its schema, else made from its name: `minOnS` is "min on", in s. */
export function fieldName(schema: z.ZodObject | undefined, key: string): FieldName {
  const field = schema?.shape[key]
  const meta = field instanceof z.ZodType ? field.meta() : undefined
  const found = units.find(([end]) => end.test(key))
  const plain = key.replace(/(WPerS|APerS|Percent|Ms|Wh|W|A|V|S)$/, '')
  const full = meta?.['title']
  const title = typeof full === 'string' ? full.replace(/,.*$/, '') : plain.replaceAll(/([A-Z])/g, ' $1').toLowerCase()
  return { title, unit: typeof meta?.['unit'] === 'string' ? meta['unit'] : (found?.[1] ?? '') }
}
