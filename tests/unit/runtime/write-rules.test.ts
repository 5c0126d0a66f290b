import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  type ManualSituation,
  manualRuleFor,
  manualTable,
  type WriteSituation,
  writeRuleFor,
  writeTable,
} from '../../../service/runtime/write-rules.ts'

const bits = [false, true]
const modes = ['production', 'simulation', 'hybrid', 'replay'] as const
const situations = modes.flatMap((mode) =>
  bits.flatMap((simulated) =>
    bits.flatMap((dependsOnSimulated) =>
      bits.flatMap((startedByDesktop) =>
        bits.flatMap((controlEnabled) =>
          bits.map((dryRun): WriteSituation => ({
            mode,
            simulated,
            dependsOnSimulated,
            startedByDesktop,
            controlEnabled,
            dryRun,
          })),
        ),
      ),
    ),
  ),
)

/** What must hold, said another way than the table says it. */
function expected(given: WriteSituation): 'sent' | 'recorded' | 'refused' {
  const { mode, simulated, dependsOnSimulated, startedByDesktop, controlEnabled, dryRun } = given
  const reachable = mode !== 'replay' && (simulated || (mode !== 'simulation' && !startedByDesktop))
  if (!controlEnabled || !reachable) return 'refused'
  return dryRun || (dependsOnSimulated && !simulated) ? 'recorded' : 'sent'
}

describe('the table of writes', () => {
  it.each(situations)(
    'S1, S11: mode $mode, simulated $simulated, rests on simulated $dependsOnSimulated, desktop $startedByDesktop, enabled $controlEnabled, dry run $dryRun',
    (given) => {
      expect(writeRuleFor(given).outcome).toBe(expected(given))
    },
  )

  it('has no row that never decides', () => {
    const used = new Set(situations.map(writeRuleFor))
    expect(writeTable.filter((rule) => !used.has(rule))).toEqual([])
  })

  it('is the one in the documentation', () => {
    const text = readFileSync(join(import.meta.dirname, '../../../service/runtime/README.md'), 'utf8').replaceAll(
      / +/g,
      ' ',
    )
    for (const rule of writeTable) {
      const { mode, target, dependsOnSimulated, startedByDesktop, controlEnabled, dryRun, outcome, text: words } = rule
      const cells = [mode, target, dependsOnSimulated, startedByDesktop, controlEnabled, dryRun, outcome, words]
      expect(text).toContain(`| ${cells.join(' | ')} |`)
    }
  })
})

const manualSituations = modes.flatMap((mode) =>
  bits.flatMap((simulated) =>
    bits.flatMap((controlled) =>
      (['no', 'own', 'other'] as const).flatMap((lent) =>
        bits.flatMap((returning) =>
          bits.map((armed): ManualSituation => ({ mode, simulated, controlled, lent, returning, armed })),
        ),
      ),
    ),
  ),
)

describe('the table of writes by people', () => {
  it.each(manualSituations)(
    'S1, S9: mode $mode, simulated $simulated, controlled $controlled, lent $lent, returning $returning, armed $armed',
    ({ mode, simulated, controlled, lent, returning, armed }) => {
      const reachable = mode !== 'replay' && (simulated || mode !== 'simulation')
      const alone = lent === 'own' || (lent === 'no' && !controlled)
      const permitted = armed || (lent === 'own' && returning)
      const { outcome } = manualRuleFor({ mode, simulated, controlled, lent, returning, armed })
      expect(outcome).toBe(reachable && alone && permitted ? 'sent' : 'refused')
    },
  )

  it('has no row that never decides, and is the one in the documentation', () => {
    const used = new Set(manualSituations.map(manualRuleFor))
    expect(manualTable.filter((rule) => !used.has(rule))).toEqual([])
    const text = readFileSync(join(import.meta.dirname, '../../../service/runtime/README.md'), 'utf8').replaceAll(
      / +/g,
      ' ',
    )
    for (const rule of manualTable) {
      const { mode, target, controlled, lent, returning, armed, outcome, text: words } = rule
      expect(text).toContain(`| ${[mode, target, controlled, lent, returning, armed, outcome, words].join(' | ')} |`)
    }
  })
})
