import type { Packet } from './packets.ts'

/** A TCP segment with where it came from. */
export interface Segment {
  readonly atMs: number
  readonly source: { readonly host: string; readonly port: number }
  readonly target: { readonly host: string; readonly port: number }
  readonly sequence: number
  readonly acknowledged: number | undefined
  readonly syn: boolean
  readonly fin: boolean
  readonly reset: boolean
  readonly data: Buffer
  /** The capture has only the beginning of it. */
  readonly missing: number
}

const ipv4 = 0x0800
const ipv6 = 0x86dd
const vlans: ReadonlySet<number> = new Set([0x8100, 0x88a8, 0x9100])
/** Headers between IPv6 and TCP that say how long they are. */
const skippable: ReadonlySet<number> = new Set([0, 43, 60])
const tcp = 6

/** The segment in a packet of one of the usual link types; undefined for everything else, cut or damaged ones included. */
export function segmentOf({ atMs, linkType, bytes }: Packet): Segment | undefined {
  const at = networkAt(linkType, bytes)
  if (at === undefined || at >= bytes.length) return undefined
  const packet = bytes.subarray(at)
  const version = packet[0]! >> 4
  if (version === 4) return fromIpv4(atMs, packet)
  return version === 6 ? fromIpv6(atMs, packet) : undefined
}

/** Where the IP header begins. */
function networkAt(linkType: number, bytes: Buffer): number | undefined {
  switch (linkType) {
    case 0: // BSD loopback
    case 108:
      return 4
    case 1:
      return afterTypes(bytes, 12)
    case 12: // raw IP
    case 14:
    case 101:
    case 228:
    case 229:
      return 0
    case 113: // Linux cooked
      return afterTypes(bytes, 14)
    case 276: // Linux cooked, version 2
      return bytes.length >= 20 && isNetwork(bytes.readUInt16BE(0)) ? 20 : undefined
    default:
      return undefined
  }
}

const isNetwork = (type: number): boolean => type === ipv4 || type === ipv6

/** Past the type of Ethernet and the tags of virtual networks. */
function afterTypes(bytes: Buffer, from: number): number | undefined {
  let at = from
  while (at + 2 <= bytes.length && vlans.has(bytes.readUInt16BE(at))) at += 4
  return at + 2 <= bytes.length && isNetwork(bytes.readUInt16BE(at)) ? at + 2 : undefined
}

function fromIpv4(atMs: number, packet: Buffer): Segment | undefined {
  if (packet.length < 20) return undefined
  const head = (packet[0]! & 15) * 4
  const total = packet.readUInt16BE(2)
  // Reassembling fragments is not worth it: nobody fragments such short packets.
  const isFragment = (packet.readUInt16BE(6) & 0x3fff) !== 0
  if (packet[9] !== tcp || isFragment || head < 20) return undefined
  const address = (at: number): string => packet.subarray(at, at + 4).join('.')
  // A network card that splits packets itself leaves the length empty.
  const end = total === 0 ? packet.length : total
  return segment(atMs, address(12), address(16), packet, head, end)
}

function fromIpv6(atMs: number, packet: Buffer): Segment | undefined {
  if (packet.length < 40) return undefined
  let next = packet[6]!
  let at = 40
  while (skippable.has(next) && at + 8 <= packet.length) {
    next = packet[at]!
    at += (packet[at + 1]! + 1) * 8
  }
  if (next !== tcp) return undefined
  const length = packet.readUInt16BE(4)
  const end = length === 0 ? packet.length : 40 + length
  return segment(atMs, ipv6Text(packet, 8), ipv6Text(packet, 24), packet, at, end)
}

function segment(atMs: number, from: string, to: string, packet: Buffer, at: number, end: number): Segment | undefined {
  if (packet.length < at + 20) return undefined
  const start = at + (packet[at + 12]! >> 4) * 4
  if (start < at + 20 || end < start) return undefined
  const flags = packet[at + 13]!
  return {
    atMs,
    source: { host: from, port: packet.readUInt16BE(at) },
    target: { host: to, port: packet.readUInt16BE(at + 2) },
    sequence: packet.readUInt32BE(at + 4),
    acknowledged: flags & 0x10 ? packet.readUInt32BE(at + 8) : undefined,
    syn: (flags & 2) !== 0,
    fin: (flags & 1) !== 0,
    reset: (flags & 4) !== 0,
    data: packet.subarray(start, Math.min(end, packet.length)),
    missing: Math.max(0, end - Math.max(start, packet.length)),
  }
}

/** RFC 5952: without leading zeros, the longest run of zeros as "::". */
function ipv6Text(packet: Buffer, at: number): string {
  const groups = Array.from({ length: 8 }, (_, index) => packet.readUInt16BE(at + 2 * index).toString(16)).join(':')
  const runs = [...groups.matchAll(/(?<![0-9a-f])0(:0)+(?![0-9a-f])/g)].map(([run]) => run)
  const longest = runs.toSorted((a, b) => b.length - a.length)[0]
  if (longest === undefined) return groups
  return longest === groups ? '::' : groups.replace(longest, ':').replaceAll(':::', '::')
}
