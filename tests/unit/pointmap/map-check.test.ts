import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkMapText } from '../../../service/pointmap/map-check.ts'
import { differenceOf } from '../../../service/pointmap/map-difference.ts'

const map = (points: string, head = ''): string =>
  `format: 1\nmaker: A\nmodel: B\nkind: meter\n${head}points:\n${points}`
const check = (text: string) => checkMapText('a/b', text, () => undefined)
/** The text after the only fix was applied. */
function cured(text: string): string {
  const [problem, ...more] = check(text).problems.filter(({ fix }) => fix)
  expect(more).toEqual([])
  const edits = (problem?.fix?.edits ?? []).toSorted((a, b) => b.from - a.from)
  return edits.reduce((now, { from, to, insert }) => now.slice(0, from) + insert + now.slice(to), text)
}

describe('one fix', () => {
  it.each([
    ['  powerW: { adress: 1, type: int16 }\n', '  powerW: { address: 1, type: int16 }\n'],
    ['  powrW: { address: 1, type: int16 }\n', '  powerW: { address: 1, type: int16 }\n'],
    ['  voltagV.l1: { address: 1, type: int16 }\n', '  voltageV.l1: { address: 1, type: int16 }\n'],
    ['  powerW: { address: 1, type: int16, scale: "0,1" }\n', '  powerW: { address: 1, type: int16, scale: 0.1 }\n'],
    ['  powerW: { address: 1, type: int16, wordOrder: big }\n', '  powerW: { address: 1, type: int16 }\n'],
    ['  powerW: { wordOrder: big, address: 1, type: int16 }\n', '  powerW: { address: 1, type: int16 }\n'],
    [
      '  powerW:\n    address: 1\n    wordOrder: big\n    type: int16\n',
      '  powerW:\n    address: 1\n    type: int16\n',
    ],
    [
      '  powerW: { address: 1, type: int16, range: [5, -5] }\n',
      '  powerW: { address: 1, type: int16, range: [-5, 5] }\n',
    ],
    ['  energyWh: { address: 1, type: uint32, unit: kwh }\n', '  energyWh: { address: 1, type: uint32, unit: kWh }\n'],
  ])('%j', (wrong, right) => {
    const text = cured(map(wrong))
    expect(text).toBe(map(right))
    expect(check(text).problems).toEqual([])
  })
  it('of a decimal comma in braces joins what YAML has torn apart', () => {
    expect(check(cured(map('  powerW: { address: 1, type: int16, scale: 2,5 }\n'))).problems).toEqual([])
  })
  it('of a map with a decimal comma keeps the number', () => {
    expect(cured(map('  powerW: { address: 1, type: int16, scale: 2,5 }\n'))).toContain('scale: 2.5 }')
  })
  it('of a wrong base is none, and the problem says where it is', () => {
    const base = { text: map('  powerW: { address: 1 }\n'), file: 'pointmaps/c/d.yaml' }
    const { problems } = checkMapText('a/b', map('  powerW: { address: 1 }\n', 'extends: c/d\n'), () => base)
    expect(problems).toMatchObject([
      { line: 1, message: expect.stringContaining('in c/d.yaml, which it extends, line 6') },
    ])
  })
})

it('never throws for what a text contains, and every place is in it', () => {
  const parts = fc.constantFrom(
    ...map('  powerW: { address: 1 }\n').split(/(?=[ :{,\n])/),
    "'",
    '"',
    '\t',
    '[',
    '<script>',
    '&a',
    '*a',
    '0,1',
    '😀',
  )
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 60 }), (words) => {
      const text = words.join('')
      const lines = text.split('\n').length
      for (const { line, fix } of check(text).problems) {
        expect(line).toBeLessThanOrEqual(lines)
        for (const { from, to } of fix?.edits ?? []) expect([from <= to, to <= text.length]).toEqual([true, true])
      }
    }),
    { numRuns: 300 },
  )
})

it('names every point with its line, inherited ones without', () => {
  const base = { text: map('  powerW: { address: 1, type: int16 }\n'), file: 'c/d.yaml' }
  const text = map('  currentA.l1: { address: 2, type: uint16 }\n', 'extends: c/d\n')
  const { points } = checkMapText('a/b', text, () => base)
  expect(points.map(({ name, line }) => [name, line])).toEqual([
    ['powerW', null],
    ['currentA.l1', 7],
  ])
})

describe('the difference in meaning', () => {
  const of = (before: string, after: string) => {
    const [a, b] = [check(before).loaded, check(after).loaded]
    return a && b ? differenceOf(a.map, b.map) : undefined
  }
  it('is none for the same in another order and form', () => {
    const flow = map('  powerW: { address: 1, type: int16 }\n  currentA.l1: { address: 2, type: uint16 }\n')
    const block = map(
      '  currentA.l1: { type: uint16, address: 2 } # first\n  powerW:\n    type: int16\n    address: 1\n',
    )
    expect(of(flow, block)).toEqual([])
  })
  it('names what was added, removed and changed', () => {
    const before = map('  powerW: { address: 1, type: int16, scale: 0.01 }\n  serial: { address: 9, type: uint16 }\n')
    const after = map(
      '  powerW: { address: 1, type: int16, scale: 0.001 }\n  frequencyHz: { address: 5, type: uint16 }\n',
    )
    expect(of(before, after)).toEqual([
      { kind: 'changed', path: ['points', 'powerW', 'scale'], before: '0.01', after: '0.001' },
      { kind: 'removed', path: ['points', 'serial'], before: '{ address: 9, type: uint16 }' },
      { kind: 'added', path: ['points', 'frequencyHz'], after: '{ address: 5, type: uint16 }' },
    ])
  })
})
