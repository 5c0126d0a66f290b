import { describe, expect, it } from 'vitest'
import type { SiteLimit } from '../../../service/contract/site-limits.ts'
import { byOwner, readEdits, readTyped, textOf } from '../../../renderer/screens/limits/limit-edits.ts'

const fuse: SiteLimit = {
  id: 'grids.0.connection.fuseA',
  owner: 'Grid connection',
  title: 'Fuse per phase',
  unit: 'A',
  tier: 'physical',
  value: 63,
  optional: true,
  min: 1,
  max: 10_000,
  looser: 'larger',
}
const charge: SiteLimit = {
  ...fuse,
  id: 'devices.0.battery.maxChargeW',
  owner: 'Battery',
  title: 'Charge power limit',
  unit: 'W',
  value: 4200,
  optional: false,
}

describe('what is typed for a limit', () => {
  it('shows and reads powers in kW without rounding errors', () => {
    expect(textOf(charge)).toBe('4.2')
    expect(readTyped(charge, '4.3')).toEqual({ kind: 'change', value: 4300 })
    expect(readTyped(charge, ' 0,1 ')).toEqual({ kind: 'change', value: 100 })
  })

  it('is no change when it says the same in other words', () => {
    expect(readTyped(charge, '4.20')).toEqual({ kind: 'same' })
    expect(readTyped(fuse, '63.0')).toEqual({ kind: 'same' })
  })

  it('takes an optional limit away when it is emptied, and no other', () => {
    expect(readTyped(fuse, '')).toEqual({ kind: 'change', value: null })
    expect(readTyped(charge, ' ')).toEqual({ kind: 'wrong', reason: 'needed' })
  })

  it.each(['-5', '6e3', '0x10', 'NaN', 'Infinity', '12 A', '1.2.3'])('refuses %s as a number', (text) => {
    expect(readTyped(fuse, text)).toEqual({ kind: 'wrong', reason: 'number' })
  })

  it('refuses what is out of range in SI units, not in those shown', () => {
    expect(readTyped(fuse, '10001')).toEqual({ kind: 'wrong', reason: 'range' })
    expect(readTyped({ ...charge, max: 5000 }, '5.001')).toEqual({ kind: 'wrong', reason: 'range' })
    expect(readTyped({ ...charge, max: 5000 }, '5')).toEqual({ kind: 'change', value: 5000 })
  })
})

describe('all edits', () => {
  it('collects the changes and says when something typed stands in the way', () => {
    const edits = new Map([
      [fuse.id, '80'],
      [charge.id, 'much'],
    ])
    expect(readEdits([fuse, charge], edits)).toEqual({ changes: [{ id: fuse.id, value: 80 }], wrong: true })
  })

  it('keeps circuits of the same name apart', () => {
    const other = { ...fuse, id: 'grids.1.connection.fuseA' }
    expect(
      byOwner([fuse, { ...fuse, id: 'grids.0.connection.maxImportW' }, other]).map((group) => group.limits.length),
    ).toEqual([2, 1])
  })
})
