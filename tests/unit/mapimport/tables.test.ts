import { describe, expect, it } from 'vitest'
import { importBytes, importText, load, refusal } from './support.ts'

const points = async (text: string, options = {}, name = 'table.csv') =>
  load(await importText(text, name, options)).map.points
const report = async (text: string, options = {}, name = 'table.csv') => {
  const result = await importText(text, name, options)
  if (result.verdict === 'refused') throw new Error(result.reason)
  return result.report
}

describe('tables of registers', () => {
  it('are read with any separator, quotes, decimal commas and German titles', async () => {
    const text =
      'Adresse;Bezeichnung;Datentyp;Einheit;Faktor\n0x10;"Voltage; L1";U16;V;0,1\n17;Frequency;uint16;Hz;0,01\n'
    const map = await points(text)
    expect(map['frequencyHz']).toMatchObject({ address: 17, type: 'uint16', scale: 0.01 })
    expect(map['voltageV.l1']).toMatchObject({ address: 16, scale: 0.1 })
  })

  it('are read as pasted from a spreadsheet, with tabs', async () => {
    const map = await points('Register\tName\tType\tUnit\n5\tPV1 Voltage\tint16\t0.1V\n', {}, 'pasted.tsv')
    expect(map['pv.1.voltageV']).toMatchObject({ address: 5, type: 'int16', scale: 0.1 })
  })

  it('count as they are told: from 0, from 1, or from 40001', async () => {
    const text = (address: string) => `address,name,type\n${address},Some value,int16\n`
    const at = async (address: string, base: string) => Object.values(await points(text(address), { base }))[0]
    expect(await at('10', '0')).toMatchObject({ address: 10, function: 'holding' })
    expect(await at('10', '1')).toMatchObject({ address: 9 })
    expect(await at('40010', 'modicon')).toMatchObject({ address: 9, function: 'holding' })
    expect(await at('30010', 'modicon')).toMatchObject({ address: 9, function: 'input' })
    expect(await at('465536', 'modicon')).toMatchObject({ address: 65_535, function: 'holding' })
    expect(await at('40010', '0')).toMatchObject({ address: 40_010 })
  })

  it('say how they count by themselves where they can, and otherwise that it was assumed', async () => {
    const modicon = await report('address,name,type\n40001,A,int16\n40003,B,int16\n30001,C,int16\n')
    expect(modicon.table?.base).toBe('modicon')
    expect(modicon.assumptions.find(({ about }) => about === 'base')?.text).toContain('40001')
    expect(modicon.points.map(({ address, function: fn }) => [fn, address])).toEqual([
      ['holding', 0],
      ['holding', 2],
      ['input', 0],
    ])
    const wire = await report('address,name,type\n40000,A,int16\n40100,B,int16\n')
    expect(wire.points[0]).toMatchObject({ address: 40_000 })
    const proven = await report('address,address (hex),name,type\n11,0x000A,A,int16\n12,0x000B,B,int16\n')
    expect(proven.table?.base).toBe('1')
    expect(proven.assumptions.filter(({ about }) => about === 'base')).toEqual([])
  })

  it('are refused with the row where their addresses contradict each other', async () => {
    const two = 'address,address (hex),name,type\n40001,0x0000,A,int16\n40005,0x0010,B,int16\n'
    expect(refusal(await importText(two, 'two.csv'))).toBe(
      'two.csv:3: its two addresses, 40005 and 16, contradict each other',
    )
    const mixed = 'address,name,type\n40001,A,int16\n40002,B,int16\n5,C,int16\n'
    expect(refusal(await importText(mixed, 'mixed.csv'))).toMatch(
      /^mixed\.csv:4: the addresses count in different ways: 5 here, 40001 in row 2; say which/,
    )
    expect(load(await importText(mixed, 'mixed.csv', { base: '0' })).map.points).toBeDefined()
    const bases = 'address,address (hex),name,type\n10,0x000A,A,int16\n12,0x000B,B,int16\n'
    expect(refusal(await importText(bases, 'bases.csv'))).toMatch(
      /bases\.csv:3: .*row 2 counts as base 0, this one as base 1/,
    )
  })

  it('take columns by number, letter or title, and say which there are', async () => {
    const text = 'what,where,how\nFirst,100,int32\n'
    expect(refusal(await importText(text, 'a.csv'))).toMatch(/no column holds the addresses.*what, where, how/)
    for (const columns of ['address=2;name=1;type=3', 'address=B;name=A;type=C', 'address=where;name=what;type=how'])
      expect(Object.values(await points(text, { columns }))[0]).toMatchObject({ address: 100, type: 'int32' })
    expect(refusal(await importText(text, 'a.csv', { columns: 'address=9' }))).toMatch(
      /there is no column "9"; there are what, where, how/,
    )
    expect(refusal(await importText(text, 'a.csv', { columns: 'adress=2' }))).toMatch(/"adress=2" is not of the form/)
  })

  it('evaluate no formula', async () => {
    const text = 'address,name,type,scale\n=1+1,A,int16,1\n2,=cmd|x,int16,1\n3,C,int16,=1/10\n4,D,int16,1/10\n'
    const { points: made, skipped } = await report(text)
    expect(made.map(({ address }) => address)).toEqual([4])
    expect(skipped.map(({ place, reason }) => `${place} ${reason}`)).toEqual([
      'table.csv:2 its address is a formula; formulas are not evaluated',
      'table.csv:3 its name is a formula; formulas are not evaluated',
      'table.csv:4 its factor is a formula; formulas are not evaluated',
    ])
  })

  it('keep scripts in names what they are: words', async () => {
    const script = '<script>alert(1)</script>'
    const result = await importText(
      `address,name,type\n1,${script},int16\n2,"__proto__",int16\n3,constructor,int16\n`,
      'x.csv',
    )
    const map = load(result).map.points
    expect(Object.keys(map)).toHaveLength(3)
    for (const name of Object.keys(map)) expect(name).toMatch(/^vendor\.[a-z][A-Za-z0-9]+$/)
    expect(Object.values(map)[0]?.title).toBe(script)
  })

  it('say of every row that is no value why', async () => {
    const text =
      'address,name,type\n,Nothing,int16\nabc,Word,int16\n70000,Far,int16\n1,Odd,int17\n2,Text,string\n3,Good,int16\n65535,End,int32\n'
    const { points: made, skipped } = await report(text)
    expect(made).toHaveLength(1)
    expect(skipped.map(({ place }) => place)).toEqual([2, 3, 4, 5, 6, 8].map((row) => `table.csv:${row}`))
  })

  it('join rows named H and L, and tell tenths from tens by the range', async () => {
    const halves = await points('register,variable name,data type,unit\n1,Ppv H,,0.1W\n2,Ppv L,,0.1W\n')
    expect(Object.values(halves)).toEqual([expect.objectContaining({ address: 1, type: 'uint32', scale: 0.1 })])
    const tens = await points(
      'address,name,type,unit,range\n1,PV1 Voltage,uint16,10V,0 to 6553.5\n2,PV2 Voltage,uint16,10V,\n',
    )
    expect(tens).toMatchObject({ 'pv.1.voltageV': { scale: 0.1 }, 'pv.2.voltageV': { scale: 0.1 } })
  })

  it('read the number of the line through fields that span lines', async () => {
    const { points: made } = await report('address,name,type,note\n1,A,int16,"two\nlines"\n2,B,int16,\n')
    expect(made.map(({ place }) => place)).toEqual(['table.csv:2', 'table.csv:4'])
  })

  it('of 100,000 rows are read in bounds, and what did not fit is said', async () => {
    const rows = Array.from(
      { length: 100_000 },
      (_, index) => `${index % 60_000},Value ${index},${index < 50_000 ? 'int16' : 'uint16'},0.1V`,
    )
    const result = await importText(`address,name,type,unit\n${rows.join('\n')}\n`, 'large.csv')
    if (result.verdict === 'refused') throw new Error(result.reason)
    expect(result.report.counts.points).toBe(4000)
    expect(result.report.table?.rows).toBe(100_000)
    expect(result.report.skipped.at(-1)).toEqual({
      place: 'large.csv:4002',
      original: 'Value 4000',
      reason: 'a map holds at most 4000 points; 96000 more entries from here on were left out',
    })
    expect(result.draft.length).toBeLessThan(1_000_000)
  }, 60_000)
})

describe('encodings', () => {
  const text = 'address;name;type;unit\r\n1;Temperatur außen;int16;0.1°C\r\n'
  const utf16 = (big: boolean, mark: boolean): Uint8Array => {
    const bytes = Buffer.from(`${mark ? '\uFEFF' : ''}${text}`, 'utf16le')
    return big ? bytes.swap16() : bytes
  }
  const title = async (bytes: Uint8Array) => Object.values(load(await importBytes(bytes, 'a.csv')).map.points)[0]

  it.each([
    ['UTF-8', Buffer.from(text), 'utf-8'],
    ['UTF-8 with a mark', Buffer.from(`\uFEFF${text}`), 'utf-8 with a mark'],
    ['UTF-16 with a mark', utf16(false, true), 'utf-16le with a mark'],
    ['UTF-16 from the other side', utf16(true, true), 'utf-16be with a mark'],
    ['UTF-16 without a mark', utf16(false, false), 'utf-16le'],
    ['Latin-1', Buffer.from(text, 'latin1'), 'windows-1252'],
    ['old line ends', Buffer.from(text.replaceAll('\r\n', '\r')), 'utf-8'],
  ])('%s means the same', async (_, bytes, encoding) => {
    const result = await importBytes(bytes, 'a.csv')
    if (result.verdict === 'refused') throw new Error(result.reason)
    expect(result.report.encoding).toBe(encoding)
    expect(await title(bytes)).toMatchObject({ address: 1, scale: 0.1, unit: '°C', title: 'Temperatur außen' })
    expect(result.report.assumptions.some(({ about }) => about === 'encoding')).toBe(encoding === 'windows-1252')
  })

  it.each([
    ['nothing', new Uint8Array(), /the file is empty/],
    ['blanks', Buffer.from(' \n \n'), /the file is empty/],
    ['a picture', Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), /not a text/],
    ['an old workbook', Buffer.from('d0cf11e0a1b11ae1', 'hex'), /old kind \(\.xls\)/],
    ['half a workbook', Buffer.from('504b0304140000000800', 'hex'), /workbook cannot be read/],
    ['half a character of UTF-16', Buffer.from('fffe41', 'hex'), /utf-16le/],
    ['prose', Buffer.from('Dear Sir or Madam'), /none of the formats/],
    ['JSON of something else', Buffer.from('{"a": 1}'), /none of the formats/],
  ])('%s is refused in one sentence', async (_, bytes, expected) => {
    const text = refusal(await importBytes(bytes, 'file.csv'))
    expect(text).toMatch(expected)
    expect(text).not.toContain('\n')
  })

  it('of the wrong dialect are refused, or read as what they were told to be', async () => {
    const csv = 'address,name,type\n1,A,int16\n'
    for (const format of [
      'evcc',
      'telegraf',
      'home-assistant',
      'solarman',
      'edgex',
      'thingsboard',
      'sunspec-json',
    ] as const)
      expect([format, refusal(await importText(csv, 'a.csv', { format })).length > 10]).toEqual([format, true])
    const yaml = 'parameters:\n  - group: a\n    items: []\n'
    expect(refusal(await importText(yaml, 'a.yaml', { format: 'table' }))).toMatch(/no column|rows/)
  })
})
