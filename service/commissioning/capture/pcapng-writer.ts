import type { Conversation, ListenFrame } from '../listen/types.ts'
import { createPacketMaker } from './packet-maker.ts'

/** Writes frames so that Wireshark opens them. */
export interface PcapngWriter {
  /** Section and interfaces: stands once, at the beginning. */
  header(): Buffer
  packet(frame: ListenFrame): Buffer
}

const littleEndianMark = 0x1a2b3c4d
const blocks = { section: 0x0a0d0d0a, interface: 1, packet: 6 } as const
const options = { comment: 1, interfaceName: 2, interfaceDescription: 3, userApplication: 4 } as const
/** What is kept for private use, and what stands for plain IP packets (https://www.tcpdump.org/linktypes.html). */
export const linkTypes = { user0: 147, rawIp: 101 } as const
const longestPacket = 65_535

const serialNote =
  'Modbus RTU frames with checksum. In Wireshark: Edit > Preferences > Protocols > DLT_USER > Encapsulations Table, ' +
  'add User 0 (DLT=147) with the payload dissector mbrtu.'
const connectionNote = 'Modbus TCP. The IP and TCP headers are made again from what was recorded.'

/** Where a frame that was recorded without its connection is put. */
const nowhere: Conversation = {
  client: { host: '192.0.2.1', port: 50_000 },
  server: { host: '192.0.2.2', port: 502 },
}

/**
 * RTU frames become packets of a link type for private use, with a note how to decode them; those of a connection become
 * IP packets. What is no frame is a packet with a comment.
 */
export function createPcapngWriter(application: string): PcapngWriter {
  const packets = createPacketMaker()
  return {
    header: () =>
      Buffer.concat([
        block(blocks.section, Buffer.concat([sectionFields(), option(options.userApplication, application), noMore])),
        interfaceBlock(linkTypes.user0, 'serial', serialNote),
        interfaceBlock(linkTypes.rawIp, 'connections', connectionNote),
      ]),
    packet(frame) {
      const data = Buffer.from(frame.hex, 'hex')
      const isSerial = frame.framing === 'rtu' && !frame.conversation
      const bytes = isSerial ? data : packets.make(frame.conversation ?? nowhere, sideOf(frame), data)
      return packetBlock(isSerial ? 0 : 1, frame.atMs, bytes, commentOf(frame))
    },
  }
}

const sideOf = ({ role }: ListenFrame): 'client' | 'server' =>
  role === 'answer' || role === 'exception' ? 'server' : 'client'

function commentOf({ role, note, answers, number }: ListenFrame): string | undefined {
  if (role === 'rejected') return `no frame: ${note ?? 'rejected'}`
  if (role === 'unknown') return note ?? 'request or answer: both are possible'
  if (role === 'request') return `request, frame ${number}`
  return answers === undefined ? `${role} to a request that was not heard` : `${role} to frame ${answers}`
}

function sectionFields(): Buffer {
  const fields = Buffer.alloc(16)
  fields.writeUInt32LE(littleEndianMark, 0)
  fields.writeUInt16LE(1, 4)
  // Length of the section: not known beforehand.
  fields.writeBigInt64LE(-1n, 8)
  return fields
}

function interfaceBlock(linkType: number, name: string, description: string): Buffer {
  const fields = Buffer.alloc(8)
  fields.writeUInt16LE(linkType, 0)
  fields.writeUInt32LE(longestPacket, 4)
  const texts = [option(options.interfaceName, name), option(options.interfaceDescription, description)]
  return block(blocks.interface, Buffer.concat([fields, ...texts, noMore]))
}

function packetBlock(interfaceId: number, atMs: number, bytes: Buffer, comment: string | undefined): Buffer {
  const fields = Buffer.alloc(20)
  const micros = BigInt(Math.max(0, Math.round(atMs * 1000)))
  fields.writeUInt32LE(interfaceId, 0)
  fields.writeUInt32LE(Number(micros >> 32n) >>> 0, 4)
  fields.writeUInt32LE(Number(micros & 0xffff_ffffn), 8)
  fields.writeUInt32LE(bytes.length, 12)
  fields.writeUInt32LE(bytes.length, 16)
  const texts = comment === undefined ? [] : [option(options.comment, comment), noMore]
  return block(blocks.packet, Buffer.concat([fields, padded(bytes), ...texts]))
}

function block(type: number, body: Buffer): Buffer {
  const whole = Buffer.alloc(body.length + 12)
  whole.writeUInt32LE(type, 0)
  whole.writeUInt32LE(whole.length, 4)
  body.copy(whole, 8)
  whole.writeUInt32LE(whole.length, whole.length - 4)
  return whole
}

const noMore = Buffer.alloc(4)

function option(code: number, text: string): Buffer {
  const value = Buffer.from(text, 'utf8')
  const head = Buffer.alloc(4)
  head.writeUInt16LE(code, 0)
  head.writeUInt16LE(value.length, 2)
  return Buffer.concat([head, padded(value)])
}

function padded(bytes: Buffer): Buffer {
  const missing = (4 - (bytes.length % 4)) % 4
  return missing === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(missing)])
}
