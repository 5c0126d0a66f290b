import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  canonicalJson,
  type CanonicalValue,
  chainEntry,
  createChainVerifier,
  genesisHash,
  hashOf,
  type JournalInput,
  type JournalRow,
  readEntry,
  type VerifyResult,
} from '../../../service/storage/journal-chain.ts'

const value: fc.Arbitrary<CanonicalValue> = fc.letrec<{ value: CanonicalValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.string({ unit: 'binary' }),
    fc.double({ noDefaultInfinity: true, noNaN: true }),
    fc.boolean(),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie('value'), { maxKeys: 5, noNullPrototype: true }),
  ),
})).value

const input: fc.Arbitrary<JournalInput> = fc.record(
  {
    kind: fc.constantFrom('write', 'release', 'arm'),
    principal: fc.string({ unit: 'binary' }),
    deviceId: fc.string(),
    command: fc.string(),
    value: fc.double(),
    outcome: fc.string(),
    detail: fc.string({ unit: 'binary' }),
    frames: fc.array(fc.string(), { maxLength: 3 }),
    data: fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.boolean()), { noNullPrototype: true }),
  },
  { requiredKeys: ['kind', 'principal'], noNullPrototype: true },
)

function reversedKeys(of: CanonicalValue): CanonicalValue {
  if (Array.isArray(of)) return of.map((item: CanonicalValue) => reversedKeys(item))
  if (typeof of !== 'object') return of
  return Object.fromEntries(
    Object.entries(of)
      .toReversed()
      .map(([key, field]) => [key, reversedKeys(field)]),
  )
}

function chain(inputs: readonly JournalInput[]): JournalRow[] {
  let previous = { seq: 0, hash: genesisHash }
  return inputs.map((entry, index) => {
    const { row } = chainEntry(entry, previous, 1_800_000_000_000 + index)
    previous = row
    return row
  })
}

function verify(rows: readonly JournalRow[], known = rows.at(-1) ?? { seq: 0, hash: genesisHash }): VerifyResult {
  const verifier = createChainVerifier('start')
  for (const row of rows) {
    const problem = verifier.add(row)
    if (problem) return problem
  }
  return verifier.finish(known)
}

describe('canonical JSON', () => {
  test('has one text for equal content, and that text is JSON of the content', () => {
    fc.assert(
      fc.property(value, (content) => {
        const text = canonicalJson(content)
        expect(canonicalJson(reversedKeys(content))).toBe(text)
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(content)))
        expect(canonicalJson(JSON.parse(text) as CanonicalValue)).toBe(text)
      }),
    )
  })

  test('sorts keys, leaves out what is absent and never fails on a number', () => {
    expect(canonicalJson({ b: 1, a: undefined, Z: [NaN, -Infinity, -0] })).toBe('{"Z":["NaN","-Infinity",0],"b":1}')
  })
})

test('every chain verifies, and reads back as it was written', () => {
  fc.assert(
    fc.property(fc.array(input, { maxLength: 8 }), (inputs) => {
      const rows = chain(inputs)
      expect(verify(rows)).toMatchObject({ ok: true, entries: rows.length })
      for (const [index, row] of rows.entries()) {
        const entry = readEntry(row)
        expect(entry).toMatchObject({ seq: index + 1, hash: row.hash, kind: inputs[index]!.kind })
        expect(entry.value).toBe(Number.isFinite(inputs[index]!.value) ? inputs[index]!.value! + 0 : undefined)
      }
    }),
  )
})

test('an edit, a deletion, a swap and a cut are found where they are', () => {
  fc.assert(
    fc.property(fc.array(input, { minLength: 3, maxLength: 8 }), fc.nat(), (inputs, pick) => {
      const rows = chain(inputs)
      const at = pick % (rows.length - 1)
      const row = rows[at]!
      const seq = at + 1

      const body = row.body.replace('"kind":"', '"kind":"x')
      expect(verify(rows.with(at, { ...row, body }))).toMatchObject({ ok: false, problem: 'edited', seq })
      expect(verify(rows.with(at, { ...row, body, hash: hashOf(body) }))).toMatchObject({ problem: 'edited', seq })
      expect(verify(rows.toSpliced(at, 1))).toMatchObject({ ok: false, problem: 'missing', seq })
      const next = rows[at + 1]!
      const swapped = rows.with(at, { ...next, seq: row.seq }).with(at + 1, { ...row, seq: next.seq })
      expect(verify(swapped)).toMatchObject({ ok: false, problem: 'reordered', seq })
      expect(verify(rows.slice(0, at), rows.at(-1))).toMatchObject({ ok: false, problem: 'truncated', seq })
    }),
  )
})

test('a journal may begin later only where an entry says so, with the hash it ends at', () => {
  const entry = { kind: 'write', principal: 'automatic control' }
  const rows = chain([entry, entry, entry])
  const last = rows[2]!
  const upTo = rows[1]!
  const pruned = (data: Record<string, string | number>): JournalRow =>
    chainEntry({ kind: 'pruned', principal: 'storage', data }, last, 1_800_000_000_000).row
  const right = pruned({ upToSeq: upTo.seq, upToHash: upTo.hash })
  expect(verify([last, right])).toMatchObject({ ok: true })
  expect(verify([upTo, last, right])).toMatchObject({ ok: true })
  expect(verify([last])).toMatchObject({ problem: 'missing', seq: 2 })
  expect(verify([last, pruned({ upToSeq: 1, upToHash: rows[0]!.hash })])).toMatchObject({ problem: 'missing' })
  expect(verify([last, pruned({ upToSeq: 2, upToHash: rows[0]!.hash })])).toMatchObject({ problem: 'missing' })
})

test('an entry is bounded', () => {
  const { row } = chainEntry(
    {
      kind: 'write',
      principal: 'x',
      detail: 'd'.repeat(1e6),
      frames: Array.from({ length: 1000 }, () => 'f'.repeat(1e4)),
    },
    { seq: 0, hash: genesisHash },
    0,
  )
  expect(row.body.length).toBeLessThan(12_000)
})
