import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createGivenergyDecoder } from '../../../../service/commissioning/listen/givenergy-decoder.ts'
import { createBusDecoder } from '../../../../service/commissioning/listen/bus-decoder.ts'
import { createTcpDecoder } from '../../../../service/commissioning/listen/tcp-decoder.ts'
import { collect } from './collect.ts'

/** Bytes that look like beginnings of frames as often as not. */
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 400 }),
  fc
    .array(fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 15, 16, 23, 43, 0x59, 0x83, 0xff), { maxLength: 400 })
    .map((list) => Uint8Array.from(list)),
)
const step = fc.oneof(
  fc.record({
    bytes,
    laterMs: fc.integer({ min: -100, max: 5000 }),
    from: fc.constantFrom('client', 'server', undefined),
  }),
  fc.constant('quiet' as const),
  fc.constant('gap' as const),
)

test.each([
  ['a serial line', createBusDecoder],
  ['Modbus TCP', createTcpDecoder],
  ['a data adapter', createGivenergyDecoder],
])('any bytes in any chunks on %s are taken, kept in order and not held for long', (_, create) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), fc.boolean(), (steps, oneSided) => {
      const { decoder, frames } = collect(create)
      const all: Uint8Array[] = []
      let atMs = 0
      for (const step of steps) {
        if (step === 'quiet') decoder.quiet()
        else if (step === 'gap') decoder.gap()
        else {
          atMs += step.laterMs
          decoder.push(step.bytes, atMs, oneSided ? undefined : step.from)
          all.push(step.bytes)
        }
        expect(decoder.held).toBeLessThan(2200)
      }
      decoder.end()
      expect(decoder.held).toBe(0)
      const given = Buffer.concat(all).length
      expect(frames.reduce((sum, { hex }) => sum + hex.length / 2, 0)).toBe(given)
      if (oneSided && create === createBusDecoder)
        expect(frames.map(({ hex }) => hex).join('')).toBe(Buffer.concat(all).toString('hex'))
      for (const { number, endMs, atMs } of frames) {
        expect(Number.isFinite(endMs - atMs)).toBe(true)
        expect(frames[number]!.number).toBe(number)
      }
    }),
    { numRuns: 400 },
  )
})

test('endless bytes without a frame are not kept', () => {
  const { decoder, frames } = collect()
  const chunk = new Uint8Array(65_536).fill(0x55)
  let rejected = 0
  for (let index = 0; index < 64; index++) {
    decoder.push(chunk, index)
    rejected += frames.splice(0).reduce((sum, { hex }) => sum + hex.length / 2, 0)
    expect(decoder.held).toBeLessThan(1100)
  }
  expect(rejected).toBeGreaterThan(63 * 65_536)
})
