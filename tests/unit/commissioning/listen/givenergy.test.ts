import { expect, test } from 'vitest'
import { createGivenergyDecoder } from '../../../../service/commissioning/listen/givenergy-decoder.ts'
import { collect } from './collect.ts'
import { withChecksum } from './traffic.ts'

const serial = [...Buffer.from('CE2242G000')]

/** A frame of the inverter within the header of the data adapter. */
function wrap(...body: number[]): Uint8Array {
  const inner = [1, 2, ...serial, 0, 0, 0, 0, 0, 0, 0, 8, ...withChecksum(body)]
  return Uint8Array.from([0x59, 0x59, 0, 1, inner.length >> 8, inner.length & 0xff, ...inner])
}

const request = wrap(0x11, 4, 0, 60, 0, 2)
const answer = wrap(0x11, 4, ...serial, 0, 60, 0, 2, 0, 7, 0, 9)

test('requests, answers and exceptions are paired by unit, function and address', () => {
  const { decoder, frames, pairs } = collect(createGivenergyDecoder)
  decoder.push(request, 0, 'client')
  decoder.push(wrap(0x11, 3, 0, 10, 0, 1), 5, 'client')
  decoder.push(answer, 20, 'server')
  decoder.push(wrap(0x11, 0x83, ...serial, 0, 10, 2), 30, 'server')
  expect(pairs.map(([asked, answered]) => [asked.number, answered.number])).toEqual([
    [0, 2],
    [1, 3],
  ])
  expect(frames[2]).toMatchObject({
    role: 'answer',
    unitId: 17,
    fc: 4,
    address: 60,
    count: 2,
    values: [7, 9],
    answers: 0,
  })
  expect(frames[3]).toMatchObject({ role: 'exception', fc: 3, exception: 2, address: 10, count: 1, answers: 1 })
})

test('an answer that nobody was heard to ask for names its registers', () => {
  const { decoder, frames, pairs } = collect(createGivenergyDecoder)
  decoder.push(answer, 0)
  expect(frames).toMatchObject([{ role: 'answer', roleBy: 'form', address: 60, count: 2, values: [7, 9] }])
  expect(pairs).toEqual([])
})

test('damage is rejected, and the next header is found', () => {
  const damaged = Uint8Array.from(answer)
  damaged[damaged.length - 5]! ^= 1
  const { decoder, frames } = collect(createGivenergyDecoder)
  decoder.push(Buffer.concat([Buffer.from('noise'), damaged, request.subarray(0, 20), request]), 0)
  decoder.end()
  expect(frames.map(({ role, note }) => [role, note])).toEqual([
    ['rejected', 'no frame'],
    ['rejected', 'the checksum inside is wrong'],
    ['rejected', 'the checksum inside is wrong'],
    ['request', undefined],
  ])
})
