import { createRecordReader, longestPacket, type Packet, type PacketReader } from './packets.ts'

const sectionType = 0x0a0d0d0a
const byteOrderMark = 0x1a2b3c4d
const longestBlock = longestPacket + 65_536
const mostInterfaces = 1000

interface Interface {
  readonly linkType: number
  readonly snapLength: number
  /** Units of a timestamp in a millisecond. */
  readonly perMs: number
  readonly offsetMs: number
}

/** Whether a file begins like a pcapng file. */
export const isPcapng = (head: Buffer): boolean => head.length >= 4 && head.readUInt32LE(0) === sectionType

/** Reads a pcapng file (draft-ietf-opsawg-pcapng), sections of either byte order. */
export function createPcapngReader(packet: (packet: Packet) => void): PacketReader {
  let little = true
  let interfaces: Interface[] = []
  let count = 0

  const word = (bytes: Buffer, at: number): number => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at))
  const half = (bytes: Buffer, at: number): number => (little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at))

  function beginSection(body: Buffer): string | undefined {
    interfaces = []
    return body.length < 16 ? 'a section header is too short' : undefined
  }

  function addInterface(body: Buffer): string | undefined {
    if (body.length < 8) return 'an interface block is too short'
    if (interfaces.length >= mostInterfaces) return `there are more than ${mostInterfaces} interfaces`
    let perMs = 1e3
    let offsetMs = 0
    for (const [code, value] of optionsOf(body, 8)) {
      if (code === 9 && value.length > 0) perMs = unitsPerMs(value[0]!)
      if (code === 14 && value.length === 8)
        offsetMs = Number(little ? value.readBigInt64LE(0) : value.readBigInt64BE(0)) * 1000
    }
    interfaces.push({ linkType: half(body, 0), snapLength: word(body, 4), perMs, offsetMs })
    return undefined
  }

  function* optionsOf(body: Buffer, from: number): Generator<readonly [code: number, value: Buffer]> {
    for (let at = from; at + 4 <= body.length;) {
      const code = half(body, at)
      const length = half(body, at + 2)
      if (code === 0 || at + 4 + length > body.length) return
      yield [code, body.subarray(at + 4, at + 4 + length)]
      at += 4 + length + ((4 - (length % 4)) % 4)
    }
  }

  function emit(from: Interface | undefined, time: number, bytes: Buffer): string | undefined {
    if (!from) return 'a packet belongs to an interface that is not described'
    count++
    packet({ atMs: time / from.perMs + from.offsetMs, linkType: from.linkType, bytes })
    return undefined
  }

  function readPacket(body: Buffer, isOld: boolean): string | undefined {
    if (body.length < 20) return 'a packet block is too short'
    const length = word(body, 12)
    if (20 + length > body.length) return `packet ${count + 1} says that it has ${length} bytes`
    const time = word(body, 4) * 2 ** 32 + word(body, 8)
    return emit(interfaces[isOld ? half(body, 0) : word(body, 0)], time, body.subarray(20, 20 + length))
  }

  function readSimplePacket(body: Buffer): string | undefined {
    if (body.length < 4) return 'a packet block is too short'
    const [from] = interfaces
    const limit = from && from.snapLength > 0 ? from.snapLength : Number.POSITIVE_INFINITY
    const length = Math.min(word(body, 0), limit, body.length - 4)
    return emit(from, 0, body.subarray(4, 4 + length))
  }

  function readBlock(type: number, body: Buffer): string | undefined {
    switch (type) {
      case sectionType:
        return beginSection(body)
      case 1:
        return addInterface(body)
      case 2:
        return readPacket(body, true)
      case 3:
        return readSimplePacket(body)
      case 6:
        return readPacket(body, false)
      default:
        return undefined
    }
  }

  return createRecordReader(
    (bytes, at) => {
      if (bytes.length - at < 12) return 0
      if (bytes.readUInt32LE(at) === sectionType) {
        little = bytes.readUInt32LE(at + 8) === byteOrderMark
        if (!little && bytes.readUInt32BE(at + 8) !== byteOrderMark) return 'a section has no byte order'
      } else if (count === 0 && interfaces.length === 0 && at === 0 && word(bytes, at) > 0x8000_0000)
        return 'this is no pcapng file'
      const length = word(bytes, at + 4)
      if (length < 12 || length % 4 !== 0 || length > longestBlock) return `a block says that it has ${length} bytes`
      if (bytes.length - at < length) return 0
      return readBlock(word(bytes, at), bytes.subarray(at + 8, at + length - 4)) ?? length
    },
    (held) => `the file ends within a block (${held} bytes of it are there); ${count} packets were read`,
  )
}

/** `if_tsresol`: a negative power of ten, or of two with the highest bit. */
function unitsPerMs(resolution: number): number {
  const power = resolution & 0x7f
  return (resolution & 0x80 ? 2 ** power : 10 ** power) / 1000
}
