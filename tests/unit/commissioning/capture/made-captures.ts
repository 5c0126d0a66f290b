/** Captures made without the code under test. */

/** One record of a pcap file. */
export interface Record {
  readonly atMs: number
  readonly bytes: Uint8Array
}

export function pcap(
  linkType: number,
  records: readonly Record[],
  order: 'little' | 'big' = 'little',
  nanos = false,
): Buffer {
  const word = (value: number): Buffer => {
    const bytes = Buffer.alloc(4)
    if (order === 'little') bytes.writeUInt32LE(value >>> 0)
    else bytes.writeUInt32BE(value >>> 0)
    return bytes
  }
  const version = Buffer.from(order === 'little' ? [2, 0, 4, 0] : [0, 2, 0, 4])
  const mark = nanos ? 0xa1b23c4d : 0xa1b2c3d4
  const head = Buffer.concat([word(mark), version, word(0), word(0), word(65_535), word(linkType)])
  const perMs = nanos ? 1e6 : 1e3
  return Buffer.concat([
    head,
    ...records.flatMap(({ atMs, bytes }) => [
      word(Math.floor(atMs / 1000)),
      word(Math.round((atMs % 1000) * perMs)),
      word(bytes.length),
      word(bytes.length),
      bytes,
    ]),
  ])
}

export interface MadeSegment {
  readonly fromClient: boolean
  readonly sequence: number
  readonly acknowledged?: number
  readonly flags?: number
  readonly data?: Uint8Array
}

const ports = { client: 40_000, server: 502 } as const

function tcp({ fromClient, sequence, acknowledged = 0, flags = 0x18, data = new Uint8Array() }: MadeSegment): Buffer {
  const head = Buffer.alloc(20)
  head.writeUInt16BE(fromClient ? ports.client : ports.server, 0)
  head.writeUInt16BE(fromClient ? ports.server : ports.client, 2)
  head.writeUInt32BE(sequence >>> 0, 4)
  head.writeUInt32BE(acknowledged >>> 0, 8)
  head[12] = 0x50
  head[13] = flags
  return Buffer.concat([head, data])
}

export function ipv4Packet(segment: MadeSegment): Buffer {
  const payload = tcp(segment)
  const head = Buffer.from('4500000000000000400600000000000000000000', 'hex')
  head.writeUInt16BE(20 + payload.length, 2)
  const [from, to] = segment.fromClient ? [1, 2] : [2, 1]
  Buffer.from([10, 0, 0, from, 10, 0, 0, to]).copy(head, 12)
  return Buffer.concat([head, payload])
}

export function ipv6Packet(segment: MadeSegment): Buffer {
  const payload = tcp(segment)
  const head = Buffer.alloc(40)
  head[0] = 0x60
  // A header of options stands before TCP.
  head.writeUInt16BE(8 + payload.length, 4)
  head[6] = 60
  const [from, to] = segment.fromClient ? [1, 2] : [2, 1]
  head.writeUInt16BE(0xfe80, 8)
  head[23] = from
  head.writeUInt16BE(0xfe80, 24)
  head[39] = to
  return Buffer.concat([head, Buffer.from([6, 0, 1, 4, 0, 0, 0, 0]), payload])
}

export const ethernet = (packet: Buffer, tag = false): Buffer =>
  Buffer.concat([
    Buffer.alloc(12, 2),
    Buffer.from(tag ? '8100000a' : '', 'hex'),
    Buffer.from(packet[0]! >> 4 === 4 ? '0800' : '86dd', 'hex'),
    packet,
  ])

export const cooked = (packet: Buffer): Buffer =>
  Buffer.concat([Buffer.alloc(14), Buffer.from(packet[0]! >> 4 === 4 ? '0800' : '86dd', 'hex'), packet])

export const cooked2 = (packet: Buffer): Buffer =>
  Buffer.concat([Buffer.from(packet[0]! >> 4 === 4 ? '0800' : '86dd', 'hex'), Buffer.alloc(18), packet])

export const loopback = (packet: Buffer): Buffer => Buffer.concat([Buffer.from([2, 0, 0, 0]), packet])
