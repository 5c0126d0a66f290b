import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { laws } from './laws.ts'
import { planted } from './planted.ts'
import { realStep, runs } from './run.ts'

const longer = 3_600_000

describe('laws of the control step', () => {
  for (const { name, property } of Object.values(laws))
    it(name, { timeout: longer }, () => {
      fc.assert(property(realStep), { numRuns: runs(1000), seed: 20_261, endOnFailure: false })
    })
})

describe('each law catches a planted mistake', () => {
  for (const { law, mistake, stepFor } of planted)
    it(`${laws[law].name}: ${mistake}`, { timeout: longer }, () => {
      const found = fc.check(laws[law].property(stepFor), { numRuns: 1000, seed: 20_261, endOnFailure: true })
      expect(found.failed, mistake).toBe(true)
    })
})
