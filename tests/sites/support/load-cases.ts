import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { type Site, site } from '#contract/site.ts'
import { type SiteCase, caseFile } from './format.ts'

const folder = join(import.meta.dirname, '..')
/** Cases share parts by anchors and merge keys. */
const yamlOptions = { merge: true } as const

/** Every case of a folder under tests/sites, by file. A file that does not fit the format is an error that names it. */
export function loadCases(name: string): { readonly file: string; readonly cases: readonly SiteCase[] }[] {
  return readdirSync(join(folder, name), { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.yaml'))
    .map((entry) => entry.name)
    .toSorted()
    .map((file) => {
      const parsed = caseFile.safeParse(parse(readFileSync(join(folder, name, file), 'utf8'), yamlOptions))
      if (!parsed.success) throw new Error(`${name}/${file}: ${z.prettifyError(parsed.error)}`)
      return { file: `${name}/${file}`, cases: parsed.data.cases }
    })
}

/** A site under worlds/, with changes. */
export function loadWorld(name: string, change?: unknown): Site {
  const parsed = site.safeParse(
    merged(parse(readFileSync(join(folder, 'worlds', `${name}.yaml`), 'utf8'), yamlOptions), change),
  )
  if (!parsed.success) throw new Error(`worlds/${name}.yaml: ${z.prettifyError(parsed.error)}`)
  return parsed.data
}

type Plain = Record<string, unknown>
const isPlain = (value: unknown): value is Plain => typeof value === 'object' && value !== null && !Array.isArray(value)

function merged(base: unknown, change: unknown): unknown {
  if (change === undefined) return base
  if (isPlain(base) && isPlain(change)) {
    const result: Plain = { ...base }
    for (const [key, value] of Object.entries(change)) {
      if (value === null) delete result[key]
      else result[key] = merged(result[key], value)
    }
    return result
  }
  if (Array.isArray(base) && isPlain(change)) {
    // A list of things with an id is changed by id; null takes one out, and an unknown id adds one.
    const rest = { ...change }
    const list: unknown[] = []
    for (const item of base) {
      const id = isPlain(item) ? String(item['id']) : ''
      if (!(id in rest)) list.push(item)
      else if (rest[id] !== null) list.push(merged(item, rest[id]))
      delete rest[id]
    }
    return [...list, ...Object.entries(rest).map(([id, value]) => (isPlain(value) ? { id, ...value } : value))]
  }
  return change
}
