import { isIPv6 } from 'node:net'
import type { Conversation, Endpoint } from '../listen/types.ts'

/** Makes the IP and TCP headers again of what a connection carried. */
export interface PacketMaker {
  make(conversation: Conversation, from: 'client' | 'server', data: Buffer): Buffer
}

const tcp = 6
const pushAndAcknowledge = 0x18
const mostConnections = 1000

export function createPacketMaker(): PacketMaker {
  const connections = new Map<string, { client: number; server: number }>()

  return {
    make({ client, server }, from, data) {
      const key = `${client.host} ${client.port} ${server.host} ${server.port}`
      const sent = connections.get(key) ?? { client: 1, server: 1 }
      if (connections.size >= mostConnections && !connections.has(key)) connections.clear()
      connections.set(key, sent)
      const other = from === 'client' ? 'server' : 'client'
      const [source, target] = from === 'client' ? [client, server] : [server, client]
      const segment = Buffer.alloc(20 + data.length)
      segment.writeUInt16BE(source.port, 0)
      segment.writeUInt16BE(target.port, 2)
      segment.writeUInt32BE(sent[from], 4)
      segment.writeUInt32BE(sent[other], 8)
      segment[12] = 5 << 4
      segment[13] = pushAndAcknowledge
      segment.writeUInt16BE(0xffff, 14)
      data.copy(segment, 20)
      sent[from] = (sent[from] + data.length) >>> 0
      return isIPv6(source.host) ? version6(source, target, segment) : version4(source, target, segment)
    },
  }
}

function version4(source: Endpoint, target: Endpoint, segment: Buffer): Buffer {
  const addresses = Buffer.from([...bytes4(source.host), ...bytes4(target.host)])
  segment.writeUInt16BE(
    checksum([addresses, Buffer.from([0, tcp, segment.length >> 8, segment.length & 0xff]), segment]),
    16,
  )
  const head = Buffer.alloc(20)
  head[0] = 0x45
  head.writeUInt16BE(20 + segment.length, 2)
  head[8] = 64
  head[9] = tcp
  addresses.copy(head, 12)
  head.writeUInt16BE(checksum([head]), 10)
  return Buffer.concat([head, segment])
}

function version6(source: Endpoint, target: Endpoint, segment: Buffer): Buffer {
  const addresses = Buffer.from([...bytes6(source.host), ...bytes6(target.host)])
  const length = Buffer.alloc(8)
  length.writeUInt32BE(segment.length, 0)
  length[7] = tcp
  segment.writeUInt16BE(checksum([addresses, length, segment]), 16)
  const head = Buffer.alloc(8)
  head[0] = 0x60
  head.writeUInt16BE(segment.length, 4)
  head[6] = tcp
  head[7] = 64
  return Buffer.concat([head, addresses, segment])
}

const bytes4 = (host: string): number[] => host.split('.').map(Number)

function bytes6(host: string): number[] {
  const [left = '', right] = host.split('::')
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'))
  const missing = 8 - groups(left).length - groups(right ?? '').length
  const zeros = Array.from({ length: right === undefined ? 0 : missing }, () => '0')
  return [...groups(left), ...zeros, ...groups(right ?? '')].flatMap((group) => {
    const value = Number.parseInt(group, 16)
    return [value >> 8, value & 0xff]
  })
}

/** RFC 1071. */
function checksum(parts: readonly Buffer[]): number {
  let sum = 0
  for (const part of parts) {
    for (let at = 0; at < part.length; at += 2) sum += (part[at]! << 8) | (part[at + 1] ?? 0)
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}
