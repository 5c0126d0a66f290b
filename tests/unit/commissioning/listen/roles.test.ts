import { describe, expect, test } from 'vitest'
import { collect } from './collect.ts'
import { checksum, withChecksum } from './traffic.ts'

const frame = (...body: number[]): Uint8Array => Uint8Array.from(withChecksum(body))
/** Something on the line that is no frame. */
const noise = Uint8Array.from([0x55, 0xaa, 0x55, 0xaa, 0x55, 0xaa, 0x55, 0xaa])

const read = frame(1, 3, 0, 10, 0, 2)
const registers = frame(1, 3, 4, 0, 1, 0, 2)
const write = frame(1, 6, 0, 5, 0, 7)
const otherWrite = frame(1, 6, 0, 5, 0, 8)

/** Hands over pieces at these times, and says what became of them. */
function hear(...pieces: readonly (readonly [atMs: number, bytes: Uint8Array])[]) {
  const collected = collect()
  for (const [atMs, bytes] of pieces) collected.decoder.push(bytes, atMs)
  collected.decoder.end()
  return {
    ...collected,
    roles: collected.frames.map(({ role, roleBy }) => (role === 'rejected' ? role : `${role} by ${roleBy}`)),
    numbers: collected.pairs.map(([request, answer]) => [request.number, answer.number]),
  }
}

describe('requests and answers', () => {
  test('are told by their form where it allows one only', () => {
    const { roles, numbers, frames } = hear([0, read], [20, registers])
    expect(roles).toEqual(['request by form', 'answer by form'])
    expect(numbers).toEqual([[0, 1]])
    expect(frames[1]).toMatchObject({ unitId: 1, fc: 3, address: 10, count: 2, values: [1, 2], answers: 0 })
  })

  test('an answer whose question was not heard has no address', () => {
    const { roles, numbers, frames } = hear([0, registers])
    expect(roles).toEqual(['answer by form'])
    expect(numbers).toEqual([])
    expect(frames[0]).not.toHaveProperty('address')
  })

  test('an answer of another length, unit or function does not answer', () => {
    for (const other of [frame(1, 3, 2, 0, 1), frame(2, 3, 4, 0, 1, 0, 2), frame(1, 4, 4, 0, 1, 0, 2)])
      expect(hear([0, read], [20, other]).numbers).toEqual([])
  })

  test('an exception answers the request before it', () => {
    const { frames, numbers } = hear([0, read], [20, frame(1, 0x83, 2)])
    expect(frames[1]).toMatchObject({ role: 'exception', fc: 3, exception: 2, address: 10, count: 2 })
    expect(numbers).toEqual([[0, 1]])
  })

  test('an echo right after what is known to be its request is the answer', () => {
    const { roles, numbers } = hear([0, read], [10, registers], [1000, write], [1020, write])
    expect(roles.slice(2)).toEqual(['request by exchange', 'answer by exchange'])
    expect(numbers).toEqual([
      [0, 1],
      [2, 3],
    ])
  })

  test('the same frame after an answered one is a request again', () => {
    const { roles, numbers } = hear([0, read], [10, registers], [90, write], [100, write], [190, write], [200, write])
    expect(roles.slice(2).map((role) => role.split(' ')[0])).toEqual(['request', 'answer', 'request', 'answer'])
    expect(numbers).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
    ])
  })

  test('an echo with nothing before it is not guessed', () => {
    expect(hear([0, write], [20, write]).roles).toEqual(['unknown by undecided', 'unknown by undecided'])
  })

  test('an echo that follows another one with other content is a request, whatever that was', () => {
    expect(hear([0, write], [20, otherWrite]).roles).toEqual(['unknown by undecided', 'request by exchange'])
  })

  test('an echo soon after one that stood alone is its answer', () => {
    const { roles, numbers } = hear([0, write], [20, write], [1020, write], [1040, write], [2040, write], [2060, write])
    expect(roles.slice(3)).toEqual(['answer by timing', 'request by exchange', 'answer by exchange'])
    expect(numbers).toEqual([
      [2, 3],
      [4, 5],
    ])
  })

  test('repeating a write that nobody answers does not answer it', () => {
    const { numbers, unanswered } = hear([0, read], [10, registers], [500, write], [1500, write], [2500, write])
    expect(numbers).toEqual([[0, 1]])
    expect(unanswered).toHaveLength(1)
  })

  test('three bytes of an answer to a coil read look like a request, and are not taken for one', () => {
    const coils = frame(1, 1, 0, 0, 0, 20)
    const answer = frame(1, 1, 3, 0, 0, 20)
    const { roles, numbers } = hear([0, read], [9, registers], [20, coils], [40, answer])
    expect(roles.slice(2)).toEqual(['request by form', 'answer by exchange'])
    expect(numbers[1]).toEqual([2, 3])
  })

  test('two bytes of noise do not part a request from its answer; a damaged frame between them does', () => {
    expect(hear([0, read], [10, Uint8Array.from([0, 0xff])], [11, registers]).numbers).toEqual([[0, 2]])
    expect(hear([0, read], [10, noise], [11, registers]).numbers).toEqual([])
  })

  test('a request that is followed by another one is unanswered', () => {
    const { unanswered } = hear([0, read], [1000, read], [1020, registers])
    expect(unanswered.map(({ number }) => number)).toEqual([0])
  })

  test('a broadcast is not expected to be answered', () => {
    const { unanswered } = hear(
      [0, read],
      [10, registers],
      [50, frame(0, 6, 0, 1, 0, 1)],
      [200, read],
      [210, registers],
    )
    expect(unanswered).toEqual([])
  })
})

describe('a log that tells the two sides apart', () => {
  const log = (client: 'client' | 'server') => {
    const server = client === 'client' ? 'server' : 'client'
    const collected = collect()
    for (const [bytes, from] of [
      [read, client],
      [registers, server],
      [write, client],
      [write, server],
    ] as const)
      collected.decoder.push(bytes, 0, from)
    collected.decoder.end()
    return collected
  }

  test('says who asks', () => {
    const { frames, pairs } = log('client')
    expect(frames.map(({ role, roleBy }) => `${role} by ${roleBy}`)).toEqual([
      'request by direction',
      'answer by direction',
      'request by direction',
      'answer by direction',
    ])
    expect(pairs).toHaveLength(2)
  })

  test('is not believed where a device wrote it, so that its sides are the other way round', () => {
    const { frames, pairs } = log('server')
    expect(frames.map(({ role }) => role)).toEqual(['request', 'answer', 'request', 'answer'])
    expect(pairs).toHaveLength(2)
  })
})

describe('frames', () => {
  test('of functions that belong to a vendor end where the checksum is right and something follows', () => {
    const own = frame(1, 0x65, ...Array.from({ length: 100 }, (_, index) => (index * 37) % 256))
    const { frames } = hear([0, Buffer.concat([own, frame(1, 0x65, 1, 2), read, registers])])
    expect(frames.map(({ fc }) => fc)).toEqual([0x65, 0x65, 3, 3])
  })

  test('of such a function are found behind a damaged one', () => {
    const damaged = Uint8Array.from(registers)
    damaged[4]! ^= 4
    const { frames } = hear([0, Buffer.concat([read, damaged, frame(1, 0x66, 9, 8, 7), read, registers])])
    expect(frames.map(({ role, fc }) => (role === 'rejected' ? role : fc))).toEqual([3, 'rejected', 0x66, 3, 3])
  })

  test('whose beginning has a right checksum of its own are waited for', () => {
    // The first eight bytes of this write are a whole answer to such a write.
    const head = Array.from({ length: 65_536 }, (_, address) => [1, 16, address >> 8, address & 0xff, 0, 1]).find(
      (body) => checksum(body) % 256 === 2,
    )!
    const long = frame(...head, 2, checksum(head) >> 8, 77)
    expect(frame(...head)).toEqual(long.subarray(0, 8))
    const { frames } = hear([0, read], [10, registers], [20, long.subarray(0, 8)], [24, long.subarray(8)])
    expect(frames.map(({ role, fc }) => `${role} ${fc}`)).toEqual(['request 3', 'answer 3', 'request 16'])
    // What answers a request is not held up.
    const collected = collect()
    collected.decoder.push(long, 0)
    collected.decoder.push(frame(...head), 10)
    expect(collected.frames.map(({ role }) => role)).toEqual(['request', 'answer'])
  })

  test('that were cut by a pause, or joined without one, are found alike', () => {
    const whole = Buffer.concat([read, registers, write])
    for (let at = 1; at < whole.length; at++) {
      const { frames } = hear([0, whole.subarray(0, at)], [5000, whole.subarray(at)])
      expect(frames.map(({ fc }) => fc)).toEqual([3, 3, 6])
    }
  })

  test('behind an unfinished one are seen when the line is quiet', () => {
    const collected = collect()
    // Announces 250 bytes that never come.
    collected.decoder.push(Uint8Array.from([9, 3, 250, 1, 2]), 0)
    collected.decoder.push(read, 10)
    expect(collected.frames).toEqual([])
    collected.decoder.quiet()
    expect(collected.frames.map(({ role }) => role)).toEqual(['rejected', 'request'])
  })

  test('that are damaged are shown, with the unit that they look like', () => {
    const damaged = Uint8Array.from(registers)
    damaged[4]! ^= 4
    const { frames } = hear([0, read], [10, registers], [20, read], [30, damaged], [40, read])
    expect(frames[3]).toMatchObject({ role: 'rejected', unitId: 1, fc: 3, hex: Buffer.from(damaged).toString('hex') })
    expect(frames[3]!.note).toContain('its checksum is wrong')
  })
})
