import { describe, expect, it } from 'vitest'
import { site as siteSchema } from '#contract/site.ts'
import type { AgedReading } from '../../../service/domain/measured.ts'
import { controllerOf, holds, islandOf, placeOf } from '../../../service/domain/island.ts'
import { compileSite } from '../../../service/domain/site-model.ts'

const letters = ['a', 'b', 'c'] as const
const sensor = (id: string, number: number) => ({
  id,
  name: id,
  role: 'sensor',
  map: 'a/b',
  connection: `tcp://10.0.0.${number}`,
})
const model = compileSite(
  siteSchema.parse({
    version: 3,
    name: 'Three grids',
    grids: letters.map((id) => ({ id, name: id.toUpperCase(), connection: { id: `${id}-bus`, name: id } })),
    ties: [
      { id: 'ab', name: 'A to B', between: ['a', 'b'], closed: { device: 'tie-ab', point: 'on' } },
      { id: 'bc', name: 'B to C', between: ['c', 'b'], closed: { device: 'tie-bc', point: 'on', equals: 'closed' } },
    ],
    devices: [
      sensor('tie-ab', 1),
      sensor('tie-bc', 2),
      sensor('switch', 3),
      {
        ...sensor('battery', 4),
        role: 'battery',
        battery: { maxChargeW: 1, maxDischargeW: 1 },
        circuit: [
          { circuit: 'a-bus', when: { device: 'switch', point: 'on', equals: 1 } },
          { circuit: 'c-bus', when: { device: 'switch', point: 'on', equals: 2 } },
        ],
      },
    ],
  }),
)

const now = (value: number | string, ageMs = 0): AgedReading => ({ value, quality: 'good', atMs: 0, ageMs })
const readings = (points: Record<string, AgedReading>) =>
  new Map(Object.entries(points).map(([id, reading]) => [id, new Map([['on', reading]])]))
const names = (grid: number, points: Record<string, AgedReading>) =>
  islandOf(model, grid, readings(points)).grids.map((index) => letters[index])

describe('grids that are joined', () => {
  it('stand alone while their ties are open', () => {
    const open = { 'tie-ab': now(0), 'tie-bc': now('open') }
    expect([0, 1, 2].map((grid) => names(grid, open))).toEqual([['a'], ['b'], ['c']])
  })

  it('are one over several closed ties, led by the first of the site', () => {
    const closed = { 'tie-ab': now(1), 'tie-bc': now('closed') }
    expect(names(2, closed)).toEqual(['a', 'b', 'c'])
    expect(letters.map((id) => controllerOf(model, id, readings(closed)))).toEqual(['a', 'a', 'a'])
    expect(controllerOf(model, 'c', readings({ ...closed, 'tie-ab': now(0) }))).toBe('b')
  })

  it('are not joined by a tie that cannot be read, which both sides are told', () => {
    const unknown = readings({ 'tie-ab': now(1, 60_000), 'tie-bc': now('open') })
    expect(islandOf(model, 0, unknown)).toEqual({ grids: [0], unknownTie: 'A to B' })
    expect(islandOf(model, 1, unknown)).toEqual({ grids: [1], unknownTie: 'A to B' })
    expect(islandOf(model, 2, unknown)).toEqual({ grids: [2] })
  })
})

describe('a shared device', () => {
  const battery = model.deviceIndex.get('battery')!
  it.each([
    ['where its only condition holds', { switch: now(2) }, 'c-bus'],
    ['nowhere when none holds', { switch: now(0) }, undefined],
    ['nowhere when its conditions cannot be read', {}, undefined],
  ] as const)('is %s', (_, points, circuit) => {
    const place = placeOf(model, battery, readings(points))
    expect(place === undefined ? undefined : model.nodes[place]!.circuit.id).toBe(circuit)
  })
})

describe('a condition', () => {
  const condition = { device: 'switch', point: 'on' }
  it.each([
    [now(1), true],
    [now(0), false],
    [now(Number.NaN), undefined],
    [now('yes'), undefined],
    [now(1, 2001), undefined],
    [{ ...now(1), quality: 'bad' as const }, undefined],
  ])('of %j is %s', (reading, expected) => {
    expect(holds(condition, readings({ switch: reading }), 2000)).toBe(expected)
  })
})
