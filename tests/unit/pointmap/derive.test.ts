import { expect, test } from 'vitest'
import { deriveReading } from '../../../service/pointmap/derive.ts'

const reading = (value: number | string | undefined, monotonicMs = 10, quality: 'good' | 'stale' | 'bad' = 'good') => ({
  ...(value !== undefined && { value }),
  quality,
  atMs: 1000 + monotonicMs,
  monotonicMs,
  ...(quality !== 'good' && { reason: `because ${quality}` }),
})
const sum = { sum: [{ point: 'powerW.l1' }, { point: 'powerW.l2', factor: -1 }] }

test('a sum is as old as its oldest part', () => {
  const readings = new Map([
    ['powerW.l1', reading(0.3, 10)],
    ['powerW.l2', reading(0.1, 7)],
  ])
  expect(deriveReading(sum, readings)).toEqual({ value: 0.2, quality: 'good', atMs: 1007, monotonicMs: 7 })
})

test('a product, scaled', () => {
  const readings = new Map([
    ['voltageV', reading(400)],
    ['currentA', reading(2.5)],
  ])
  expect(deriveReading({ product: ['voltageV', 'currentA'], scale: -1 }, readings)).toMatchObject({ value: -1000 })
})

test('what is missing, bad or no number makes it not measured, what is stale makes it stale', () => {
  const first = reading(1)
  expect(deriveReading(sum, new Map([['powerW.l1', first]]))).toBeUndefined()
  expect(
    deriveReading(
      sum,
      new Map([
        ['powerW.l1', first],
        ['powerW.l2', reading(undefined, 5, 'bad')],
      ]),
    ),
  ).toEqual({
    quality: 'bad',
    reason: 'powerW.l2: because bad',
    atMs: 1005,
    monotonicMs: 5,
  })
  expect(
    deriveReading(
      sum,
      new Map([
        ['powerW.l1', first],
        ['powerW.l2', reading('x')],
      ]),
    ),
  ).toMatchObject({ quality: 'bad', reason: 'powerW.l2: not a number' })
  expect(
    deriveReading(
      sum,
      new Map([
        ['powerW.l1', first],
        ['powerW.l2', reading(3, 5, 'stale')],
      ]),
    ),
  ).toMatchObject({ value: -2, quality: 'stale', reason: 'because stale' })
  expect(
    deriveReading(
      { product: ['voltageV', 'currentA'] },
      new Map([
        ['voltageV', reading(1e200)],
        ['currentA', reading(1e200)],
      ]),
    ),
  ).toMatchObject({ quality: 'bad' })
})
