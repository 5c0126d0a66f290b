import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { setupForms } from '../../../service/setup/fields.ts'

const load = (name: string): unknown =>
  JSON.parse(readFileSync(resolve(import.meta.dirname, `../../../renderer/locales/${name}.json`), 'utf8'))
const tree = z.record(z.string(), z.json())

function keysOf(value: unknown, path = ''): string[] {
  if (typeof value === 'string') return [path]
  return Object.entries(tree.parse(value)).flatMap(([key, child]) => keysOf(child, `${path}.${key}`))
}

it('has every text of the setup wizard in German too', () => {
  expect(keysOf(load('setup.de'))).toEqual(keysOf(load('setup.en')))
})

it('has title and help of every field in German too, and of no other', () => {
  const words = z.record(z.string(), z.strictObject({ title: z.string().min(1), help: z.string().min(6) }))
  const translated = words.parse(load('setup-fields.de'))
  const fields = setupForms().flatMap(({ form, fields: of }) => of.map(({ key }) => `${form}.${key}`))
  expect(Object.keys(translated).toSorted()).toEqual(fields.toSorted())
})
