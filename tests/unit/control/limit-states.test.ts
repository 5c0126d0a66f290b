import { describe, expect, it } from 'vitest'
import { inputOf, realStep } from '../../sites/properties/run.ts'
import { loadWorld } from '../../sites/support/load-cases.ts'
import type { PlantDevice } from '../../sites/support/plant.ts'

const limits = { maxImportW: 10_000, maxExportW: 3000, maxUnbalanceA: 20 }
const change = { grids: { grid: { connection: limits } }, devices: { car: null, heater: null, pv: null } }

/** A house with a battery; the loads in A per phase, the battery as it is. */
function shown(main: [number, number, number], battery: PlantDevice, forget?: string) {
  const site = loadWorld('home', change)
  const input = inputOf(site, { house: { main }, devices: { battery: { socPercent: 50, ...battery } } })
  const points = new Map([...input.readings].map(([id, list]) => [id, new Map(list)]))
  if (forget !== undefined) points.get(forget)!.clear()
  const result = realStep(site)(undefined, { ...input, readings: points })
  return { ...result, byId: new Map(result.limits.map((limit) => [limit.id, limit])) }
}

describe('limits as they are shown', () => {
  it('has each limit once, with name, unit, rating and what is measured', () => {
    // 1,000 W of discharge are 1.449 A less on each phase.
    const { limits: list } = shown([10, 5, -2], { powerW: 1000 })
    const ampere = (phase: string, value: number) => ({
      id: `main.fuse.${phase}`,
      title: `Main: fuse ${phase.toUpperCase()}`,
      unit: 'A',
      kind: 'ceiling',
      limit: 35,
      binding: false,
      violated: false,
      value: expect.closeTo(value, 3),
    })
    const watt = (id: string, title: string, limit: number, value: number) => ({
      id,
      title,
      unit: 'W',
      kind: 'ceiling',
      limit,
      binding: false,
      violated: false,
      value: expect.closeTo(value, 6),
    })
    expect(list).toEqual([
      ampere('l1', 8.551),
      ampere('l2', 3.551),
      ampere('l3', 3.449),
      watt('main.import', 'Main: import', 10_000, 1990),
      watt('main.export', 'Main: export', 3000, 0),
      { ...ampere('l1', 12), id: 'main.unbalance', title: 'Main: unbalance', limit: 20 },
      {
        id: 'battery.reserve',
        title: 'Battery: reserve',
        unit: '%',
        kind: 'floor',
        limit: 10,
        binding: false,
        violated: false,
        value: 50,
      },
      watt('battery.charge', 'Battery: charge', 5000, 0),
      watt('battery.discharge', 'Battery: discharge', 5000, 1000),
    ])
  })

  it('shows export as a size of its own', () => {
    const { byId } = shown([-5, -5, -5], { powerW: 1000 })
    expect(byId.get('main.export')).toMatchObject({ value: expect.closeTo(4450, 6), violated: true })
    expect(byId.get('main.import')).toMatchObject({ value: 0, violated: false })
    expect(byId.get('main.fuse.l1')).toMatchObject({ value: expect.closeTo(6.449, 3), violated: false })
  })

  it.each([
    [35, false],
    [35.01, true],
    [-35.01, true],
  ])('a fuse of 35 A is exceeded at %f A: %s', (ampere, violated) => {
    expect(shown([ampere, 20, 20], { powerW: 0 }).byId.get('main.fuse.l1')?.violated).toBe(violated)
  })

  it('a limit in watt is exceeded by more than a watt', () => {
    expect(shown([10_000 / 230, 0, 0], { powerW: 0 }).byId.get('main.import')?.violated).toBe(false)
    expect(shown([10_002 / 230, 0, 0], { powerW: 0 }).byId.get('main.import')?.violated).toBe(true)
  })

  it('shows the largest difference of two phases, whichever they are', () => {
    for (const house of [
      [25, 1, 9],
      [1, 9, 25],
      [9, 25, 1],
    ] as const)
      expect(shown([...house], { powerW: 0 }).byId.get('main.unbalance')).toMatchObject({
        value: expect.closeTo(24, 6),
        violated: true,
      })
  })

  it('a battery may overshoot by 2 % before that is a violation', () => {
    const charge = (powerW: number) => shown([0, 0, 0], { powerW }).byId.get('battery.charge')
    expect(charge(-5100)).toMatchObject({ value: 5100, violated: false })
    expect(charge(-5101)).toMatchObject({ value: 5101, violated: true })
    expect(shown([0, 0, 0], { powerW: 5101 }).byId.get('battery.discharge')).toMatchObject({
      value: 5101,
      violated: true,
    })
    expect(shown([0, 0, 0], { powerW: 5101 }).byId.get('battery.charge')).toMatchObject({ value: 0, violated: false })
  })

  it('the reserve is a floor', () => {
    const reserve = (socPercent: number | undefined) =>
      shown([10, 10, 10], { powerW: 0, socPercent }).byId.get('battery.reserve')
    expect(reserve(10)).toMatchObject({ value: 10, violated: false, binding: true })
    expect(reserve(9.9)).toMatchObject({ value: 9.9, violated: true })
    expect(reserve(undefined)).toMatchObject({ violated: false })
    expect(reserve(undefined)).not.toHaveProperty('value')
  })

  it('what is not measured has no value and is not called exceeded', () => {
    const { byId, violations } = shown([50, 50, 50], { powerW: 0 }, 'meter')
    for (const id of ['main.fuse.l1', 'main.import', 'main.export', 'main.unbalance']) {
      expect(byId.get(id)).toMatchObject({ violated: false })
      expect(byId.get(id)).not.toHaveProperty('value')
    }
    expect(violations).toEqual([])
  })

  it('says by how much and where a limit stays exceeded when all has been done', () => {
    // 5 kW of discharge take 7.246 A from each phase; L1 keeps 52.754 A, and 27,155 W of import remain.
    const { violations } = shown([60, 50, 30], { powerW: 0 })
    const found = new Map(violations.map(({ limitId, ...rest }) => [limitId, rest]))
    expect(found.get('main.fuse.l1')).toMatchObject({
      tier: 'physical',
      excess: expect.closeTo(17.754, 2),
      text: expect.stringContaining('L1 of Main would carry 52.75 A of 35 A in import'),
    })
    expect(found.get('main.fuse.l2')).toMatchObject({ tier: 'physical', excess: expect.closeTo(7.754, 2) })
    expect(found.has('main.fuse.l3')).toBe(false)
    expect(found.get('main.import')).toMatchObject({
      tier: 'safety',
      excess: expect.closeTo(17_200, -1),
      text: expect.stringContaining('import'),
    })
    expect(found.get('main.unbalance')).toMatchObject({
      tier: 'safety',
      excess: expect.closeTo(10, 2),
      text: expect.stringContaining('30 A of 20 A'),
    })
    expect(found.has('main.export')).toBe(false)
  })

  it('says nothing of what is within the accuracy of a measurement', () => {
    const alone = (main: [number, number, number]) => {
      const site = loadWorld('home', { ...change, devices: { ...change.devices, battery: null } })
      const { violations } = realStep(site)(undefined, inputOf(site, { house: { main }, devices: {} }))
      return violations.map(({ limitId, excess, text }) => [limitId, Math.round(excess * 1000) / 1000, text])
    }
    expect(alone([35.009, 20, 20])).toEqual([['main.import', 7252.07, expect.stringContaining('import 17252 W')]])
    expect(alone([35.012, 20, 20])).toContainEqual(['main.fuse.l1', 0.012, expect.stringContaining('in import')])
    expect(alone([10_000.9 / 230, 24, -24])).not.toContainEqual(expect.arrayContaining(['main.import']))
    expect(alone([20, 20, 3.48])).toEqual([])
    expect(alone([20, 20, 3.49])).toContainEqual(['main.import', 2.7, expect.any(String)])
    expect(alone([-40, 10, 17])).toEqual([
      ['main.fuse.l1', 5, expect.stringContaining('L1 of Main would carry 40 A of 35 A in export')],
      ['main.unbalance', 37, expect.stringContaining('57 A of 20 A')],
    ])
    expect(alone([-20, -10, -10])).toEqual([['main.export', 6200, expect.stringContaining('export 9200 W')]])
  })

  it('shows only the directions that are limited', () => {
    const site = loadWorld('home', { ...change, grids: { grid: { connection: { maxExportW: 0 } } } })
    const { limits: list } = realStep(site)(undefined, inputOf(site, { house: { main: [1, 1, 1] }, devices: {} }))
    const ids = list.map(({ id }) => id)
    expect(ids).toContain('main.export')
    expect(ids).not.toContain('main.import')
    expect(ids).not.toContain('main.unbalance')
    expect(list.find(({ id }) => id === 'main.export')).toMatchObject({ limit: 0, value: 0 })
    const importing = loadWorld('home', { ...change, grids: { grid: { connection: { maxImportW: 5 } } } })
    const other = realStep(importing)(undefined, inputOf(importing, { house: { main: [1, 1, 1] }, devices: {} }))
    expect(other.limits.map(({ id }) => id)).not.toContain('main.export')
  })
})
