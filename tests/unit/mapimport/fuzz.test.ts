import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mapFormat, type MapImportOptions } from '#contract/map-import.ts'
import { checkPointMap } from '../../../service/pointmap/load.ts'
import { foreignFiles, foreignFolder, haveForeign, importBytes, importText } from './support.ts'

/** Whatever comes in, the answer is a draft that passes the checks, or one sentence. */
async function assertAnswer(bytes: Uint8Array, name: string, options: Partial<MapImportOptions> = {}): Promise<void> {
  const result = await importBytes(bytes, name, options)
  if (result.verdict === 'imported') {
    expect(checkPointMap(result.draft, 'imported/draft.yaml', () => undefined).problems).toBeUndefined()
    return
  }
  expect(result.reason).toMatch(/^[^\n]{5,600}$/)
  expect(result.place).not.toBe('')
}

const mutation = fc.oneof(
  fc.record({ kind: fc.constant('cut' as const), at: fc.nat(), length: fc.integer({ min: 1, max: 400 }) }),
  fc.record({ kind: fc.constant('copy' as const), at: fc.nat(), length: fc.integer({ min: 1, max: 400 }) }),
  fc.record({ kind: fc.constant('byte' as const), at: fc.nat(), length: fc.integer({ min: 0, max: 255 }) }),
  fc.record({
    kind: fc.constant('word' as const),
    at: fc.nat(),
    length: fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11),
  }),
)
const strange = [
  '{{ if }}',
  '{{ else }}',
  '{{ end }}',
  '*anchor',
  '&anchor',
  '!secret x',
  '-1',
  '99999999999',
  '1e999',
  '"',
  ',,,,',
  '__proto__: 1\n',
]

function mutate(bytes: Uint8Array, list: readonly { kind: string; at: number; length: number }[]): Uint8Array {
  let text = Buffer.from(bytes)
  for (const { kind, at, length } of list) {
    const from = text.length === 0 ? 0 : at % text.length
    const part =
      kind === 'cut'
        ? Buffer.alloc(0)
        : kind === 'copy'
          ? text.subarray(from, from + length)
          : kind === 'byte'
            ? Buffer.from([length])
            : Buffer.from(strange[length]!)
    const skip = kind === 'cut' ? length : kind === 'byte' ? 1 : 0
    text = Buffer.concat([text.subarray(0, from), part, text.subarray(from + skip)])
  }
  return text
}

describe.skipIf(!haveForeign)('mutated maps of other programs (../shared/data/foreign-maps)', () => {
  it('never crash an import', async () => {
    const files = foreignFiles()
      .map((name) => ({ name, bytes: readFileSync(join(foreignFolder, name)) }))
      .filter(({ bytes }) => bytes.length < 20_000)
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files),
        fc.array(mutation, { minLength: 1, maxLength: 6 }),
        async ({ name, bytes }, list) => assertAnswer(mutate(bytes, list), name),
      ),
      { numRuns: 100 },
    )
  }, 120_000)
})

describe('any input', () => {
  it('is answered, whatever format it is said to be', async () => {
    const cell = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 12 }),
      fc.constantFrom('0x10', '40001', '0.1V', 'int16', 'uint32', '=1+1', '{"0":"a"}', '7~8', '9.b8'),
    )
    const table = fc
      .array(fc.array(cell, { maxLength: 6 }), { maxLength: 8 })
      .map((rows) => ['address,name,type,unit,values', ...rows.map((row) => row.join(','))].join('\n'))
    const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.json({ maxDepth: 6 }), table)
    await fc.assert(
      fc.asyncProperty(text, fc.constantFrom('auto' as const, ...mapFormat.options), async (content, format) =>
        assertAnswer(new TextEncoder().encode(content), 'any.txt', { format }),
      ),
      { numRuns: 150 },
    )
  }, 60_000)

  it('that would take for ever is bounded', async () => {
    const bombs: readonly (readonly [string, string])[] = [
      [`a: ${'['.repeat(5000)}`, 'home-assistant'],
      [`${'- '.repeat(3000)}x`, 'ha-solarman'],
      [
        Array.from({ length: 30 }, (_, at) => `a${at}: &a${at} [${at === 0 ? '1' : `*a${at - 1}, *a${at - 1}`}]`).join(
          '\n',
        ),
        'edgex',
      ],
      [`template: x\nrender: |\n${'  {{ if .a }}\n'.repeat(3000)}`, 'evcc'],
      [`x = ${'['.repeat(20_000)}`, 'telegraf'],
      [`${'{"a":'.repeat(3000)}1`, 'thingsboard'],
      [`address,name\n${'"'.repeat(50_000)}`, 'table'],
      [`address,name,type\n1,${'a '.repeat(200_000)},int16\n`, 'table'],
      [`address,name,type\n1,A,${'('.repeat(50_000)}\n`, 'table'],
      [`address,name,unit\n1,A,${'9'.repeat(50_000)}V\n`, 'table'],
    ]
    for (const [text, format] of bombs)
      await assertAnswer(new TextEncoder().encode(text), 'bomb', { format: format as 'table' })
  }, 60_000)

  it('ends in a map whose comments hold nothing but comments', async () => {
    const name = 'a\u2028points: {}\u0085b\u202Ec\u0007'
    const result = await importText(`address,name,type,note\n1,"${name}",int16,"x\ny: z"\n`, 'a.csv')
    if (result.verdict === 'refused') throw new Error(result.reason)
    // oxlint-disable-next-line no-control-regex -- these are what must not be there
    expect(result.draft).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u0085\u2028\u2029\u202a-\u202e]/)
    expect(result.draft).toContain('# note: x y: z')
  })
})
