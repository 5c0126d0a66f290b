import { describe, expect, it } from 'vitest'
import { parseBus } from '../../../renderer/format/bus.ts'
import { emDash, formatNumber, setNumberLanguage } from '../../../renderer/format/number.ts'
import { formatPower, formatQuantity, formatReading, powerDecimals } from '../../../renderer/format/quantity.ts'
import { bytesOf, formatAddress, formatFunction, formatWords } from '../../../renderer/format/registers.ts'
import { asSentence } from '../../../renderer/format/sentence.ts'
import { formatAge, formatClockExact, formatDate, formatDuration, formatMs } from '../../../renderer/format/time.ts'

const minus = '\u2212'
const thin = '\u202F'

describe('numbers', () => {
  it('have fixed decimals, thin groups and a true minus sign', () => {
    expect(formatNumber(12_044.66, 1)).toBe(`12${thin}044.7`)
    expect(formatNumber(-3.1449, 2)).toBe(`${minus}3.14`)
  })
  it('have a comma before the decimals in German', () => {
    setNumberLanguage('de')
    expect(formatNumber(12_044.66, 1)).toBe(`12${thin}044,7`)
    expect(formatQuantity(4200, 'W').text).toBe('4,200')
    setNumberLanguage('en')
    expect(formatNumber(12_044.66, 1)).toBe(`12${thin}044.7`)
  })
  it('that round to zero have no sign', () => {
    expect(formatNumber(-0.004, 2)).toBe('0.00')
  })
  it('that are not measured are a dash, never 0', () => {
    for (const missing of [undefined, Number.NaN, Infinity]) expect(formatNumber(missing)).toBe(emDash)
  })
})

describe('quantities', () => {
  it('shows powers in kW and energies in kWh, other units as they are', () => {
    expect(formatPower(-1234)).toEqual({ text: `${minus}1.23`, unit: 'kW' })
    expect(formatQuantity(61_412, 'W')).toEqual({ text: '61.412', unit: 'kW' })
    expect(formatQuantity(18_490_230, 'Wh')).toEqual({ text: `18${thin}490.2`, unit: 'kWh' })
    expect(formatQuantity(231.44, 'V')).toEqual({ text: '231.4', unit: 'V' })
  })
  it('gives unknown units three decimals unless the number is whole', () => {
    expect(formatQuantity(0.98123, '').text).toBe('0.981')
    expect(formatQuantity(340, '').text).toBe('340')
  })
  it('keeps texts, joins flags and names an empty list', () => {
    expect(formatReading('MPPT', '', 'none')).toEqual({ text: 'MPPT', unit: '' })
    expect(formatReading(['ground fault', 'over voltage'], '', 'none').text).toBe('ground fault, over voltage')
    expect(formatReading([], '', 'none').text).toBe('none')
    expect(formatReading(undefined, 'W', 'none')).toEqual({ text: emDash, unit: 'kW' })
  })
  it('needs fewer decimals on a larger site', () => {
    expect([powerDecimals(10_000), powerDecimals(120_000)]).toEqual([2, 1])
  })
})

describe('times', () => {
  it.each([
    [undefined, emDash],
    [-300, '0.0 s'],
    [180, '0.2 s'],
    [41_200, '41 s'],
    [119_400, '119 s'],
    [119_600, '1 min'],
    [3 * 3_600_000, '3 h'],
    [50 * 3_600_000, '2 d'],
  ])('age %s is %s', (ageMs, text) => expect(formatAge(ageMs)).toBe(text))
  it.each([
    [44, '44 s'],
    [76, '1 min 16 s'],
    [8_040, '2 h 14 min'],
    [200_000, '2 d 7 h'],
  ])('%s s of running are %s', (seconds, text) => expect(formatDuration(seconds)).toBe(text))
  it.each([
    [0.42, '0.4 ms'],
    [38, '38 ms'],
    [1000, '1 s'],
    [1500, '1.5 s'],
    [undefined, emDash],
  ])('%s ms are %s', (durationMs, text) => expect(formatMs(durationMs)).toBe(text))
  it('shows local clock time', () => {
    const atMs = new Date(2026, 10, 21, 7, 4, 9, 31).getTime()
    expect(formatClockExact(atMs)).toBe('07:04:09.031')
    expect(formatDate(atMs)).toBe('2026-11-21')
  })
})

describe('registers', () => {
  it('writes addresses and words in four hexadecimal digits', () => {
    expect(formatAddress(40, 'hex')).toBe('0x0028')
    expect(formatAddress(40, 'dec')).toBe('40')
    expect(formatWords([0x5e_e8, 9], false)).toBe('5EE8 0009')
    expect(formatWords([1, 0], true)).toBe('1 0')
    expect(bytesOf(0x5e_08)).toEqual(['5E', '08'])
    expect(formatFunction('input')).toBe('FC04')
  })
  it('takes the name of a bus apart', () => {
    expect(parseBus('tcp://192.168.10.20:502')).toEqual({ kind: 'tcp', place: '192.168.10.20:502' })
    expect(parseBus('rtu:///dev/ttyUSB0')).toEqual({ kind: 'rtu', place: '/dev/ttyUSB0' })
    const settings = (bus: string): string | undefined => parseBus(bus).settings
    expect(settings('rtu:///dev/ttyUSB0?baud=9600')).toBe('9600 8N1')
    expect(settings('rtu:///dev/ttyUSB0?baud=19200&parity=E&stopbits=1')).toBe('19200 8E1')
    expect(parseBus('demo plant')).toEqual({ kind: 'other', place: 'demo plant' })
  })
})

it('makes sentences of fragments, with true minus signs but untouched words', () => {
  expect(asSentence('grid exchange is -16 W')).toBe(`Grid exchange is ${minus}16 W.`)
  expect(asSentence('no answer from rack-2.')).toBe('No answer from rack-2.')
  expect(asSentence('')).toBe('')
})
