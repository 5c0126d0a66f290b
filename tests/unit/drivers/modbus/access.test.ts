import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createWire } from '../../../../service/drivers/modbus/wire.ts'
import { encodeMbap } from '../../../../service/drivers/modbus/mbap.ts'
import { anyRequest, fuzzRuns, fuzzTimeoutMs } from './arbitraries.ts'

/** A wire over a stream that remembers what reached it. */
function wireOf(access: 'read-only' | 'armed', pduAt: number) {
  const sent: Buffer[] = []
  const wire = createWire({ stream: { write: (bytes) => sent.push(bytes), close: () => undefined }, access, pduAt })
  return { wire, sent }
}

/** Modbus functions that only read, written down a second time on purpose. */
function onlyReads(pdu: Uint8Array): boolean {
  const [fn, second, third] = pdu
  if (fn === 8) return second === 0 && [11, 12, 13, 14, 15, 18].includes(third ?? -1)
  if (fn === 43) return second === 14
  return [1, 2, 3, 4, 17].includes(fn ?? -1)
}

describe('a read-only wire', () => {
  test.each([1, 7])(
    'carries nothing but reads, whatever the bytes (PDU at %i)',
    (pduAt) => {
      const anyPdu = fc.oneof(
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
        fc.tuple(fc.constantFrom(8, 43), fc.constantFrom(0, 1, 13, 14), fc.integer({ min: 0, max: 30 })),
      )
      fc.assert(
        fc.property(fc.uint8Array({ minLength: pduAt, maxLength: pduAt }), anyPdu, (header, pdu) => {
          const { wire, sent } = wireOf('read-only', pduAt)
          const frame = Buffer.concat([header, Buffer.from(pdu)])
          if (onlyReads(Uint8Array.from(pdu))) wire.send(frame)
          else expect(() => wire.send(frame)).toThrow('a read-only bus does not carry')
          wire.flush()
          expect(sent).toEqual(onlyReads(Uint8Array.from(pdu)) ? [frame] : [])
        }),
        { numRuns: fuzzRuns },
      )
    },
    fuzzTimeoutMs,
  )

  test('every write request is refused, and what was queued before still goes out alone', () => {
    fc.assert(
      fc.property(anyRequest, (request) => {
        const { wire, sent } = wireOf('read-only', 7)
        const read = encodeMbap(1, 1, { fn: 3, address: 0, count: 1 })
        wire.send(read)
        const isWrite = [5, 6, 15, 16].includes(request.fn)
        if (isWrite) expect(() => wire.send(encodeMbap(2, 1, request))).toThrow()
        wire.flush()
        expect(sent).toEqual([read])
      }),
      { numRuns: 500 },
    )
  })
})

test('an armed wire carries writes, several frames in one piece', () => {
  const { wire, sent } = wireOf('armed', 7)
  const frames = [encodeMbap(1, 1, { fn: 6, address: 0, value: 1 }), encodeMbap(2, 1, { fn: 3, address: 0, count: 1 })]
  for (const frame of frames) wire.send(frame)
  expect(sent).toEqual([])
  wire.flush()
  expect(sent).toEqual([Buffer.concat(frames)])
})
