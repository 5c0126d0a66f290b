import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodePoint, encodeWrite, writeValue } from '../../../service/pointmap/codec.ts'
import { typeSentinel, typeSpec } from '../../../service/pointmap/point-types.ts'
import { decodeText, encodeText } from '../../../service/pointmap/text-codec.ts'
import { imageOf, pointOf, writeOf } from './helpers.ts'

const decoded = (type: string, words: readonly number[], overrides = {}) =>
  decodePoint(pointOf(type, overrides), imageOf(words))
const valueOf = (type: string, words: readonly number[], overrides = {}) => {
  const result = decoded(type, words, overrides)
  return result.ok ? result.value : `bad: ${result.reason}`
}

describe('decoding', () => {
  test.each<[string, readonly number[], object, unknown]>([
    ['uint16', [0xffff], {}, 65_535],
    ['int16', [0xffff], {}, -1],
    ['uint8h', [0x12f0], {}, 0x12],
    ['uint8l', [0x12f0], {}, 0xf0],
    ['int8l', [0x12f0], {}, -16],
    ['int8h', [0x80ff], {}, -128],
    ['uint32', [0x0001, 0x0002], {}, 65_538],
    ['uint32', [0x0002, 0x0001], { wordOrder: 'little' }, 65_538],
    ['uint32', [0x0100, 0x0200], { byteOrder: 'little' }, 65_538],
    ['uint32', [0x0200, 0x0100], { wordOrder: 'little', byteOrder: 'little' }, 65_538],
    ['int32', [0xffff, 0xfffe], {}, -2],
    ['uint32', [0xffff, 0xfffe], {}, 4_294_967_294],
    ['int48', [0xffff, 0xffff, 0xfffd], {}, -3],
    ['uint48', [0x0001, 0, 0], {}, 2 ** 32],
    ['int64', [0xffff, 0xffff, 0xffff, 0xfffc], {}, -4],
    ['float32', [0x4366, 0x199a], {}, 230.1],
    ['float32', [0x199a, 0x4366], { wordOrder: 'little' }, 230.1],
    ['float64', [0x406c, 0xc333, 0x3333, 0x3333], {}, 230.1],
    ['acc32', [0, 7], {}, 7],
    ['bool', [0xff00], {}, 1],
    ['bool', [0], {}, 0],
    ['bit:3', [0b1000], {}, 1],
    ['bit:3', [0b0111], {}, 0],
    ['bit:0', [1], { values: { 0: 'open', 1: 'closed' } }, 'closed'],
    ['bcd:2', [0x1234, 0x5678], {}, 12_345_678],
    ['bcd:4', [0x0001, 0x2345, 0x6789, 0x0123], {}, '0001234567890123'],
    ['enum16', [4], { values: { 4: 'running' } }, 'running'],
    ['enum16', [5], { values: { 4: 'running' } }, '5'],
    ['flags16', [0b101], { bits: { 0: 'over temperature' } }, ['over temperature', 'bit 2']],
    ['flags16', [0], {}, []],
    ['string:3', [0x4162, 0x6300, 0x5858], {}, 'Abc'],
    ['string:2', [0x6241, 0x0063], { byteOrder: 'little' }, 'Abc'],
    ['string:2', [0xc3bc, 0x2020], {}, 'ü'],
    ['bytes:2', [0x00ff, 0x1234], {}, '00ff1234'],
    ['ipv4', [0xc0a8, 0x0102], {}, '192.168.1.2'],
    ['ipv6', [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], {}, '2001:db8::1'],
    ['eui48', [0, 0x0011, 0x2233, 0x4455], {}, '00:11:22:33:44:55'],
    ['date-time', [0x1801, 0x0211, 0x0e2d], {}, '2024-01-02T17:14:45'],
    ['date-time:6', [24, 1, 2, 17, 14, 45], {}, '2024-01-02T17:14:45'],
    ['date-time:2', [0x6594, 0x4355], {}, '2024-01-02T17:09:41Z'],
    ['sunssf', [0xfffe], {}, -2],
  ])('%s %j %j is %j', (type, words, overrides, expected) => {
    expect(valueOf(type, words, overrides)).toEqual(expected)
  })

  test('scales in decimal, without binary noise', () => {
    expect(valueOf('int16', [0], { scale: -1 })).toBe(0)
    expect(valueOf('uint16', [2307], { scale: 0.1 })).toBe(230.7)
    expect(valueOf('uint16', [3], { scale: 0.05 })).toBe(0.15)
    expect(valueOf('int16', [631], { scale: 0.1, offset: -40 })).toBe(23.1)
    expect(valueOf('float32', [0x449a, 0x51ec], { scale: 1000 })).toBe(1_234_560)
    expect(valueOf('uint16', [1], { scale: 1 / 3.6 })).toBe(1 / 3.6)
  })

  test('64-bit counters are exact while a number can be, then the nearest number', () => {
    const big = 2n ** 53n - 1n
    const words = (value: bigint) => [48n, 32n, 16n, 0n].map((shift) => Number((value >> shift) & 0xffffn))
    expect(valueOf('uint64', words(big))).toBe(Number.MAX_SAFE_INTEGER)
    expect(valueOf('uint64', words(9_345_678_901_234_568n), { scale: 0.001 })).toBe(9_345_678_901_234.568)
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.integer({ min: -10, max: 10 }), (raw, power) => {
        const result = decodePoint(pointOf('uint64', { scalePower: power }), imageOf(words(raw)))
        expect(result).toMatchObject({ ok: true, value: Number(`${raw}e${power}`) })
      }),
    )
  })

  test('registers of one value may lie apart, highest first', () => {
    const image = imageOf([0x0002, 9, 0x0001], 78)
    expect(decodePoint(pointOf('uint32', { addresses: [80, 78] }), image)).toMatchObject({
      value: 0x0001_0002,
      raw: [1, 2],
    })
  })

  test('the scale factor is read with the value and may change or vanish', () => {
    const point = pointOf('int16', { scaleFactorAddress: 4, typeSentinels: true })
    const at = (factor: number | undefined) =>
      decodePoint(point, imageOf(factor === undefined ? [123] : [123, 0, 0, 0, factor & 0xffff]))
    expect(at(-1)).toMatchObject({ ok: true, value: 12.3 })
    expect(at(2)).toMatchObject({ ok: true, value: 12_300 })
    expect(at(0x8000)).toMatchObject({ ok: false, reason: 'its scale factor is not available' })
    expect(at(11)).toMatchObject({ ok: false, reason: expect.stringContaining('implausible') })
    expect(at(undefined)).toMatchObject({ ok: false, reason: 'scale factor register 4 was not read' })
  })

  test('a sign in another register', () => {
    const sign = pointOf('enum16', { at: 1, values: { 0: 'import', 1: 'export' } })
    const point = pointOf('uint16', { negativeWhen: { point: sign, equals: 'export' } })
    expect(decodePoint(point, imageOf([500, 1]))).toMatchObject({ value: -500 })
    expect(decodePoint(point, imageOf([500, 0]))).toMatchObject({ value: 500 })
    expect(decodePoint(point, imageOf([500]))).toMatchObject({
      ok: false,
      reason: expect.stringContaining('sign is unknown'),
    })
  })

  test('what was not read, is not finite or not plausible is not measured', () => {
    expect(decoded('uint32', [1])).toEqual({ ok: false, reason: 'register 1 was not read', raw: [] })
    expect(decoded('float32', [0x7f80, 0])).toMatchObject({ ok: false, reason: 'the device sent infinity' })
    expect(decoded('uint16', [6553], { range: [0, 100] })).toMatchObject({ ok: false, raw: [6553] })
    expect(valueOf('uint16', [100], { range: [0, 100] })).toBe(100)
    expect(decoded('bcd:1', [0x12ab])).toMatchObject({ ok: false, reason: expect.stringContaining('BCD') })
    expect(decoded('string:1', [0x0741])).toMatchObject({ ok: false, reason: expect.stringContaining('not text') })
    expect(decoded('date-time', [0x1802, 0x1f00, 0])).toMatchObject({ ok: false })
    expect(decoded('uint16', [24_001], { asText: true })).toMatchObject({ value: '24001' })
  })
})

describe('not available is never a number', () => {
  const numeric = [
    'int16',
    'uint16',
    'int32',
    'uint32',
    'int64',
    'uint64',
    'acc16',
    'acc32',
    'acc64',
    'enum16',
    'enum32',
    'flags32',
    'sunssf',
  ]
  test.each(numeric)('%s', (type) => {
    const spec = typeSpec(type)
    const sentinel = typeSentinel(spec)!
    const words = Array.from({ length: spec.words }, (_, index) =>
      Number((sentinel >> BigInt(16 * (spec.words - 1 - index))) & 0xffffn),
    )
    fc.assert(
      fc.property(
        fc.double({ min: -1e6, max: 1e6, noNaN: true }).filter((scale) => scale !== 0),
        (scale) => {
          expect(decoded(type, words, { typeSentinels: true, scale })).toMatchObject({
            ok: false,
            reason: 'not available',
          })
        },
      ),
    )
    expect(decoded(type, words, { typeSentinels: false })).toMatchObject({ ok: true })
  })

  test('NaN, empty texts and empty addresses, whatever the map says', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 0x7f_ffff }), fc.boolean(), (payload, negative) => {
        const bits = (negative ? 0xff80_0000 : 0x7f80_0000) + payload
        expect(decoded('float32', [Math.floor(bits / 65_536), bits % 65_536])).toMatchObject({ ok: false })
      }),
    )
    expect(decoded('float64', [0x7ff8, 0, 0, 0])).toMatchObject({ ok: false, reason: 'not available' })
    for (const type of ['string:2', 'ipv4', 'ipv6', 'date-time'])
      expect(
        decoded(
          type,
          Array.from({ length: 8 }, () => 0),
        ),
      ).toMatchObject({ ok: false, reason: 'not available' })
    expect(decoded('string:2', [0xffff, 0xffff])).toMatchObject({ ok: false })
    expect(decoded('eui48', [0, 0xffff, 0xffff, 0xffff])).toMatchObject({ ok: false })
  })

  test('values that the map declares, as unsigned or signed, in any type', () => {
    expect(decoded('uint16', [0xffff], { sentinels: [0xffffn] })).toMatchObject({ ok: false })
    expect(decoded('int8l', [0x12ff], { sentinels: [0xffn] })).toMatchObject({ ok: false })
    expect(decoded('int16', [0x8000], { sentinels: [0x8000n] })).toMatchObject({ ok: false })
    expect(decoded('float32', [0xc47a, 0], { sentinels: [0xc47a_0000n] })).toMatchObject({ ok: false })
    expect(decoded('uint16', [0xfffe], { sentinels: [0xffffn] })).toMatchObject({ ok: true })
  })
})

const orders = fc.record({
  wordOrder: fc.constantFrom('big', 'little'),
  byteOrder: fc.constantFrom('big', 'little'),
} as const)

describe('encoding is the inverse of decoding', () => {
  test.each([
    'uint16',
    'int16',
    'uint32',
    'int32',
    'uint48',
    'int48',
    'uint64',
    'int64',
    'acc16',
    'acc32',
    'acc64',
    'bcd:1',
    'bcd:3',
    'enum32',
  ])('%s, in every order and at every scale', (type) => {
    const spec = typeSpec(type)
    const most =
      spec.kind === 'bcd'
        ? 10n ** BigInt(4 * spec.words) - 1n
        : 2n ** BigInt(Math.min(53, spec.signed ? spec.bits - 1 : spec.bits)) - 1n
    const scales = spec.kind === 'enum' ? fc.constant(1) : fc.constantFrom(1, -1, 0.1, 0.01, 10, 1000, 0.05, -0.25)
    fc.assert(
      fc.property(
        fc.bigInt({ min: spec.signed ? -most : 0n, max: most }),
        orders,
        scales,
        fc.constantFrom(0, -2, 3),
        (raw, order, scale, power) => {
          const at = { ...order, scale, ...(spec.kind === 'enum' ? {} : { scalePower: power }) }
          const value = Number(raw)
          const direct = decodeBack(type, at, encodeWords(type, { ...order }, value))
          expect(direct).toBe(value)
          // A value as decoded encodes to the very registers it came from, as far as a number has digits.
          const words = encodeWords(type, { ...order }, value)
          const decodedValue = decodeScaled(type, at, words)
          if (Math.abs(value) < 1e15) expect(encodeWords(type, at, decodedValue)).toEqual(words)
        },
      ),
    )
  })

  function encodeWords(type: string, overrides: object, value: number): readonly number[] {
    const result = encodeWrite(writeOf(type, overrides), value, imageOf([]))
    if (!result.ok) throw new Error(result.reason)
    return result.words
  }
  function decodeScaled(type: string, overrides: object, words: readonly number[]): number {
    const result = decodePoint(pointOf(type, overrides), imageOf(words))
    if (!result.ok) throw new Error(result.reason)
    return Number(result.value)
  }
  const decodeBack = (
    type: string,
    { wordOrder, byteOrder }: { wordOrder: string; byteOrder: string },
    words: readonly number[],
  ) => decodeScaled(type, { wordOrder, byteOrder }, words)

  test.each(['float32', 'float64'])('%s', (type) => {
    const numbers =
      type === 'float32'
        ? fc.float({ noNaN: true, noDefaultInfinity: true })
        : fc.double({ noNaN: true, noDefaultInfinity: true })
    fc.assert(
      fc.property(numbers, orders, (number, order) => {
        const value = number + 0
        const words = encodeWords(type, order, value)
        expect(encodeWords(type, order, decodeScaled(type, order, words))).toEqual(words)
        const back = decodeScaled(type, order, words)
        expect(type === 'float32' ? Math.fround(back) : back).toBe(value)
      }),
    )
  })

  test('parts of a register keep the rest of it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 0xffff }),
        fc.integer({ min: 0, max: 15 }),
        fc.constantFrom(0, 1),
        fc.integer({ min: -128, max: 127 }),
        orders,
        (present, bit, on, byte, order) => {
          const flip = encodeWrite(writeOf(`bit:${bit}`, order), on, imageOf([present]))
          expect(flip.ok && decodePoint(pointOf(`bit:${bit}`, order), imageOf(flip.words))).toMatchObject({ value: on })
          const swapped = order.byteOrder === 'little' ? (((1 << bit) << 8) | ((1 << bit) >>> 8)) & 0xffff : 1 << bit
          if (flip.ok) expect(flip.words[0]! & ~swapped).toBe(present & ~swapped)
          const high = encodeWrite(writeOf('int8h', order), byte, imageOf([present]))
          expect(high.ok && decodePoint(pointOf('int8h', order), imageOf(high.words))).toMatchObject({ value: byte })
        },
      ),
    )
    expect(encodeWrite(writeOf('bit:1'), 1, imageOf([]))).toMatchObject({
      ok: false,
      reason: expect.stringContaining('not read before'),
    })
  })

  test('texts', () => {
    const words = (type: string) =>
      fc.array(fc.integer({ min: 0, max: 0xffff }), {
        minLength: typeSpec(type).words,
        maxLength: typeSpec(type).words,
      })
    for (const type of ['bytes:3', 'ipv4', 'ipv6', 'date-time:2'])
      fc.assert(
        fc.property(words(type), (raw) => {
          const spec = typeSpec(type)
          const result = decodeText(spec, raw)
          if ('text' in result) expect(encodeText(spec, result.text)).toEqual(raw)
        }),
      )
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii', maxLength: 20 }), (text) => {
        const spec = typeSpec('string:10')
        const encoded = encodeText(spec, text)!
        const result = decodeText(spec, encoded)
        expect('text' in result ? result.text : '').toBe(text.trim())
      }),
    )
    const roundTrips: readonly (readonly [string, string])[] = [
      ['eui48', '00:11:22:33:44:55'],
      ['date-time', '2024-02-29T23:59:59'],
      ['date-time:6', '2031-12-31T00:00:00'],
      ['date-time:6', '1999-12-31T00:00:00'],
      ['bcd:4', '0001234567890123'],
      ['string:3', 'Grüß'],
    ]
    for (const [type, text] of roundTrips)
      expect(decodeText(typeSpec(type), encodeText(typeSpec(type), text)!)).toEqual({ text })
    const refused: readonly (readonly [string, string])[] = [
      ['string:1', 'abc'],
      ['ipv4', '1.2.3.256'],
      ['ipv6', 'g::1'],
      ['eui48', '00:11'],
      ['date-time', '2024-02-30T00:00:00'],
      ['date-time', '1999-01-01T00:00:00'],
      ['date-time:2', '2024-01-01T00:00:00'],
      ['bytes:1', 'xyz!'],
    ]
    for (const [type, text] of refused) expect(encodeText(typeSpec(type), text)).toBeUndefined()
  })
})

describe('what does not fit is refused', () => {
  const refusal = (type: string, value: number, overrides = {}, words: readonly number[] = []) => {
    const result = encodeWrite(writeOf(type, overrides), value, imageOf(words))
    return result.ok ? result.words : result.reason
  }
  test.each<[string, number, object, string]>([
    ['uint16', 65_536, {}, 'does not fit'],
    ['uint16', -1, {}, 'does not fit'],
    ['int16', 32_768, {}, 'does not fit'],
    ['int16', 4000, { scale: 0.1 }, 'does not fit'],
    ['uint64', 2 ** 64, {}, 'does not fit'],
    ['bcd:1', 10_000, {}, 'does not fit'],
    ['bool', 2, {}, 'does not fit'],
    ['float32', 1e39, {}, 'does not fit'],
    ['uint16', Number.NaN, {}, 'not a number'],
    ['float32', Infinity, {}, 'not a number'],
    ['uint16', 65_535, { typeSentinels: true }, 'not available'],
    ['string:2', 1, {}, 'cannot be written'],
    ['uint16', 1, { scaleFactorAddress: 9 }, 'was not read'],
    ['bool', 2, { function: 'coil' }, 'a coil takes 0 or 1'],
  ])('%s %d %j', (type, value, overrides, reason) => {
    expect(refusal(type, value, overrides)).toContain(reason)
  })

  test('the value that the device will understand is reported', () => {
    expect(encodeWrite(writeOf('uint16', { scale: 10 }), 3333, imageOf([]))).toEqual({
      ok: true,
      words: [333],
      value: 3330,
    })
    expect(encodeWrite(writeOf('uint16', { scaleFactorAddress: 1 }), 70.25, imageOf([0, 0xfffe]))).toEqual({
      ok: true,
      words: [7025],
      value: 70.25,
    })
    expect(encodeWrite(writeOf('bool', { function: 'coil' }), 1, imageOf([]))).toMatchObject({ words: [1] })
  })

  test('placeholders', () => {
    expect(writeValue(writeOf('uint16'), { value: 5, expiryS: 30 })).toBe(5)
    expect(writeValue(writeOf('uint16', { value: '$expiryS' }), { value: 5, expiryS: 30 })).toBe(30)
    expect(writeValue(writeOf('uint16', { value: 1 }), {})).toBe(1)
    expect(writeValue(writeOf('uint16'), {})).toBeUndefined()
  })
})
