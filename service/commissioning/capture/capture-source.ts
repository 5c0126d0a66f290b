import { open, type FileHandle } from 'node:fs/promises'
import { EdgeError } from '#contract/errors.ts'
import type { Chunk, ChunkSink, ListenSource, SourceEnd } from '../listen/types.ts'
import { createHexLogReader } from './hex-log.ts'
import { segmentOf } from './link-layer.ts'
import type { Packet, PacketReader } from './packets.ts'
import { createPcapReader, isPcap } from './pcap.ts'
import { createPcapngReader, isPcapng } from './pcapng.ts'
import { createTcpStreams } from './tcp-streams.ts'

const pieceLength = 262_144
const headLength = 512
/** Link types for private use: ours, and those of other sniffers, have RTU frames there. */
const privateLinks = { first: 147, last: 162 } as const

interface FileReader {
  push(piece: Buffer): string | undefined
  end(): SourceEnd
}

/** A recorded capture: pcap, pcapng, or a text with bytes in hex. Read piece by piece; what a damaged one has is kept. */
export function createCaptureSource(path: string): ListenSource {
  return {
    name: path,
    live: false,
    async run(sink, signal) {
      await using file = await openFile(path)
      const buffer = Buffer.alloc(pieceLength)
      const first = await readPiece(file, buffer, path)
      const reader = readerFor(first.subarray(0, headLength), sink, path)
      sink.opened?.()
      for (let piece = first; piece.length > 0; piece = await readPiece(file, buffer, path)) {
        if (signal.aborted) return { complete: false, reason: 'reading was stopped' }
        const damage = reader.push(piece)
        if (damage !== undefined) break
      }
      return reader.end()
    },
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw new EdgeError('capture.not-found', `there is no file ${path}`, { cause: error })
    const why = code === 'EACCES' || code === 'EPERM' ? 'no permission to read it' : String(code)
    throw new EdgeError('capture.unreadable', `${path}: ${why}`, { cause: error })
  }
}

async function readPiece(file: FileHandle, buffer: Buffer, path: string): Promise<Buffer> {
  try {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, null)
    return buffer.subarray(0, bytesRead)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const why = code === 'EISDIR' ? 'this is a folder' : `it cannot be read (${String(code)})`
    throw new EdgeError('capture.unreadable', `${path}: ${why}`, { cause: error })
  }
}

function readerFor(head: Buffer, sink: ChunkSink, path: string): FileReader {
  if (head.length === 0) throw new EdgeError('capture.unreadable', `${path} is empty`)
  if (isPcapng(head)) return packetFile(sink, createPcapngReader)
  if (isPcap(head)) return packetFile(sink, createPcapReader)
  if (looksLikeText(head)) return textFile(sink, path)
  throw new EdgeError('capture.unreadable', `${path} is neither pcap nor pcapng nor text`)
}

/** Control characters other than line ends and tabs are in no log. */
function looksLikeText(head: Buffer): boolean {
  return !head.some((byte) => byte < 32 && ![9, 10, 13].includes(byte)) && !head.includes(127)
}

function packetFile(sink: ChunkSink, create: (packet: (packet: Packet) => void) => PacketReader): FileReader {
  const streams = createTcpStreams((chunk) => sink.chunk(chunk))
  let packets = 0
  let used = 0
  const reader = create((packet) => {
    packets++
    const { atMs, linkType, bytes } = packet
    if (linkType >= privateLinks.first && linkType <= privateLinks.last) {
      used++
      sink.chunk({ atMs, bytes, framing: 'rtu' })
      return
    }
    const segment = segmentOf(packet)
    if (!segment) return
    used++
    streams.push(segment)
  })
  return {
    push: (piece) => reader.push(piece),
    end() {
      streams.end()
      const damage = reader.end()
      if (damage !== undefined) return { complete: false, reason: damage }
      const none = used === 0 ? `none of the ${packets} packets is TCP or a serial frame` : undefined
      return { complete: true, ...(none !== undefined && { reason: none }) }
    },
  }
}

function textFile(sink: ChunkSink, path: string): FileReader {
  const decoder = new TextDecoder('utf-8')
  const reader = createHexLogReader((chunk: Chunk) => sink.chunk(chunk))
  return {
    push(piece) {
      reader.push(decoder.decode(piece, { stream: true }))
      return undefined
    },
    end() {
      reader.end()
      const { lines, skipped, firstSkipped } = reader
      if (lines === 0) throw new EdgeError('capture.unreadable', `${path}: no line has bytes in hex`)
      const reason = `${skipped} of ${lines + skipped} lines are no bytes in hex, the first is ${firstSkipped}`
      return { complete: true, ...(skipped > 0 && { reason }) }
    },
  }
}
