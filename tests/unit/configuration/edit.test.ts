import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parse as parseToml } from 'smol-toml'
import { parse } from 'yaml'
import { type Edit, editText } from '../../../service/configuration/edit.ts'
import { EdgeError } from '../../../service/contract/errors.ts'

const root = resolve(import.meta.dirname, '../../..')
const odd = `# top

name:   'Mill'   # spaces stay
"quoted key": {a: 1,b: [1,2 ,3]} # flow
list:
- one   # not indented
-   two

# before three
- three
nested:

    deep: # about deep
        # inside
        value: 0x10
        text: "a # b"
        folded: >-
          some words
          and more
    empty:
    other: ~
last: |
  kept
`
const texts = [odd, readFileSync(resolve(root, 'service/examples/vessel.yaml'), 'utf8')]

type Path = (string | number)[]

function pathsOf(data: unknown, path: Path = []): Path[] {
  if (Array.isArray(data)) return data.flatMap((entry, at) => [[...path, at], ...pathsOf(entry, [...path, at])])
  if (typeof data !== 'object' || data === null) return []
  return Object.entries(data).flatMap(([key, entry]) => [[...path, key], ...pathsOf(entry, [...path, key])])
}

function valueAt(data: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, part) => Reflect.get(Object(value), part), data)
}

const scalar = fc.oneof(
  fc.integer({ min: -5, max: 100_000 }),
  fc.boolean(),
  fc.constantFrom(
    'tcp://10.0.0.1:502',
    'yes',
    'on',
    '1',
    '# no comment',
    'a: b',
    "it's",
    '',
    ' x ',
    '[l1]',
    'ä€',
    '- a',
    'two\nlines',
  ),
)
const value = fc.oneof(
  scalar,
  fc.array(scalar, { maxLength: 3 }),
  fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.oneof(scalar, fc.array(scalar, { maxLength: 2 })), {
    maxKeys: 3,
  }),
)

/** The same text with comments of its own at the ends of some lines and between some. */
function commented(text: string, at: readonly number[]): string {
  let inText = false
  return text
    .split('\n')
    .flatMap((line, index) => {
      if (/[|>]-?$/.test(line)) inText = true
      else if (inText && !line.startsWith('  ')) inText = false
      const known = at.includes(index) && line.trim() !== '' && !inText && index < text.split('\n').length - 1
      if (!known) return [line]
      return index % 2 === 0 ? [`${line} # end ${index}`] : [`# above ${index}`, line]
    })
    .join('\n')
}

const commentsOf = (text: string): string[] =>
  [...text.matchAll(/# (?:end|above) \d+/g)].map(([found]) => found).toSorted()

describe('editing YAML', () => {
  it('keeps every comment and every line that has nothing to do with the edit', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...texts),
        fc.array(fc.nat({ max: 250 }), { maxLength: 40 }),
        fc.array(fc.tuple(fc.nat(), fc.constantFrom('set', 'remove', 'add', 'append'), value), {
          minLength: 1,
          maxLength: 4,
        }),
        (base, at, steps) => {
          let text = commented(base, at)
          for (const [pick, kind, wanted] of steps) {
            const data: unknown = parse(text)
            const paths = pathsOf(data)
            const path = paths[pick % paths.length]!
            const found = valueAt(data, path)
            const edit: Edit =
              kind === 'remove'
                ? { path, value: undefined }
                : kind === 'add' && typeof found === 'object' && found !== null && !Array.isArray(found)
                  ? { path: [...path, 'added'], value: wanted }
                  : kind === 'append' && Array.isArray(found)
                    ? { path: [...path, found.length], value: wanted }
                    : { path, value: wanted }
            let edited: string
            try {
              edited = editText(text, 'site.yaml', [edit]).text
            } catch (error) {
              // Refusing is honest; it must stay the exception, which the next test counts.
              expect(error).toBeInstanceOf(EdgeError)
              continue
            }
            if (edit.value !== undefined) expect(valueAt(parse(edited), [...edit.path])).toEqual(edit.value)
            expect(commentsOf(edited)).toEqual(commentsOf(text))
            expect(untouched(text, edited, found)).toEqual([])
            text = edited
          }
        },
      ),
      { numRuns: 30 },
    )
  })

  /** Lines that are gone although nothing on them was part of what was changed. */
  function untouched(before: string, after: string, found: unknown): string[] {
    const left = after.split('\n')
    const lost = before.split('\n').filter((line) => {
      const at = left.indexOf(line)
      if (at < 0) return true
      left.splice(at, 1)
      return false
    })
    const lines = typeof found === 'object' && found !== null ? JSON.stringify(found).split(/[,:]/).length * 2 + 2 : 4
    return lost.length > lines ? lost : []
  }

  it('refuses hardly anything', () => {
    for (const text of texts) {
      const data: unknown = parse(text)
      for (const path of pathsOf(data).filter((_, at) => text === odd || at % 31 === 0))
        for (const wanted of [7, 'seven', { a: 1, b: ['x'] }, undefined]) {
          const isLastOfRoot = wanted === undefined && path.length === 1
          if (isLastOfRoot) continue
          expect(
            () => editText(text, 'site.yaml', [{ path, value: wanted }]),
            `${path.join('.')} = ${JSON.stringify(wanted)}`,
          ).not.toThrow()
        }
    }
  })

  it('changes exactly one line for a scalar', () => {
    for (const text of texts) {
      const data: unknown = parse(text)
      for (const path of pathsOf(data).filter((_, at) => text === odd || at % 23 === 0)) {
        const found = valueAt(data, path)
        if (typeof found === 'object' || (typeof found === 'string' && found.includes(' ') && text === odd)) continue
        const before = text.split('\n')
        const after = editText(text, 'site.yaml', [{ path, value: 4321 }]).text.split('\n')
        if (found === 'kept\n') continue
        expect(after).toHaveLength(before.length)
        expect(after.filter((line, at) => line !== before[at])).toHaveLength(1)
      }
    }
  })

  it('shows where something stood before', () => {
    const { text, origin } = editText('a: 1\nb: 2\nc: 3\n', 'x.yaml', [
      { path: ['a'], value: { x: 1, y: 2 } },
      { path: ['b'], value: undefined },
    ])
    expect(text).toBe('a:\n  x: 1\n  y: 2\nc: 3\n')
    expect(origin(text.indexOf('c: 3'))).toBe('a: 1\nb: 2\n'.length)
  })

  it('refuses what others share by an anchor, with the place', () => {
    const text = 'a: &x { n: 1 }\nb: *x\n'
    for (const path of [['a', 'n'], ['b', 'n'], ['b']])
      expect(() => editText(text, 'site.yaml', [{ path, value: 2 }])).toThrow(
        /site\.yaml:[12]:\d+: .*by hand|text editor/,
      )
  })
})

const toml = `# Workshop
version = 3
name = "Workshop" # as on the door

[[grids]]
id = "main"
phases = [
  "l1", # brown
  "l2",
]
connection = { id = "mains", fuseA = 35 } # NH00

[economics]
importPrice = 0.3

[[devices]]
id = "meter"
[[devices]]
id = "battery"
battery.maxChargeW = 5000
`

describe('editing TOML', () => {
  it('sets, adds and removes values and keeps everything else', () => {
    const { text } = editText(toml, 'site.toml', [
      { path: ['grids', 0, 'connection', 'fuseA'], value: 25 },
      { path: ['grids', 0, 'connection', 'maxExportW'], value: 7000 },
      { path: ['grids', 0, 'phases', 2], value: 'l3' },
      { path: ['economics', 'peakImportW'], value: 12_000 },
      { path: ['economics', 'importPrice'], value: undefined },
      { path: ['devices', 1, 'battery', 'maxChargeW'], value: 4000 },
      { path: ['devices', 0, 'name'], value: 'Meter "A"' },
      { path: ['devices', 2], value: { id: 'pv', phases: ['l1'], pv: { ratedPowerW: 9000 } } },
      { path: ['timeZone'], value: 'Europe/Berlin' },
      { path: ['extra'], value: { a: 1 } },
    ])
    expect(parseToml(text)).toEqual({
      version: 3,
      name: 'Workshop',
      timeZone: 'Europe/Berlin',
      grids: [{ id: 'main', phases: ['l1', 'l2', 'l3'], connection: { id: 'mains', fuseA: 25, maxExportW: 7000 } }],
      economics: { peakImportW: 12_000 },
      devices: [
        { id: 'meter', name: 'Meter "A"' },
        { id: 'battery', battery: { maxChargeW: 4000 } },
        { id: 'pv', phases: ['l1'], pv: { ratedPowerW: 9000 } },
      ],
      extra: { a: 1 },
    })
    for (const comment of ['# Workshop', '# as on the door', '# brown', '# NH00']) expect(text).toContain(comment)
    expect(text).toContain('connection = { id = "mains", fuseA = 25, maxExportW = 7000 } # NH00')
  })

  it('says that whole tables are changed by hand, with the place', () => {
    expect(() => editText(toml, 'site.toml', [{ path: ['devices', 0], value: undefined }])).toThrow(
      'site.toml:16:1: "devices.0" cannot be changed here by a program: a table with a header of its own is changed by hand in TOML; change it in a text editor',
    )
  })
})
