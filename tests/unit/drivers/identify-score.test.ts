import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { evidenceOfNames } from '../../../service/drivers/modbus/identify-names.ts'
import { confidenceOf, wordsOf } from '../../../service/drivers/modbus/identify-score.ts'
import { mapFrom } from '../../drivers/support/maps.ts'

const evidence = fc.array(fc.record({ weight: fc.double({ min: 0, max: 1, noNaN: true }), text: fc.constant('x') }), {
  maxLength: 6,
})

describe('confidenceOf', () => {
  it('is a probability that evidence for a map never lowers and evidence against it never raises', () => {
    fc.assert(
      fc.property(evidence, evidence, fc.double({ min: 0, max: 1, noNaN: true }), (supports, doubts, weight) => {
        const before = confidenceOf({ supports, doubts })
        const more = { weight, text: 'y' }
        expect(before).toBeGreaterThanOrEqual(0)
        expect(before).toBeLessThanOrEqual(1)
        expect(confidenceOf({ supports: [...supports, more], doubts })).toBeGreaterThanOrEqual(before)
        expect(confidenceOf({ supports, doubts: [...doubts, more] })).toBeLessThanOrEqual(before)
      }),
    )
  })

  it('combines independent witnesses', () => {
    const one = { weight: 0.6, text: 'a' }
    expect(confidenceOf({ supports: [], doubts: [] })).toBe(0)
    expect(confidenceOf({ supports: [one], doubts: [] })).toBe(0.6)
    expect(confidenceOf({ supports: [one, { weight: 0.5, text: 'b' }], doubts: [] })).toBe(0.8)
    expect(confidenceOf({ supports: [one], doubts: [{ weight: 0.5, text: 'c' }] })).toBe(0.3)
  })

  it('tells the strongest first and what speaks against last', () => {
    const supports = [
      { weight: 0.1, text: 'weak' },
      { weight: 0.9, text: 'strong' },
    ]
    expect(wordsOf({ supports, doubts: [{ weight: 1, text: 'no' }] })).toEqual(['strong', 'weak', 'but no'])
  })
})

describe('evidenceOfNames', () => {
  const map = mapFrom(`
format: 1
maker: Carlo Gavazzi
model: EM24-DIN E1
kind: meter
points: { powerW: { address: 1, type: int16 } }
`)
  const texts = (...names: Parameters<typeof evidenceOfNames>[1]) => evidenceOfNames(map, names).map(({ text }) => text)

  it.each([
    ['maker and model', { vendor: 'CARLO GAVAZZI Controls', models: ['EM24DINAV53DE1X'] }, 1],
    ['the model alone', { vendor: 'Rebranded Ltd', models: ['EM24 B'] }, 1],
    ['nothing of it', { vendor: 'Janitza', models: ['UMG 96'] }, 0],
  ])('finds %s', (_, names, count) => {
    expect(texts({ source: 'FC 43/14', ...names }).length).toBeGreaterThanOrEqual(count)
    expect(texts({ source: 'FC 43/14', ...names }).length > 0).toBe(count > 0)
  })

  it('finds a mention in free text', () => {
    expect(texts({ source: 'FC 17', models: ['carlo gavazzi v2'] })).toEqual(['FC 17 mentions Carlo Gavazzi'])
  })
})
