import { expect, test } from 'vitest'
import { appliesTo, decodePoint, encodeWrite, writeValue } from '../../../service/pointmap/codec.ts'
import { checkPointMap } from '../../../service/pointmap/load.ts'
import { resolveMap } from '../../../service/pointmap/resolve.ts'
import { imageOf, pointOf, writeOf } from './helpers.ts'

const map = (command: string, defaults = '') => `format: 1
maker: Acme
model: Battery
kind: battery
${defaults}
points:
  powerW: { address: 10, type: int16 }
commands:
  setPowerW:
    unit: W
    ${command}
    expiry: { kind: none }
    safeValue: 0
    storage: volatile
`
const directions = `limits: { min: -5000, max: 5000 }
    writes:
      - { address: 20, type: uint16, value: $magnitude, when: [negative, positive] }
      - { address: 21, type: uint16, value: 0xAA, when: [negative] }
      - { address: 21, type: uint16, value: 0xBB, when: [positive] }
      - { address: 21, type: uint16, value: 0xCC, when: [zero] }`

const check = (text: string) => checkPointMap(text, 'maps/acme/battery.yaml', () => undefined)
const messages = (text: string) => (check(text).problems ?? []).map(({ message }) => message)

function written(text: string, value: number): (string | undefined)[] {
  const { loaded } = check(text)
  const command = resolveMap(loaded!).commands.get('setPowerW')!
  return command.writes
    .filter((write) => appliesTo(write, value))
    .map((write) => `${write.address}=${writeValue(write, { value })}`)
}

test('a direction register and a size without sign make one signed command', () => {
  expect(written(map(directions), -1500)).toEqual(['20=1500', '21=170'])
  expect(written(map(directions), 1500)).toEqual(['20=1500', '21=187'])
  expect(written(map(directions), 0)).toEqual(['21=204'])
})

test('every sign the limits allow must be written', () => {
  const noZero = directions.split('\n').slice(0, -1).join('\n')
  expect(messages(map(noZero))).toEqual(['nothing is written for a value that is zero'])
  expect(messages(map(noZero.replace('min: -5000', 'min: 10')))).toEqual(['0 is outside the limits'])
  expect(messages(map(noZero.replace('min: -5000', 'min: { point: powerW }')))).toEqual([
    'nothing is written for a value that is zero',
  ])
})

test('a release has no value, so nothing in it can depend on a sign', () => {
  const text = map(`${directions}\n    release: [{ address: 21, type: uint16, value: 0, when: [zero] }]`)
  expect(messages(text)).toEqual(['there is no value here to have a sign'])
})

test('writes without a sign of their own belong to every value, and a size needs a value', () => {
  expect([-1, 0, 1].map((value) => appliesTo(writeOf('uint16'), value))).toEqual([true, true, true])
  expect(writeValue(writeOf('uint16', { value: '$magnitude' }), {})).toBeUndefined()
})

test('a sign in another register counts, whatever sign the device sends with the size', () => {
  const state = pointOf('bit:1', { name: 'operatingState', at: 1, values: { 0: 'discharging', 1: 'charging' } })
  const power = pointOf('int16', { negativeWhen: { point: state, equals: 'charging' } })
  const value = (raw: number, flags: number) => decodePoint(power, imageOf([raw, flags]))
  expect(value(500, 2)).toMatchObject({ value: -500 })
  expect(value(0x10000 - 500, 2)).toMatchObject({ value: -500 })
  expect(value(500, 0)).toMatchObject({ value: 500 })
})

test('defaults give confidence and sentinels to points that say nothing themselves', () => {
  const { loaded } = check(map(directions, 'defaults: { confidence: cited, typeSentinels: true }'))
  expect(resolveMap(loaded!).points[0]).toMatchObject({ confidence: 'cited', typeSentinels: true })
  const own = map(directions, 'defaults: { confidence: cited, typeSentinels: true }').replace(
    'type: int16',
    'type: int16, confidence: verified, typeSentinels: false',
  )
  expect(resolveMap(check(own).loaded!).points[0]).toMatchObject({ confidence: 'verified', typeSentinels: false })
})

test('a percentage is of what the device says its rating is', () => {
  const base = pointOf('uint16', { name: 'ratedPowerW', at: 5, scale: 100 })
  const write = writeOf('int16', { address: 9, scale: -0.1, percentOf: base })
  expect(encodeWrite(write, -2500, imageOf([100], 5))).toEqual({ ok: true, words: [250], value: -2500 })
  // A tenth of a percent of 10 kW is the step.
  expect(encodeWrite(write, -2504, imageOf([100], 5))).toEqual({ ok: true, words: [250], value: -2500 })
  expect(encodeWrite(write, -2500, imageOf([0], 5))).toMatchObject({ ok: false })
  expect(encodeWrite(write, -2500, imageOf([], 5))).toMatchObject({ ok: false })
})

test('a percentage needs a point of the unit of the command, and a value', () => {
  const command = (write: string, points = '') =>
    map(`limits: { min: 0, max: 5000 }\n    writes: [${write}]`).replace('commands:', `${points}commands:`)
  const percent = (of: string) => `{ address: 20, type: uint16, value: $value, percentOf: ${of} }`
  expect(messages(command(percent('powerW')))).toEqual([])
  expect(messages(command(percent('ratedPowerW')))).toEqual(['there is no point ratedPowerW'])
  expect(messages(command(percent('socPercent'), '  socPercent: { address: 11, type: uint16 }\n'))).toEqual([
    'socPercent is not in W',
  ])
  const constant = `${percent('powerW')}, { address: 21, type: uint16, value: 1, percentOf: powerW }`
  expect(messages(command(constant))).toEqual(['a constant is in percent already'])
})

test('decimals in a register divide, where a scale factor multiplies', () => {
  const value = (decimals: number) => {
    const text = `format: 1
maker: Acme
model: Pyranometer
kind: weather-station
points:
  irradianceWm2: { address: 5, type: int16, decimals: 4 }
`
    const point = resolveMap(check(text).loaded!).points[0]!
    return decodePoint(point, imageOf([decimals, 8123], 4))
  }
  expect(value(1)).toMatchObject({ value: 812.3 })
  expect(value(2)).toMatchObject({ value: 81.23 })
  expect(value(0)).toMatchObject({ ok: false, reason: expect.stringContaining('implausible') as string })
  const both = `{ address: 5, type: int16, decimals: 4, scaleFactor: 4 }`
  expect(messages(map(directions).replace('{ address: 10, type: int16 }', both))).toEqual([
    'a value has either a scale factor or decimals',
  ])
})
