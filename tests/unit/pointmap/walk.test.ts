import fc from 'fast-check'
import { expect, test } from 'vitest'
import { walkSunspec } from '../../../service/pointmap/sunspec/walk.ts'

const marker = [0x5375, 0x6e53]
const model = (id: number, length: number, real = length) => [id, length, ...Array.from({ length: real }, () => 0)]
const end = [0xffff, 0]

/** A device that holds these registers from a base on and refuses every other. Counts what is asked. */
function device(registers: readonly number[], base = 40_000) {
  const requests: [number, number][] = []
  const read = async (address: number, count: number) => {
    requests.push([address, count])
    const from = address - base
    return from >= 0 && from + count <= registers.length ? registers.slice(from, from + count) : undefined
  }
  return { read, requests }
}

test.each([40_000, 0, 50_000])('finds the models from %d', async (base) => {
  const { read } = device(
    [...marker, ...model(1, 66), ...model(103, 50), ...model(160, 48), ...model(160, 48), ...end],
    base,
  )
  expect(await walkSunspec(read)).toEqual({
    base,
    models: [
      { model: 1, address: base + 4, length: 66 },
      { model: 103, address: base + 72, length: 50 },
      { model: 160, address: base + 124, length: 48 },
      { model: 160, address: base + 174, length: 48 },
    ],
    warnings: [],
  })
})

test('a common model of 65 registers', async () => {
  const { read } = device([...marker, ...model(1, 65), ...model(101, 50), ...end])
  expect((await walkSunspec(read))?.models[1]).toEqual({ model: 101, address: 40_071, length: 50 })
})

test('no marker, no SunSpec', async () => {
  const { read, requests } = device([1, 2, 3, 4])
  expect(await walkSunspec(read)).toBeUndefined()
  expect(requests).toEqual([
    [40_000, 2],
    [0, 2],
    [50_000, 2],
  ])
})

test.each<[string, readonly number[], number, string]>([
  ['a length that lies past the registers', [...model(1, 66), 103, 500, 0, 0], 1, 'its last register cannot be read'],
  ['a length past the last address', [...model(1, 66), 103, 60_000], 1, 'past the last address'],
  ['a length of 0', [...model(1, 66), 103, 0], 1, 'states a length of 0'],
  ['no end', model(1, 66), 1, 'the end of the list was not seen'],
  ['another model first', [...model(103, 50), ...end], 0, 'instead of the common model'],
  ['a strange common model', [...model(1, 12), ...end], 0, 'instead of 65 or 66'],
  ['zeros', [...model(1, 66), ...Array.from({ length: 100 }, () => 0)], 1, 'there is no model 0'],
  ['an end with a length', [...model(1, 66), 0xffff, 7], 1, 'instead of 0'],
])('%s keeps what was found and warns', async (_name, chain, found, warning) => {
  const layout = await walkSunspec(device([...marker, ...chain]).read)
  expect(layout?.models).toHaveLength(found)
  expect(layout?.warnings.join()).toContain(warning)
})

test('endless chains and repeated models end', async () => {
  const many = Array.from({ length: 300 }, (_, index) => model(200 + index, 2)).flat()
  const endless = await walkSunspec(device([...marker, ...model(1, 66), ...many]).read)
  expect(endless?.models).toHaveLength(100)
  expect(endless?.warnings.join()).toContain('more than 100 models')
  const mirror = Array.from({ length: 80 }, () => model(103, 2)).flat()
  const repeated = await walkSunspec(device([...marker, ...model(1, 66), ...mirror]).read)
  expect(repeated?.models).toHaveLength(51)
  expect(repeated?.warnings.join()).toContain('more than 50 times')
})

test('any registers end the walk within bounds, inside the address space', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 300 }), async (registers) => {
      const { read, requests } = device([...marker, 1, 66, ...Array.from({ length: 66 }, () => 0), ...registers])
      const layout = await walkSunspec(read)
      expect(requests.length).toBeLessThanOrEqual(220)
      for (const [address, count] of requests) expect(address + count).toBeLessThanOrEqual(65_536)
      for (const { address, length } of layout?.models ?? []) expect(address + length).toBeLessThanOrEqual(65_536)
    }),
  )
})
