import { describe, expect, it } from 'vitest'
import { parseFormat, parseReal, parseUnitOrAuto, parseWhole } from '../../../service/cli/options.ts'
import { clean, shownNumber, table } from '../../../service/cli/table.ts'

describe('options', () => {
  it.each(['', ' 1', '-1', '1.5', '0x', '70000', 'one', '1e3'])('takes "%s" for no address', (text) => {
    expect(() => parseWhole(text, '--address', 0, 65_535)).toThrow('--address')
  })
  it.each([
    ['0', 0],
    ['65535', 65_535],
    ['0x9C40', 40_000],
  ])('reads the address %s', (text, value) => expect(parseWhole(text, '--address', 0, 65_535)).toBe(value))

  it.each(['', 'NaN', 'Infinity', '1,5', '0x10', '--1', '1e999'])('takes "%s" for no value', (text) => {
    expect(() => parseReal(text, '--value')).toThrow('--value')
  })
  it.each([
    ['-1500', -1500],
    ['+0.5', 0.5],
    ['1e3', 1000],
    ['.5', 0.5],
  ])('reads the value %s', (text, value) => expect(parseReal(text, '--value')).toBe(value))

  it('knows auto and nothing else beside unit IDs', () => {
    expect(parseUnitOrAuto('auto')).toBe('auto')
    expect(parseUnitOrAuto('247')).toBe(247)
    expect(() => parseUnitOrAuto('all')).toThrow('--unit')
  })

  it.each([
    [{ type: 'int99' }, '--type'],
    [{ type: 'int32', order: 'ACBD' }, '--order'],
    [{ type: 'int32', scale: '0' }, '--scale'],
  ])('refuses the format %o', (values, flag) => expect(() => parseFormat(values)).toThrow(flag))
  it('reads orders in either case', () => {
    expect(parseFormat({ type: 'int32', order: 'cdab' })).toMatchObject({ wordOrder: 'little', byteOrder: 'big' })
    expect(parseFormat({ type: 'int32', order: 'BADC' })).toMatchObject({ wordOrder: 'big', byteOrder: 'little' })
  })
})

describe('table', () => {
  it('keeps what a device says from steering the terminal', () => {
    expect(clean('SDM\u001b[2J630\r\n\u009b')).toBe('SDM [2J630 ')
    expect(table([['\u001b]0;x\u0007', 'b']])).toBe(' ]0;x   b\n')
  })
  it('lines up its columns', () => {
    expect(
      table(
        [
          ['a', '1'],
          ['bbb', '22'],
        ],
        [1],
      ),
    ).toBe('a     1\nbbb  22\n')
  })
  it('shows as many digits as mean something', () => {
    expect(shownNumber(230.33424377441406)).toBe('230.3342')
    expect(shownNumber(123_456_789)).toBe('123456789')
    expect(shownNumber(['a', 'b'])).toBe('a, b')
  })
})
