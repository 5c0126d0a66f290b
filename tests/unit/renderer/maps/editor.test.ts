import { CompletionContext } from '@codemirror/autocomplete'
import { EditorState, type Transaction } from '@codemirror/state'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { MapLine } from '#contract/map-editor.ts'
import { bindingOf, placePoint } from '../../../../renderer/screens/maps/bind-register.ts'
import { nextByteOrder, orderName } from '../../../../renderer/screens/maps/editor/byte-orders.ts'
import { completeFrom } from '../../../../renderer/screens/maps/editor/completion.ts'
import { liveField, pointAt, setPlaces } from '../../../../renderer/screens/maps/editor/live-values.ts'
import { applyFix, nextProblem, problemField, setProblems } from '../../../../renderer/screens/maps/editor/problems.ts'
import { yamlPlace } from '../../../../renderer/screens/maps/editor/yaml-place.ts'
import { diffLines } from '../../../../renderer/screens/maps/line-diff.ts'
import { mapIdOf } from '../../../../renderer/screens/maps/map-id.ts'
import { otherReadings } from '../../../../renderer/screens/maps/other-readings.ts'
import { pointMapSchemaText } from '../../../../service/pointmap/json-schema.ts'
import { checkMapText } from '../../../../service/pointmap/map-check.ts'

/** A text with the cursor where the bar is. */
function placeOf(marked: string) {
  return yamlPlace(marked.slice(0, marked.indexOf('|')))
}
const complete = completeFrom(pointMapSchemaText(), (name) => ({ powerW: 'W' })[name])
function offered(marked: string, explicit = true): string[] {
  const pos = marked.indexOf('|')
  const state = EditorState.create({ doc: marked.replace('|', '') })
  return (complete(new CompletionContext(state, pos, explicit))?.options ?? []).map(({ label }) => label)
}

describe('the place of the cursor', () => {
  it.each([
    ['ki|', [], 'key'],
    ['kind: me|', ['kind'], 'value'],
    ['points:\n  powerW: { addr|', ['points', 'powerW'], 'key'],
    ['points:\n  powerW: { address: 1, type: ui|', ['points', 'powerW', 'type'], 'value'],
    ['points:\n  powerW:\n    addr|', ['points', 'powerW'], 'key'],
    ['points:\n  powerW: { address: 1 }\n  |', ['points'], 'key'],
    ['identify:\n  - {\n      function: in|', ['identify', '[]', 'function'], 'value'],
    ['identify:\n  - function: in|', ['identify', '[]', 'function'], 'value'],
    [
      'commands:\n  setPowerW:\n    writes:\n      - { address: 1, val|',
      ['commands', 'setPowerW', 'writes', '[]'],
      'key',
    ],
    ["points:\n  serial: { title: 'a: {', ty|", ['points', 'serial'], 'key'],
  ] as const)('%j', (marked, path, typing) => {
    const place = placeOf(marked)
    expect([place.path, place.typing]).toEqual([path, typing])
  })
  it('is found in any text, however broken', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a: ', '{', '}', '[', ']', ',', '\n', '  ', '- ', "'", '"', '#', 'x')),
        (parts) => {
          const text = parts.join('')
          const { from } = yamlPlace(text)
          expect(from).toBeGreaterThanOrEqual(0)
          expect(from).toBeLessThanOrEqual(text.length)
        },
      ),
    )
  })
})

describe('completion', () => {
  it('offers the keys that the schema allows there, without those that are taken', () => {
    expect(offered('|')).toEqual(expect.arrayContaining(['format', 'maker', 'points', 'quirks']))
    const keys = offered('points:\n  powerW: { address: 1, |')
    expect(keys).toEqual(expect.arrayContaining(['type', 'scale', 'wordOrder']))
    expect(keys).not.toContain('address')
  })
  it('offers values, names of points, types and units', () => {
    expect(offered('kind: |')).toEqual(expect.arrayContaining(['meter', 'battery']))
    expect(offered('points:\n  vol|')).toContain('voltageV')
    expect(offered('points:\n  powerW: { type: |')).toContain('uint16')
    expect(offered('points:\n  powerW: { unit: |')).toEqual(['W', 'kW', 'mW'])
    expect(offered('points:\n  powerW: { wordOrder: |')).toEqual(['big', 'little'])
    expect(offered('commands:\n  |')).toContain('setPowerW')
  })
  it('does not come up unasked where nothing is typed', () => {
    expect(offered('points:\n  |', false)).toEqual([])
  })
})

/** An editor without a window. */
function targetOf(text: string) {
  const target = {
    state: EditorState.create({ doc: text, extensions: [problemField, liveField] }),
    dispatch(transaction: Transaction) {
      target.state = transaction.state
    },
  }
  return target
}
const broken = `format: 1
maker: A
model: B
kind: metr
points:
  powerW: { adress: 52, type: float32 }
`

describe('problems', () => {
  it('are gone through and cured by key, one after the other', () => {
    const target = targetOf(broken)
    const check = (): number => {
      const { problems } = checkMapText('a/b', target.state.doc.toString(), () => undefined)
      target.dispatch(target.state.update({ effects: setProblems(problems) }))
      return problems.length
    }
    expect(check()).toBe(2)
    const lineOfCursor = (): number => target.state.doc.lineAt(target.state.selection.main.head).number
    nextProblem(target)
    expect(lineOfCursor()).toBe(4)
    nextProblem(target)
    expect(lineOfCursor()).toBe(6)
    expect(applyFix(target)).toBe(true)
    expect(target.state.doc.line(6).text).toBe('  powerW: { address: 52, type: float32 }')
    nextProblem(target)
    applyFix(target)
    expect(check()).toBe(0)
    expect(applyFix(target)).toBe(false)
  })
  it('follow the text, and a fix of what was changed meanwhile is not offered', () => {
    const target = targetOf(broken)
    const { problems } = checkMapText('a/b', broken, () => undefined)
    target.dispatch(target.state.update({ effects: setProblems(problems) }))
    target.dispatch(target.state.update({ changes: { from: 0, insert: '# a line above\n' } }))
    expect(target.state.field(problemField).map(({ at }) => target.state.doc.lineAt(at).number)).toEqual([5, 7])
    const at = target.state.doc.toString().indexOf('metr')
    target.dispatch(target.state.update({ changes: { from: at, to: at + 4, insert: 'x' } }))
    expect(target.state.field(problemField).map(({ fix }) => fix?.title)).toEqual([undefined, 'adress → address'])
  })
})

const line = (type: string, order: Partial<MapLine> = {}): MapLine => ({
  name: 'powerW',
  title: '',
  unit: 'W',
  line: 1,
  derived: false,
  type,
  ...order,
})

describe('orders of bytes', () => {
  it('go round through all four and back', () => {
    const target = targetOf('  powerW: { address: 52, type: float32 }')
    const seen = [0, 1, 2, 3].map(() => {
      const change = nextByteOrder(target.state, line('float32'), 1)
      if (change) target.dispatch(target.state.update(change))
      const { text } = target.state.doc.line(1)
      return text.slice(text.indexOf('float32') + 7)
    })
    expect(seen).toEqual([
      ', wordOrder: little }',
      ', wordOrder: big, byteOrder: little }',
      ', wordOrder: little, byteOrder: little }',
      ', wordOrder: big, byteOrder: big }',
    ])
  })
  it('of one word are two, and what is no point in braces stays', () => {
    const target = targetOf('  powerW: { address: 52 }')
    const change = nextByteOrder(target.state, line('uint16'), -1)
    expect(change && target.state.update(change).newDoc.toString()).toBe('  powerW: { address: 52, byteOrder: little }')
    expect(nextByteOrder(targetOf('  powerW:').state, line('uint16'), 1)).toBeUndefined()
    expect(orderName({ type: 'int32', wordOrder: 'little' })).toBe('CDAB')
  })
  it('show what the same bytes would read otherwise', () => {
    const found = otherReadings(line('uint32'), { name: 'powerW', quality: 'good', value: 65_538, raw: [1, 2] })
    expect(found.map(({ order, text }) => `${order} ${text}`)).toEqual([
      'CDAB 131.073 kW',
      'BADC 16\u202F777.728 kW',
      'DCBA 33\u202F554.688 kW',
    ])
  })
})

describe('a register that becomes a point', () => {
  const text = 'kind: meter\npoints:\n  powerW: { address: 52 }\n\nsources: []\n'
  it('gets a line of its own at the end of the points', () => {
    const binding = bindingOf({ bind: 'input.100.float32.little' })
    const found = binding && placePoint(text, binding, [])
    expect(found && EditorState.create({ doc: text }).update({ changes: found.changes }).newDoc.line(4).text).toBe(
      '  vendor.registerInput100: { address: 100, function: input, type: float32, wordOrder: little }',
    )
  })
  it('is the line that reads it already', () => {
    const binding = bindingOf({ bind: 'holding.52.uint16.big' })
    const known: MapLine = { ...line('uint16', { line: 3 }), function: 'holding', address: 52 }
    expect(binding && placePoint(text, binding, [known])).toEqual({ changes: { from: 20, insert: '' }, cursor: 22 })
  })
  it.each(['holding.70000.uint16.big', 'other.1.uint16.big', 'holding.1.<b>.big', ''])('is refused: %j', (bind) => {
    expect(bindingOf({ bind })).toBeUndefined()
  })
})

it('knows the point of the cursor by its line and the lines below it', () => {
  const text = 'points:\n  a:\n    address: 1\n  b: { address: 2 }\nsources: []\n'
  const target = targetOf(text)
  target.dispatch(
    target.state.update({
      effects: setPlaces([
        { name: 'a', line: 2 },
        { name: 'b', line: 4 },
      ]),
    }),
  )
  const at = [1, 2, 3, 4, 5].map((number) => pointAt(target.state, target.state.doc.line(number).from))
  expect(at).toEqual([undefined, 'a', 'a', 'b', undefined])
})

it('lays two texts over each other so that both can be read out again', () => {
  const lines = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 30 }).map((all) => all.join('\n'))
  fc.assert(
    fc.property(lines, lines, (before, after) => {
      const rows = diffLines(before, after)
      expect(rows.flatMap(({ kind, text }) => (kind === 'added' ? [] : [text])).join('\n')).toBe(before)
      expect(rows.flatMap(({ kind, text }) => (kind === 'removed' ? [] : [text])).join('\n')).toBe(after)
    }),
  )
  expect(diffLines('x\n'.repeat(3000), 'y\n'.repeat(3000))).toHaveLength(6001)
})

it('names a map by maker and model in plain letters', () => {
  expect(mapIdOf('Müller & Söhne', 'EM-340 <b>')).toBe('muller-sohne/em-340-b')
  expect(mapIdOf('../..', 'x')).toBeUndefined()
})
