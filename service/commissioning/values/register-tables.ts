import type { ReadFunction, RegisterDiff, RegisterSnapshot, WatchedPoint } from '#contract/workbench-registers.ts'
import { csvLine } from '../../domain/csv.ts'
import { toFloat } from '../../pointmap/words.ts'

const firstDigit: Readonly<Record<ReadFunction, number>> = { 1: 0, 2: 1, 3: 4, 4: 3 }

/** The address as manuals write it: 400001 is the first holding register, 300001 the first input register. */
const classic = (fn: ReadFunction, address: number): string =>
  `${firstDigit[fn]}${String(address + 1).padStart(5, '0')}`

const hex = (word: number): string => `0x${word.toString(16).toUpperCase().padStart(4, '0')}`
const signed = (word: number): number => (word << 16) >> 16
const places = (fn: ReadFunction, address: number) => [fn, address, address + 1, classic(fn, address), hex(address)]
const placeTitles = ['function', 'address', 'address from 1', 'classic address', 'address hex']

/** Registers in rows for a spreadsheet: addresses as everybody writes them, and what the words could mean. */
export function snapshotTable({ tables }: RegisterSnapshot, points: readonly WatchedPoint[] = []): string {
  const titles = [
    ...placeTitles,
    'point',
    'unit',
    'raw',
    'uint16',
    'int16',
    'uint32 ABCD',
    'uint32 CDAB',
    'float32 ABCD',
    'float32 CDAB',
    'moved',
  ]
  const names = new Map(points.map((point) => [`${point.fn} ${point.address}`, point]))
  const rows = tables.flatMap(({ fn, words, moved }) => {
    const noisy = new Set(moved)
    return Object.entries(words).map(([key, word]) => {
      const address = Number(key)
      const next = fn >= 3 ? words[address + 1] : undefined
      const pair = next === undefined ? undefined : ([word, next] as const)
      const point = names.get(`${fn} ${address}`)
      return [
        ...places(fn, address),
        point?.name,
        point?.unit,
        hex(word),
        word,
        signed(word),
        pair && pair[0] * 0x1_0000 + pair[1],
        pair && pair[1] * 0x1_0000 + pair[0],
        pair && finite(toFloat(pair)),
        pair && finite(toFloat([pair[1], pair[0]])),
        noisy.has(address) ? 'yes' : '',
      ]
    })
  })
  return [titles, ...rows].map(csvLine).join('')
}

const finite = (value: number): number | undefined => (Number.isFinite(value) ? value : undefined)

/** What differs, in rows for a spreadsheet. */
export function diffTable({ changed, masked }: RegisterDiff): string {
  const titles = [...placeTitles, 'before', 'after', 'change', 'masked']
  const rows = [
    ...changed.map(({ fn, address, before, after }) => [
      ...places(fn, address),
      before,
      after,
      signed(after - before),
      '',
    ]),
    ...masked.map(({ fn, address }) => [...places(fn, address), undefined, undefined, undefined, 'moved before']),
  ]
  return [titles, ...rows].map(csvLine).join('')
}
