import { globSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, it } from 'vitest'
import { z } from 'zod'

const folder = resolve(import.meta.dirname, '../../../renderer')
const tree = z.record(z.string(), z.json())

/** Dotted paths of all texts of a locale. */
function keysOf(value: unknown, path = ''): string[] {
  if (typeof value === 'string') return [path]
  return Object.entries(tree.parse(value)).flatMap(([key, child]) =>
    keysOf(child, path === '' ? key : `${path}.${key}`),
  )
}

const load = (name: string): unknown => JSON.parse(readFileSync(resolve(folder, `locales/${name}.json`), 'utf8'))
const locale = [
  ...keysOf(load('en')),
  ...keysOf(load('workbench.en'), 'workbench'),
  ...keysOf(load('registers.en'), 'registers'),
  ...keysOf(load('maps.en'), 'maps'),
]
const files = globSync('**/*.{ts,vue}', { cwd: folder })
const sources = files.map((file) => [file, readFileSync(resolve(folder, file), 'utf8')] as const)

it('has no text that no screen shows', () => {
  const all = sources.map(([, text]) => text).join('\n')
  // `role.${x}` uses every text below role; 'role.pv' uses one.
  const prefixes = [...all.matchAll(/[`']([a-zA-Z.]+\.)\$\{/g)].map(([, prefix = '']) => prefix)
  const unused = locale.filter((key) => !all.includes(`'${key}'`) && !prefixes.some((prefix) => key.startsWith(prefix)))
  expect(unused).toEqual([])
})

it.each(globSync('locales/*en.json', { cwd: folder }).map((file) => file.replace(/^.*[\\/]|\.json$/g, '')))(
  'has every text of %s in German too, with the same values and plurals',
  (english) => {
    const german = english.replace(/en$/, 'de')
    expect(keysOf(load(german))).toEqual(keysOf(load(english)))
    const at = (tree: unknown, key: string): string =>
      key.split('.').reduce<unknown>((value, word) => (value as Record<string, unknown>)[word], tree) as string
    const [en, de] = [load(english), load(german)]
    for (const key of keysOf(en)) {
      const values = (text: string) => [...new Set(text.match(/\{\w+\}/g))].toSorted()
      expect([key, values(at(de, key))]).toEqual([key, values(at(en, key))])
      expect([key, at(de, key).split(' | ').length]).toEqual([key, at(en, key).split(' | ').length])
      expect([key, at(de, key) === '']).toEqual([key, at(en, key) === ''])
    }
  },
)

it('has no words written into a template', () => {
  const hard = sources.flatMap(([file, text]) => {
    const template = /<template>([\s\S]*)<\/template>/.exec(text)?.[1] ?? ''
    const shown = template
      .replaceAll(/\{\{[\s\S]*?\}\}/g, ' ')
      .replaceAll(/<!--[\s\S]*?-->/g, ' ')
      // Arrow functions and comparisons inside attributes carry a ">" of their own.
      .replaceAll(/"[^"]*"/g, '""')
      .replaceAll(/<[^>]*>/g, ' ')
    // Units, key names and signs are the same in every language.
    const words =
      shown
        .match(/[A-Za-z]{2,}/g)
        ?.filter((word) => !['Hz', 'Alt', 'Ctrl', 'Esc', 'Enter', 'Space', 'SHA', 'nbsp'].includes(word)) ?? []
    const attributes = template.match(/\s(title|alt|placeholder|aria-label|hint|label)="[^"]*"/g) ?? []
    return [...words, ...attributes].map((word) => `${file}: ${word}`)
  })
  expect(hard).toEqual([])
})

it('talks to the service in one place only', () => {
  const elsewhere = sources.filter(
    ([file, text]) => !file.startsWith('client/') && /\bfetch\(|new WebSocket|XMLHttpRequest|EventSource/.test(text),
  )
  expect(elsewhere.map(([file]) => file)).toEqual([])
})
