import { describe, expect, it } from 'vitest'
import {
  foreignFrame,
  isGlitch,
  mayGoOn,
  ownerOf,
  requestOf,
  type Sent,
  takeOwn,
} from '../../../../service/commissioning/scan/heard.ts'
import { encodeRtu } from '../../../../service/drivers/modbus/rtu-frame.ts'
import type { ReadRequest } from '../../../../service/drivers/modbus/pdu.ts'
import { withCrc } from '../../../drivers/support/test-device.ts'

const question: ReadRequest = { fn: 3, address: 0, count: 1 }
const asked = (unitId: number, request = question): Sent => ({
  unitId,
  request,
  frame: encodeRtu(unitId, request),
  endMs: 0,
  answers: 0,
})
const value = (unitId: number, word = 0x1234): Buffer => withCrc(Buffer.from([unitId, 3, 2, word >> 8, word & 0xff]))
const refusal = (unitId: number, code = 2): Buffer => withCrc(Buffer.from([unitId, 0x83, code]))
const foreign = withCrc(Buffer.from([9, 3, 0, 0, 0, 10]))

describe('what is heard on a line', () => {
  it('is taken apart into echoes, answers and the rest', () => {
    const sent = [asked(4), asked(5)]
    const heard = Buffer.concat([sent[0]!.frame, Buffer.from([0]), value(4), refusal(5), Buffer.from([7, 7])])
    const { answers, rest } = takeOwn(heard, sent)
    expect(answers.map(({ unitId }) => unitId)).toEqual([4, 5])
    expect(rest).toEqual(Buffer.from([0, 7, 7]))
  })

  it('counts a second answer for the request that has fewer', () => {
    const sent = [{ ...asked(4), answers: 1 }, asked(4)]
    expect(takeOwn(value(4), sent).answers).toEqual([sent[1]])
  })

  it('is no answer with a wrong checksum, another size, or from a unit that was not asked', () => {
    const damaged = value(4)
    damaged[3]! ^= 1
    for (const bytes of [
      damaged,
      value(6),
      withCrc(Buffer.from([4, 3, 4, 0, 0, 0, 0])),
      withCrc(Buffer.from([4, 4, 2, 0, 0])),
    ])
      expect(takeOwn(bytes, [asked(4)]).answers).toEqual([])
  })

  it('may still become an answer, or not', () => {
    const sent = [asked(4)]
    for (let size = 1; size < 7; size++) expect(mayGoOn(value(4).subarray(0, size), sent)).toBe(true)
    expect(mayGoOn(value(4), sent)).toBe(false)
    expect(mayGoOn(Buffer.from([4, 6]), sent)).toBe(false)
    expect(mayGoOn(Buffer.from([9]), sent)).toBe(false)
  })

  it('has an owner when it is a piece of an answer that did not come yet', () => {
    const sent = [asked(4), asked(77), asked(78)]
    // The beginning.
    for (let size = 2; size < 7; size++) expect(ownerOf(value(77).subarray(0, size), sent)?.unitId).toBe(77)
    // The end, by its checksum; of an exception from two bytes on, of data when they are whole.
    for (let size = 2; size < 5; size++) expect(ownerOf(refusal(78).subarray(-size), sent)?.unitId).toBe(78)
    for (let size = 4; size < 7; size++) expect(ownerOf(value(77).subarray(-size), sent)?.unitId).toBe(77)
    // With a damaged byte in front of it.
    expect(ownerOf(Buffer.concat([Buffer.from([0xf3]), value(77).subarray(-5)]), sent)?.unitId).toBe(77)
    expect(ownerOf(foreign, sent)).toBeUndefined()
    expect(ownerOf(foreign.subarray(-4), sent)).toBeUndefined()
    expect(ownerOf(value(77).subarray(0, 4), [{ ...asked(77), answers: 1 }])).toBeUndefined()
  })

  it('is named when it is a frame of somebody else', () => {
    expect(foreignFrame(foreign)).toBe('a request to unit 9 (function 3)')
    expect(foreignFrame(Buffer.concat([Buffer.from([1, 2, 3]), value(9)]))).toBe('a frame of unit 9 (function 3)')
    expect(foreignFrame(Buffer.from([1, 2, 3, 4, 5, 6]))).toBeUndefined()
  })

  it('is a twitch of the line when it is one or two empty bytes', () => {
    expect([[0], [0xff], [0, 0xff]].map((bytes) => isGlitch(Buffer.from(bytes)))).toEqual([true, true, true])
    expect([[1], [0, 0, 0], [0xfe]].map((bytes) => isGlitch(Buffer.from(bytes)))).toEqual([false, false, false])
  })

  it.each<ReadRequest>([
    { fn: 3, address: 40_000, count: 2 },
    { fn: 1, address: 7, count: 2000 },
    { fn: 17 },
    { fn: 43, access: 4, objectId: 200 },
  ])('%j is read back from its frame', (request) => {
    expect(requestOf(encodeRtu(3, request))).toEqual(request)
  })

  it('is no request of ours when it writes', () => {
    expect(requestOf(encodeRtu(3, { fn: 6, address: 0, value: 1 }))).toBeUndefined()
  })
})
