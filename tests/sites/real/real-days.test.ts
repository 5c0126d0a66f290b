import { describe, expect, it } from 'vitest'
import { dataIsThere, fuseLines, runReal, scenarios, whyNot } from './scenarios.ts'

/** Whole weeks of all homes are the long campaign `weeks`. */
// The third evening: vehicles come to all of them.
const short = ['citylearn-1', 'emhass', 'garage']

describe('a real evening behind a fuse that binds, with a load step every minute', () => {
  for (const name of short)
    it(name, { timeout: 120_000 }, (context) => {
      if (!dataIsThere) context.skip(whyNot)
      const scenario = scenarios[name]!()
      const run = runReal({ ...scenario, fromMs: scenario.fromMs + 63 * 3_600_000 }, 0.25)
      expect(run.bindingCycles).toBeGreaterThan(100)
      expect(run.report.violations.physical, fuseLines(run).join('\n')).toBe(0)
      expect(run.report.violations.safety, JSON.stringify(run.report.limits)).toBe(0)
    })
})
