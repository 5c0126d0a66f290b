import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type RegisterSnapshot, registerSnapshot } from '#contract/workbench-registers.ts'
import { diffSnapshots } from '../../../../service/commissioning/values/diff.ts'
import { diffTable, snapshotTable } from '../../../../service/commissioning/values/register-tables.ts'
import { snapshotText, takeSnapshot } from '../../../../service/commissioning/values/snapshot.ts'

const snapshotOf = (words: Readonly<Record<string, number>>, moved: readonly number[] = []): RegisterSnapshot => ({
  kind: 'snapshot',
  name: '',
  bus: 'tcp://10.0.0.5:502',
  unitId: 1,
  takenAtMs: 1000,
  takenBy: 'test',
  baseline: { readings: 5, overMs: 4000 },
  tables: [{ fn: 3, words: { ...words }, moved: [...moved] }],
  refused: [],
})

/** Registers in readings one after the other: some are noise, one knob is turned between the last two. */
const experiment = fc
  .record({
    addresses: fc.uniqueArray(fc.integer({ min: 0, max: 65_535 }), { minLength: 1, maxLength: 60 }),
    readings: fc.integer({ min: 2, max: 8 }),
    seed: fc.infiniteStream(fc.integer({ min: 0, max: 65_535 })),
    noisy: fc.infiniteStream(fc.boolean()),
    turned: fc.infiniteStream(fc.boolean()),
  })
  .map(({ addresses, readings, seed, noisy, turned }) => {
    const next = <T>(stream: Iterator<T>): T => stream.next().value as T
    const series = new Map(
      addresses.map((address) => {
        const start = next(seed)
        const isNoisy = next(noisy)
        const words = Array.from({ length: readings }, (_, at) =>
          isNoisy ? (start + at * (1 + (next(seed) % 1000))) & 0xffff : start,
        )
        const isTurned = next(turned)
        return [address, [...words, isTurned ? (words.at(-1)! + 1 + (next(seed) % 65_534)) & 0xffff : words.at(-1)!]]
      }),
    )
    return { series, readings }
  })

describe('the difference of two snapshots', () => {
  it('shows exactly what changed and had been calm before, and counts the rest', () => {
    fc.assert(
      fc.property(experiment, ({ series, readings }) => {
        const at = (turn: number) =>
          Object.fromEntries([...series].map(([address, words]) => [String(address), words[turn]!]))
        const calm = (address: number, until: number): boolean =>
          new Set(series.get(address)!.slice(0, until)).size === 1
        const baselineMoved = [...series.keys()].filter((address) => !calm(address, readings - 1))
        const result = diffSnapshots(
          snapshotOf(at(readings - 1)),
          snapshotOf(at(readings)),
          snapshotOf(at(readings - 2), baselineMoved),
        )
        const differs = [...series].filter(([, words]) => words[readings] !== words[readings - 1])
        const sorted = differs.map(([address]) => address).toSorted((a, b) => a - b)
        expect(result.changed.map(({ address }) => address)).toEqual(sorted.filter((one) => calm(one, readings)))
        expect(result.masked.map(({ address }) => address)).toEqual(sorted.filter((one) => !calm(one, readings)))
        expect(result.compared).toBe(series.size)
      }),
      { numRuns: 300 },
    )
  })

  it('masks what moved while the first one was taken, and keeps functions and lonely registers apart', () => {
    const before = snapshotOf({ 5: 1, 6: 2, 7: 3 }, [6])
    const after: RegisterSnapshot = {
      ...snapshotOf({ 5: 9, 6: 9, 8: 4 }),
      tables: [...snapshotOf({ 5: 9, 6: 9, 8: 4 }).tables, { fn: 4, words: { 5: 7 }, moved: [] }],
    }
    const { changed, masked, compared, onlyBefore, onlyAfter } = diffSnapshots(before, after)
    expect(changed).toEqual([{ fn: 3, address: 5, before: 1, after: 9 }])
    expect(masked).toEqual([{ fn: 3, address: 6 }])
    expect([compared, onlyBefore, onlyAfter]).toEqual([2, 1, 2])
  })
})

describe('a snapshot', () => {
  const values = [
    {
      block: { fn: 3, address: 100, count: 3 } as const,
      words: Uint16Array.of(0x0009, 0x5ee8, 7),
      readMs: [1000, 5000, 9000],
      atMs: 1,
      changedMs: Float64Array.of(Number.NEGATIVE_INFINITY, 8000, 2000),
    },
  ]
  const options = {
    bus: 'tcp://10.0.0.5:502',
    unitId: 3,
    name: 'before the knob',
    takenBy: 'test',
    takenAtMs: 5,
    nowMs: 10_000,
    refused: [],
  }

  it('marks what moved in the time of its baseline only, and says how often it was read', () => {
    const short = takeSnapshot(values, { ...options, baselineMs: 5000 })
    expect(short.tables[0]?.moved).toEqual([101])
    expect(short.baseline).toEqual({ readings: 2, overMs: 5000 })
    const long = takeSnapshot(values, { ...options, baselineMs: 9000 })
    expect(long.tables[0]?.moved).toEqual([101, 102])
    expect(long.baseline).toEqual({ readings: 3, overMs: 9000 })
  })

  it('is a file with one register per line, which is read back as it was', () => {
    const taken = takeSnapshot(values, { ...options, baselineMs: 5000 })
    const text = snapshotText(taken)
    expect(registerSnapshot.parse(JSON.parse(text))).toEqual(taken)
    const changed = snapshotText({ ...taken, tables: [{ ...taken.tables[0]!, words: { 100: 9, 101: 1, 102: 7 } }] })
    const lines = text.split('\n')
    expect(changed.split('\n').filter((line, at) => line !== lines[at])).toHaveLength(1)
  })

  it('has rows for a spreadsheet in which nothing is a formula', () => {
    const taken = takeSnapshot(values, { ...options, baselineMs: 5000 })
    const point = { fn: 3, address: 100, count: 2, title: '', unit: 'W', type: 'int32' } as const
    const order = { wordOrder: 'big', byteOrder: 'big', scale: 1, offset: 0 } as const
    const rows = snapshotTable(taken, [{ ...point, ...order, name: '=cmd()' }]).split('\r\n')
    expect(rows[1]).toMatch(
      /^3,100,101,400101,0x0064,"'=cmd\(\)",W,0x0009,9,9,614120,1592262665,8\.6056\d+e-40,8\.?\d+,$/,
    )
    expect(rows[2]).toMatch(/^3,101,102,400102,0x0065,,,0x5EE8,24296,24296,.*,yes$/)
    const csv = diffTable(diffSnapshots(taken, snapshotOf({ 100: 3, 101: 4, 102: 7 })))
    expect(csv).toContain('3,100,101,400101,0x0064,9,3,-6,\r\n')
    expect(csv).toContain('moved before')
  })
})
