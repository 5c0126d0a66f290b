import { createRecordReader, longestPacket, type Packet, type PacketReader } from './packets.ts'

const micros = 0xa1b2c3d4
const nanos = 0xa1b23c4d
const headLength = 24
const recordHead = 16

/** Whether a file begins like a pcap file. */
export function isPcap(head: Buffer): boolean {
  return head.length >= 4 && [head.readUInt32LE(0), head.readUInt32BE(0)].some((mark) => [micros, nanos].includes(mark))
}

/** Reads a pcap file (draft-ietf-opsawg-pcap), in either byte order. */
export function createPcapReader(packet: (packet: Packet) => void): PacketReader {
  let header: { readonly little: boolean; readonly perMs: number; readonly linkType: number } | undefined
  let count = 0

  function readHeader(bytes: Buffer, at: number): number | string {
    if (bytes.length - at < headLength) return 0
    if (!isPcap(bytes.subarray(at))) return 'this is no pcap file'
    const mark = bytes.readUInt32LE(at)
    const little = mark === micros || mark === nanos
    const word = (offset: number): number => (little ? bytes.readUInt32LE(offset) : bytes.readUInt32BE(offset))
    // The upper bits say whether packets end with a checksum of the link.
    header = { little, perMs: word(at) === nanos ? 1e6 : 1e3, linkType: word(at + 20) & 0xffff }
    return headLength
  }

  return createRecordReader(
    (bytes, at) => {
      if (!header) return readHeader(bytes, at)
      if (bytes.length - at < recordHead) return 0
      const { little, perMs, linkType } = header
      const word = (offset: number): number => (little ? bytes.readUInt32LE(offset) : bytes.readUInt32BE(offset))
      const length = word(at + 8)
      if (length > longestPacket) return `packet ${count + 1} says that it has ${length} bytes`
      if (bytes.length - at < recordHead + length) return 0
      count++
      const start = at + recordHead
      packet({
        atMs: word(at) * 1000 + word(at + 4) / perMs,
        linkType,
        bytes: bytes.subarray(start, start + length),
      })
      return recordHead + length
    },
    (held) => `the file ends within packet ${count + 1} (${held} bytes of it are there); ${count} packets were read`,
  )
}
