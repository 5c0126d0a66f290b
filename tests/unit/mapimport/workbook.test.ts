import { describe, expect, it } from 'vitest'
import { importBytes, load, refusal } from './support.ts'
import { workbook } from './workbook.ts'

const titles = ['Address', 'Name', 'Type', 'Unit', 'Factor']
const bytes = workbook({
  Notes: [['This is a manual'], ['nothing here']],
  Registers: [
    titles,
    [0, 'Grid frequency', 'uint16', 'Hz', 0.01],
    [1, 'PV1 Voltage', 'int16', 'V', { formula: '1/5', value: 0.1 }],
  ],
})

describe('workbooks (.xlsx)', () => {
  it('are read by sheet, formulas as the values that were saved with them', async () => {
    const result = await importBytes(bytes, 'manual.xlsx', { sheet: 'Registers' })
    const map = load(result).map.points
    expect(map['grid.frequencyHz']).toMatchObject({ address: 0, scale: 0.01 })
    // Not what the formula says: nothing is computed.
    expect(map['pv.1.voltageV']).toMatchObject({ address: 1, scale: 0.1 })
    if (result.verdict === 'imported')
      expect(result.report).toMatchObject({
        encoding: 'xlsx',
        format: 'table',
        table: { sheets: ['Notes', 'Registers'] },
      })
    expect(load(await importBytes(bytes, 'manual.xlsx', { sheet: '2' })).map.points).toEqual(map)
  })

  it('say which sheets there are', async () => {
    expect(refusal(await importBytes(bytes, 'manual.xlsx', { sheet: 'Registres' }))).toBe(
      'manual.xlsx: there is no sheet "Registres"; there are Notes, Registers',
    )
    expect(refusal(await importBytes(bytes, 'manual.xlsx'))).toMatch(/no column holds the addresses/)
  })

  it('that claim to be huge are not unpacked', async () => {
    const bomb = Buffer.from(bytes)
    const entry = bomb.lastIndexOf(Buffer.from('504b0102', 'hex'))
    bomb.writeUInt32LE(0xffff_0000, entry + 24)
    expect(refusal(await importBytes(bomb, 'bomb.xlsx'))).toBe('bomb.xlsx: the workbook is larger than 64 MB unpacked')
  })
})
