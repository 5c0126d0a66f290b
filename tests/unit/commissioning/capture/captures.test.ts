import { describe, expect, test } from 'vitest'
import { cut, makeTraffic, withChecksum } from '../listen/traffic.ts'
import { fileWith, listenToFile } from './listen-to.ts'
import {
  cooked,
  cooked2,
  ethernet,
  ipv4Packet,
  ipv6Packet,
  loopback,
  type MadeSegment,
  pcap,
  type Record,
} from './made-captures.ts'

const request = Buffer.from('000100000006010300000002', 'hex')
const answer = Buffer.from('00010000000701030400010002', 'hex')
const exchange: readonly MadeSegment[] = [
  { fromClient: true, sequence: 100, flags: 2 },
  { fromClient: false, sequence: 900, acknowledged: 101, flags: 0x12 },
  { fromClient: true, sequence: 101, acknowledged: 901, data: request },
  { fromClient: false, sequence: 901, acknowledged: 113, data: answer },
]

const records = (segments: readonly MadeSegment[], wrap: (segment: MadeSegment) => Buffer): Record[] =>
  segments.map((segment, index) => ({ atMs: 1_700_000_000_000 + 10 * index, bytes: wrap(segment) }))

describe('pcap', () => {
  test.each<[string, number, (segment: MadeSegment) => Buffer]>([
    ['Ethernet', 1, (segment) => ethernet(ipv4Packet(segment))],
    ['Ethernet with a VLAN tag and IPv6', 1, (segment) => ethernet(ipv6Packet(segment), true)],
    ['raw IP', 101, ipv4Packet],
    ['Linux cooked', 113, (segment) => cooked(ipv6Packet(segment))],
    ['Linux cooked, version 2', 276, (segment) => cooked2(ipv4Packet(segment))],
    ['BSD loopback', 0, (segment) => loopback(ipv4Packet(segment))],
  ])('of %s', async (_, linkType, wrap) => {
    const { frames, pairs, end } = await listenToFile(fileWith(pcap(linkType, records(exchange, wrap))))
    expect(end).toEqual({ complete: true })
    expect(frames.map(({ role, roleBy }) => [role, roleBy])).toEqual([
      ['request', 'direction'],
      ['answer', 'direction'],
    ])
    expect(frames[1]).toMatchObject({ transaction: 1, address: 0, count: 2, values: [1, 2], answers: 0 })
    expect(frames[0]!.conversation!.server.port).toBe(502)
    expect(pairs).toEqual([{ request: 0, answer: 1, unitId: 1, fc: 3, turnaroundMs: 10 }])
  })

  test.each(['little', 'big'] as const)('in %s-endian order, with times to the nanosecond', async (order) => {
    const made = records(exchange, ipv4Packet).map((record) => ({ ...record, atMs: record.atMs + 0.123_457 }))
    const { frames } = await listenToFile(fileWith(pcap(101, made, order, true)))
    expect(frames[0]!.atMs % 1000).toBeCloseTo(20.123_457, 3)
    expect(frames).toHaveLength(2)
  })

  test('of serial frames, for private use', async () => {
    const traffic = makeTraffic(5, 20_000, 0)
    const made = [...cut(traffic.bytes, 3, 256)].map((bytes, index) => ({ atMs: index, bytes }))
    const { frames } = await listenToFile(fileWith(pcap(147, made)))
    expect(frames.map(({ hex }) => hex)).toEqual(traffic.frames.map(({ bytes }) => Buffer.from(bytes).toString('hex')))
  })

  test('cut at any byte keeps what is whole, and says where it ends', async () => {
    const whole = pcap(101, records(exchange, ipv4Packet))
    for (let length = 25; length < whole.length; length += 7) {
      const { end, frames } = await listenToFile(fileWith(whole.subarray(0, length)))
      const isBetween = [24, 80, 136, 204].includes(length)
      expect(end.complete).toBe(isBetween)
      if (!isBetween)
        expect(end.reason).toMatch(
          /^the file ends within packet \d \(\d+ bytes of it are there\); \d packets were read$/,
        )
      expect(frames).toHaveLength(length >= 204 ? 1 : 0)
    }
  })

  test('whose packet says that it is enormous keeps those before it', async () => {
    const whole = pcap(101, records(exchange, ipv4Packet))
    whole.writeUInt32LE(0x7fff_ffff, 204 + 8)
    const { end, frames } = await listenToFile(fileWith(whole))
    expect(end).toEqual({ complete: false, reason: 'packet 4 says that it has 2147483647 bytes, at byte 204' })
    expect(frames.map(({ role }) => role)).toEqual(['request'])
  })
})

describe('TCP', () => {
  const long = Buffer.concat(
    Array.from({ length: 50 }, (_, index) => Buffer.from([0, index, 0, 0, 0, 6, 1, 3, 0, index, 0, 1])),
  )
  const pieces = (at: readonly number[]): MadeSegment[] =>
    at.map((from, index) => ({
      fromClient: true,
      sequence: 0xffff_ff00 + from,
      data: long.subarray(from, at.toSorted((a, b) => a - b).find((next) => next > from) ?? long.length),
      ...(index === 0 && { acknowledged: 1 }),
    }))
  const addresses = async (segments: readonly MadeSegment[]): Promise<(number | undefined)[]> => {
    const { frames } = await listenToFile(fileWith(pcap(101, records(segments, ipv4Packet))))
    return frames.filter(({ role }) => role === 'request').map(({ address }) => address)
  }
  const all = Array.from({ length: 50 }, (_, index) => index)

  test('segments in any order, twice and overlapping, and numbers that wrap', async () => {
    const start: MadeSegment = { fromClient: true, sequence: 0xffff_feff, flags: 2 }
    expect(await addresses([start, ...pieces([0, 100, 200, 300, 400, 500])])).toEqual(all)
    expect(await addresses([start, ...pieces([0, 200, 100, 400, 300, 500])])).toEqual(all)
    expect(await addresses([start, ...pieces([0, 100]), ...pieces([0, 100, 137, 333])])).toEqual(all)
  })

  test('of another protocol is counted, not decoded', async () => {
    const web = Buffer.from('GET / HTTP/1.1\r\nHost: inverter\r\n\r\n')
    const packet = ipv4Packet({ fromClient: true, sequence: 1, data: web })
    packet.writeUInt16BE(80, 22)
    const made = [{ atMs: 1_700_000_000_000, bytes: packet }]
    const alone = await listenToFile(fileWith(pcap(101, made)))
    expect(alone.frames).toEqual([])
    expect(alone.snapshot).toMatchObject({
      foreignConnections: 1,
      summary: 'no Modbus heard: 1 connection of something else',
    })
    const both = await listenToFile(fileWith(pcap(101, [...made, ...records(exchange, ipv4Packet)])))
    expect(both.snapshot.summary).toMatch(
      /^a client asks 1 unit: 1 request, 1 of them answered .*, beside 1 connection/,
    )
  })

  test('on any port is Modbus TCP when it looks like it, from any packet on', async () => {
    const half = { fromClient: true, sequence: 95, data: Buffer.concat([Buffer.from([9, 9, 9, 9, 9, 9])]) }
    const elsewhere = [half, ...exchange.slice(2)].map((segment) => {
      const packet = ipv4Packet(segment)
      packet.writeUInt16BE(5020, segment.fromClient ? 22 : 20)
      return { atMs: 1_700_000_000_000, bytes: packet }
    })
    const { frames, snapshot } = await listenToFile(fileWith(pcap(101, elsewhere)))
    expect(frames.map(({ role }) => role)).toEqual(['request', 'answer'])
    expect(snapshot.foreignConnections).toBe(0)
  })

  test('a segment that the capture lacks costs the frames in it, no others', async () => {
    const start: MadeSegment = { fromClient: true, sequence: 0xffff_feff, flags: 2 }
    const kept = pieces([0, 120, 240, 360, 480]).filter(({ sequence }) => sequence !== 0xffff_ff00 + 120)
    expect(await addresses([start, ...kept])).toEqual(all.filter((index) => index < 10 || index >= 20))
  })
})

describe('logs in hex', () => {
  const read = Buffer.from(withChecksum([1, 3, 0, 10, 0, 1])).toString('hex')
  const reply = Buffer.from(withChecksum([1, 3, 2, 0, 99])).toString('hex')
  const spaced = (hex: string): string => hex.replaceAll(/../g, '$& ').trim()

  test.each([
    ['> and <', `# a comment\n> ${read}\n< ${reply}\n`, 'direction'],
    ['tx and rx', `tx: ${read}\nrx: ${reply}\n`, 'direction'],
    ['times of day', `12:00:01.500 ${spaced(read)}\n12:00:01.520 ${spaced(reply)}`, 'form'],
    ['ISO times', `2026-01-01T12:00:01.500Z tx ${read}\r\n2026-01-01T12:00:01.520Z rx ${reply}\r\n`, 'direction'],
    ['seconds', `1700000000.500 ${read}\n1700000000.520 ${reply.toUpperCase()}\n`, 'form'],
    ['bytes alone', `${read.replaceAll(/../g, '0x$& ')}\n${reply}\n`, 'form'],
  ])('with %s', async (name, text, roleBy) => {
    const { frames, pairs } = await listenToFile(fileWith(text))
    expect(frames.map((frame) => [frame.role, frame.roleBy])).toEqual([
      ['request', roleBy],
      ['answer', roleBy],
    ])
    expect(frames[1]).toMatchObject({ address: 10, values: [99] })
    const hasTimes = !['> and <', 'tx and rx', 'bytes alone'].includes(name)
    expect(pairs[0]!.turnaroundMs).toBeCloseTo(hasTimes ? 20 : 0, 3)
  })

  test('with lines that are none says which', async () => {
    const { end, frames } = await listenToFile(fileWith(`${read}\nhello there\n${reply}\nnot this either`))
    expect(frames).toHaveLength(2)
    expect(end).toEqual({
      complete: true,
      reason: '2 of 4 lines are no bytes in hex, the first is line 2: "hello there"',
    })
  })
})

describe('files that are no capture', () => {
  test.each<[string, () => string, object]>([
    [
      'that is not there',
      () => '/nowhere/at-all.pcap',
      { code: 'capture.not-found', message: 'there is no file /nowhere/at-all.pcap' },
    ],
    ['that is a folder', () => '/', { code: 'capture.unreadable', message: '/: this is a folder' }],
    [
      'that is empty',
      () => fileWith(''),
      { code: 'capture.unreadable', message: expect.stringMatching(/ is empty$/) as string },
    ],
    [
      'of junk',
      () => fileWith(Buffer.from([0, 1, 2, 3, 255])),
      { code: 'capture.unreadable', message: expect.stringMatching(/ is neither pcap nor pcapng nor text$/) as string },
    ],
  ])('%s', async (_, path, error) => {
    await expect(listenToFile(path())).rejects.toMatchObject(error)
  })

  test('of text without a byte', async () => {
    const { end, snapshot } = await listenToFile(fileWith('Lorem ipsum\ndolor sit amet\n'))
    expect(end).toMatchObject({ complete: false, reason: expect.stringMatching(/no line has bytes in hex$/) as string })
    expect(snapshot.bytes).toBe(0)
  })

  test('that begin like one, followed by junk', async () => {
    const junk = Buffer.from(makeTraffic(9, 50_000, 0).bytes)
    for (const head of [
      pcap(1, []),
      pcap(147, []),
      Buffer.from('0a0d0d0a1c0000004d3c2b1a01000000ffffffffffffffff1c000000', 'hex'),
    ]) {
      const { end } = await listenToFile(fileWith(Buffer.concat([head, junk])))
      expect(end.complete).toBe(false)
      expect(end.reason).toMatch(/^(packet|a block|a packet) .*, at byte \d+$/)
    }
  })
})
