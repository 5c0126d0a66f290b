import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseAnswer } from '../../../../service/drivers/modbus/answer.ts'
import { crc16 } from '../../../../service/drivers/modbus/crc.ts'
import { createMbapReader, encodeMbap } from '../../../../service/drivers/modbus/mbap.ts'
import { requestLength, writeRequest, type Answer, type ModbusRequest } from '../../../../service/drivers/modbus/pdu.ts'
import { encodeRtu, findRtuAnswer } from '../../../../service/drivers/modbus/rtu-frame.ts'
import { slowCrc } from '../../../drivers/fuzz/requests.ts'
import { answerPdu, createTestUnit, withCrc, type TestUnit } from '../../../drivers/support/test-device.ts'
import { anyDamage, anyRequest, damaged, fuzzRuns, fuzzTimeoutMs } from './arbitraries.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

function pduOf(request: ModbusRequest): Buffer {
  const pdu = Buffer.alloc(requestLength(request))
  writeRequest(request, pdu, 0)
  return pdu
}

/** A device in which every address exists: registers hold a scramble of their address, every third coil is on. */
function endless(): TestUnit {
  const unit = createTestUnit()
  unit.holding.get = (address) => (address * 40_503) & 0xffff
  unit.coils.get = (address) => address % 3 === 0
  return unit
}

const honest = (request: ModbusRequest): Buffer => answerPdu(endless(), pduOf(request))

/** What the honest device would have answered, worked out without the codec. */
function expectTrue(request: ModbusRequest, answer: Answer): void {
  const device = endless()
  if (answer.kind === 'words' && 'count' in request)
    expect(Array.from(answer.words)).toEqual(
      Array.from({ length: request.count }, (_, i) => device.holding.get(request.address + i)),
    )
  if (answer.kind === 'bits' && 'count' in request)
    expect(Array.from(answer.bits, Boolean)).toEqual(
      Array.from({ length: request.count }, (_, i) => device.coils.get(request.address + i)),
    )
}

describe('request encoding', () => {
  test.each<[ModbusRequest, string]>([
    // Examples of Modbus Application Protocol V1.1b3, sections 6.1 to 6.21.
    [{ fn: 1, address: 0x13, count: 0x13 }, '01 0013 0013'],
    [{ fn: 3, address: 0x6b, count: 3 }, '03 006B 0003'],
    [{ fn: 4, address: 8, count: 1 }, '04 0008 0001'],
    [{ fn: 5, address: 0xac, on: true }, '05 00AC FF00'],
    [{ fn: 6, address: 1, value: 3 }, '06 0001 0003'],
    [{ fn: 15, address: 0x13, bits: [1, 0, 1, 1, 0, 0, 1, 1, 1, 0].map(Boolean) }, '0F 0013 000A 02 CD01'],
    [{ fn: 16, address: 1, words: [0x0a, 0x102] }, '10 0001 0002 04 000A 0102'],
    [{ fn: 17 }, '11'],
    [{ fn: 43, access: 1, objectId: 0 }, '2B 0E 01 00'],
    [{ fn: 8, counter: 0x0c }, '08 000C 0000'],
  ])('%j', (request, expected) => {
    expect(pduOf(request)).toEqual(hex(expected))
  })

  test.each<[ModbusRequest]>([
    [{ fn: 3, address: 0, count: 126 }],
    [{ fn: 3, address: 0, count: 0 }],
    [{ fn: 3, address: 65_535, count: 2 }],
    [{ fn: 1, address: 0, count: 2001 }],
    [{ fn: 6, address: 0, value: 65_536 }],
    [{ fn: 6, address: -1, value: 0 }],
    [{ fn: 16, address: 0, words: [] }],
    [{ fn: 16, address: 0, words: [1.5] }],
  ])('refuses %j', (request) => {
    expect(() => encodeMbap(1, 1, request)).toThrow(RangeError)
  })

  test('the CRC of the serial line specification', () => {
    expect(crc16(hex('02 07'), 0, 2)).toBe(0x1241)
    expect(encodeRtu(1, { fn: 3, address: 0, count: 10 })).toEqual(hex('01 03 0000 000A C5CD'))
  })
})

describe('answers', () => {
  test('an honest answer to any request is understood', () => {
    fc.assert(
      fc.property(anyRequest, (request) => {
        const pdu = honest(request)
        const answer = parseAnswer(request, pdu, 0, pdu.length)
        expect(answer.kind).not.toMatch(/failed|exception/)
        expectTrue(request, answer)
      }),
      { numRuns: 500 },
    )
  })

  test('device identification keeps objects, conformity and what follows', () => {
    const pdu = hex('2B 0E 01 81 FF 02 02 00 04 41636D65 01 02 5831')
    const answer = parseAnswer({ fn: 43, access: 1, objectId: 0 }, pdu, 0, pdu.length)
    expect(answer).toMatchObject({
      kind: 'identification',
      identification: { conformity: 0x81, moreFollows: true, nextObjectId: 2 },
    })
  })

  test(
    'a damaged PDU never throws and never gives another number of values',
    () => {
      fc.assert(
        fc.property(anyRequest, anyDamage, (request, damage) => {
          const pdu = damaged(honest(request), damage)
          const answer = parseAnswer(request, pdu, 0, pdu.length)
          if (answer.kind === 'words') expect(answer.words).toHaveLength('count' in request ? request.count : -1)
          if (answer.kind === 'bits') expect(answer.bits).toHaveLength('count' in request ? request.count : -1)
          if (answer.kind === 'written') expect(pdu.subarray(0, 5)).toEqual(honest(request).subarray(0, 5))
        }),
        { numRuns: fuzzRuns },
      )
    },
    fuzzTimeoutMs,
  )

  test(
    'junk never throws',
    () => {
      fc.assert(
        fc.property(anyRequest, fc.uint8Array({ maxLength: 300 }), (request, bytes) => {
          const pdu = Buffer.from(bytes)
          expect(parseAnswer(request, pdu, 0, pdu.length).kind).toBeTypeOf('string')
        }),
        { numRuns: fuzzRuns },
      )
    },
    fuzzTimeoutMs,
  )
})

describe('RTU answers in a stream', () => {
  const unitId = 17

  test(
    'a damaged frame is never accepted with a wrong value, as far as 16 bits of checksum can tell',
    () => {
      let coincidences = 0
      fc.assert(
        fc.property(anyRequest, anyDamage, anyDamage, fc.boolean(), (request, one, two, final) => {
          const frame = withCrc(Buffer.concat([Buffer.from([unitId]), honest(request)]))
          const bytes = damaged(damaged(frame, one), two)
          const result = findRtuAnswer(unitId, request, bytes, 0, bytes.length, final)
          if (result.found !== 'frame') return
          const found = bytes.subarray(result.at, result.end)
          expect(slowCrc(found.subarray(0, -2))).toBe(found.readUInt16LE(found.length - 2))
          // Two damages may cancel out, or leave the frame whole further on; the values must be the true ones then.
          if (found.equals(frame)) expectTrue(request, parseAnswer(request, bytes, result.at + 1, result.end - 2))
          else coincidences++
        }),
        { numRuns: fuzzRuns },
      )
      // One in 65,536 passes by chance; not all damaged frames keep the form of an answer.
      expect(coincidences).toBeLessThanOrEqual(2 + fuzzRuns / 2 ** 14)
    },
    fuzzTimeoutMs,
  )

  test('a frame is found behind noise, and in front of it', () => {
    fc.assert(
      fc.property(
        anyRequest,
        fc.uint8Array({ maxLength: 20 }),
        fc.uint8Array({ maxLength: 20 }),
        (request, before, after) => {
          const noise = Buffer.from(before.map((byte) => (byte === unitId ? 0 : byte)))
          const frame = withCrc(Buffer.concat([Buffer.from([unitId]), honest(request)]))
          const bytes = Buffer.concat([noise, frame, Buffer.from(after)])
          const result = findRtuAnswer(unitId, request, bytes, 0, bytes.length, true)
          expect(result).toEqual({ found: 'frame', at: noise.length, end: noise.length + frame.length })
        },
      ),
      { numRuns: 1000 },
    )
  })

  test('the frame of another unit, function or length is none', () => {
    const request = { fn: 3, address: 0, count: 2 } as const
    for (const body of ['12 03 04 00010002', '11 04 04 00010002', '11 03 06 000100020003', '11 03 02 0001']) {
      const bytes = withCrc(hex(body))
      expect(findRtuAnswer(unitId, request, bytes, 0, bytes.length, true).found).toBe('nothing')
    }
  })

  test('says where an unfinished answer begins and how long it will be', () => {
    const bytes = hex('00 FF 11 03 04 00 01')
    const request = { fn: 3, address: 0, count: 2 } as const
    expect(findRtuAnswer(unitId, request, bytes, 0, bytes.length, false)).toEqual({
      found: 'partial',
      at: 2,
      length: 9,
    })
  })
})

describe('Modbus TCP frames in a stream', () => {
  const collect = (chunks: readonly Buffer[]): { frames: Buffer[]; lost: string[] } => {
    const frames: Buffer[] = []
    const lost: string[] = []
    const reader = createMbapReader({
      frame: (bytes, at, end) => frames.push(Buffer.from(bytes.subarray(at, end))),
      lost: (reason) => lost.push(reason),
    })
    for (const chunk of chunks) reader.push(chunk)
    return { frames, lost }
  }

  test('frames come out whole however they are cut', () => {
    fc.assert(
      fc.property(
        fc.array(anyRequest, { minLength: 1, maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 40 }),
        (requests, sizes) => {
          const sent = requests.map((request, i) => encodeMbap(i, 1, request))
          const stream = Buffer.concat(sent)
          const chunks: Buffer[] = []
          for (let at = 0, i = 0; at < stream.length; i++) {
            const size = sizes[i % sizes.length]!
            chunks.push(Buffer.from(stream.subarray(at, at + size)))
            at += size
          }
          expect(collect(chunks)).toEqual({ frames: sent, lost: [] })
        },
      ),
      { numRuns: 1000 },
    )
  })

  test(
    'a stream that is something else is given up, once, and never throws',
    () => {
      expect(collect([Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), Buffer.from('more')]).lost).toHaveLength(1)
      fc.assert(
        fc.property(fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 8 }), (chunks) => {
          expect(collect(chunks.map((chunk) => Buffer.from(chunk))).lost.length).toBeLessThanOrEqual(1)
        }),
        { numRuns: fuzzRuns },
      )
    },
    fuzzTimeoutMs,
  )
})
