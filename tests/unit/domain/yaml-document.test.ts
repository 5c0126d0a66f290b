import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { nearest } from '../../../service/domain/nearest.ts'
import { parseYamlWith } from '../../../service/domain/yaml-document.ts'
import { problemsText } from '../../../service/domain/yaml-source.ts'

const schema = z.strictObject({
  name: z.string().min(2),
  port: z.number().int().min(1).max(65_535).default(502),
  list: z
    .array(z.strictObject({ id: z.string() }))
    .max(2)
    .optional(),
  end: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('timer'), seconds: z.number() }),
      z.strictObject({ kind: z.literal('none') }),
    ])
    .optional(),
  limit: z.union([z.number(), z.strictObject({ point: z.string(), factor: z.number().optional() })]).optional(),
  by: z.partialRecord(z.enum(['alpha', 'beta']), z.number()).optional(),
})

const report = (text: string) => {
  const parsed = parseYamlWith(schema, text, 'f.yaml')
  return parsed.problems ? problemsText(parsed.problems) : 'fine'
}

test('a good file gives its value, with defaults', () => {
  expect(parseYamlWith(schema, 'name: abc # a comment', 'f.yaml').value).toEqual({ name: 'abc', port: 502 })
})

test.each<[string, string]>([
  [
    'nmae: x',
    'f.yaml:1:1: the key "name" is missing\nf.yaml:1:1: unknown key "nmae"; did you mean "name"? (allowed: name, port, list, end, limit, by)',
  ],
  ['name: ab\nport: 0', 'f.yaml:2:7: port: 0 is out of range: at least 1'],
  ['name: ab\nport: 1.5', 'f.yaml:2:7: port: expected a whole number, found 1.5'],
  ['name: ab\nport: high', 'f.yaml:2:7: port: expected a number, found the text "high"'],
  ['name: a', 'f.yaml:1:7: name: too short: at least 2 characters'],
  [
    'name: ab\nlist:\n  - id: x\n  - idd: y',
    'f.yaml:4:5: list.1.id: the key "id" is missing\nf.yaml:4:5: list.1.idd: unknown key "idd"; did you mean "id"? (allowed: id)',
  ],
  ['name: ab\nlist: [{ id: a }, { id: b }, { id: c }]', 'f.yaml:2:1: list: expected at most 2 entries'],
  [
    'name: ab\nend: { kind: tmier }',
    'f.yaml:2:14: end.kind: the text "tmier" is not allowed here; did you mean "timer"? (allowed: timer, none)',
  ],
  ['name: ab\nend: { kind: timer }', 'f.yaml:2:1: end.seconds: the key "seconds" is missing'],
  ['name: ab\nend: { kind: timer, seconds: 1, x: 2 }', 'f.yaml:2:33: end.x: unknown key "x" (allowed: kind, seconds)'],
  [
    'name: ab\nlimit: { pont: x }',
    'f.yaml:2:1: limit.point: the key "point" is missing\nf.yaml:2:10: limit.pont: unknown key "pont"; did you mean "point"? (allowed: point, factor)',
  ],
  ['name: ab\nlimit: [1]', 'f.yaml:2:1: limit: expected a number or a mapping (key: value), found a list'],
  [
    'name: ab\nby: { alpha: 1, betta: 2 }',
    'f.yaml:2:17: by.betta: unknown key "betta"; did you mean "beta"? (allowed: alpha, beta)',
  ],
  ['name: &a ab\nlist:\n  - { id: *a }\n  - { id: 5 }', 'f.yaml:4:11: list.1.id: expected a text, found 5'],
  ['- a', 'f.yaml:1:1: expected a mapping (key: value), found a list'],
  ['', 'f.yaml:1:1: the file is empty'],
  ['name: [a', 'f.yaml:1:9: Flow sequence in block collection must be sufficiently indented and end with a ]'],
  ['name: a\nname: b', 'f.yaml:2:1: the key "name" is given twice'],
  ['name: ab\n---\nname: cd', 'f.yaml:2:1: Source contains multiple documents; please use YAML.parseAllDocuments()'],
  ['name: *nothing', 'f.yaml:1:1: Unresolved alias (the anchor must be set before the alias): nothing'],
  ['__proto__: { a: 1 }', 'f.yaml:1:1: the key "__proto__" is not allowed'],
  ['[a, b]: 1', 'f.yaml:1:1: a key must be a plain word or number'],
  ['\uFEFFname: ab\r\nport: 0\r\n', 'f.yaml:2:7: port: 0 is out of range: at least 1'],
])('%j', (text, expected) => {
  expect(report(text)).toBe(expected)
})

describe('hostile files are refused at once', () => {
  const bomb = Array.from({ length: 12 }, (_, level) =>
    level === 0
      ? 'a0: &a0 [x, x, x, x, x, x, x, x, x]'
      : `a${level}: &a${level} [${Array.from({ length: 4 }, () => `*a${level - 1}`).join(', ')}]`,
  ).join('\n')
  const indented = Array.from({ length: 1300 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')
  test.each<[string, string, string]>([
    ['billion laughs', bomb, 'expands its aliases too far'],
    ['10 MB', `name: ${'x'.repeat(10_000_000)}`, 'larger than 1 MB'],
    ['brackets', '['.repeat(500_000), 'nested too deeply'],
    ['braces', '{a: '.repeat(200_000), 'nested too deeply'],
    ['dashes', `${'- '.repeat(400_000)}x`, 'nested too deeply'],
    ['question marks', `${'? '.repeat(400_000)}x`, 'nested too deeply'],
    ['indentation', indented, 'nested too deeply'],
    [
      'many aliases',
      Array.from({ length: 2_000 }, (_, index) => `- &a${index} x\n- *a${index}`).join('\n'),
      'more than 50 aliases',
    ],
    ['many keys', Array.from({ length: 20_000 }, (_, index) => `k${index}: 1`).join('\n'), ''],
    ['many errors', Array.from({ length: 10_000 }, () => '%x').join('\n'), ''],
  ])('%s', (_name, text, message) => {
    const start = performance.now()
    const found = report(text)
    expect(found).toContain(message)
    expect(found).not.toBe('fine')
    expect(performance.now() - start).toBeLessThan(5000)
  })
})

test('the nearest word, when there is one', () => {
  expect(nearest('adress', ['address', 'type'])).toBe('address')
  expect(nearest('TYPE', ['address', 'type'])).toBe('type')
  expect(nearest('tpye', ['address', 'type'])).toBe('type')
  expect(nearest('banana', ['address', 'type'])).toBeUndefined()
})
