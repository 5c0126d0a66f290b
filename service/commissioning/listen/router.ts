import { crc16 } from '../../drivers/modbus/crc.ts'
import { createBusDecoder } from './bus-decoder.ts'
import type { Decoder, FrameSink } from './frame-sink.ts'
import { createGivenergyDecoder } from './givenergy-decoder.ts'
import { givenergyForm, mbapForm } from './header-splitter.ts'
import { createTcpDecoder } from './tcp-decoder.ts'
import type { Chunk, Conversation, Framing } from './types.ts'

export interface Router {
  push(chunk: Chunk): void
  quiet(): void
  end(): void
  readonly held: number
  /** Connections that carry something else. */
  readonly foreign: number
}

const decoders: Readonly<Record<Framing, (sink: FrameSink, conversation?: Conversation) => Decoder>> = {
  rtu: createBusDecoder,
  tcp: createTcpDecoder,
  givenergy: createGivenergyDecoder,
}

/** Ports where nothing else is expected. */
const modbusPorts: ReadonlySet<number> = new Set([502, 802, 1502])
/** Connections followed at a time; of more, the one that was quiet for longest is given up. */
const mostConversations = 500
/** Chunks of a connection of which one must be a frame. */
const mostMisses = 8

interface Line {
  decoder: Decoder | undefined
  /** Chunks that were no Modbus. */
  misses: number
}

/** Gives each bus and each connection a decoder of its own, chosen by what its first bytes are. */
export function createRouter(sink: FrameSink): Router {
  const lines = new Map<string, Line>()
  let foreign = 0

  function lineOf({ conversation }: Chunk): Line {
    const key = conversation ? textOf(conversation) : ''
    const line = lines.get(key) ?? { decoder: undefined, misses: 0 }
    lines.delete(key)
    lines.set(key, line)
    if (lines.size > mostConversations) {
      const [oldest, { decoder }] = lines.entries().next().value!
      decoder?.end()
      lines.delete(oldest)
    }
    return line
  }

  /** A capture may begin within a frame: a connection has some more chances to be known. */
  function choose(line: Line, chunk: Chunk): void {
    if (line.decoder || line.misses >= mostMisses) return
    const framing = chunk.framing ?? framingOf(chunk)
    if (framing) {
      if (line.misses > 0) foreign--
      line.decoder = decoders[framing](sink, chunk.conversation)
    } else if (line.misses++ === 0) foreign++
  }

  return {
    push(chunk) {
      if (chunk.bytes.length === 0) return
      const line = lineOf(chunk)
      choose(line, chunk)
      if (chunk.afterGap) line.decoder?.gap(chunk.from)
      line.decoder?.push(chunk.bytes, chunk.atMs, chunk.from)
    },
    quiet: () => lines.forEach(({ decoder }) => decoder?.quiet()),
    end: () => lines.forEach(({ decoder }) => decoder?.end()),
    get held() {
      let held = 0
      for (const { decoder } of lines.values()) held += decoder?.held ?? 0
      return held
    },
    get foreign() {
      return foreign
    },
  }
}

const textOf = ({ client, server }: Conversation): string =>
  `${client.host} ${client.port} ${server.host} ${server.port}`

/** What the first bytes of a line are; undefined for something else than Modbus. */
export function framingOf({ bytes, conversation }: Pick<Chunk, 'bytes' | 'conversation'>): Framing | undefined {
  if (bytes.length >= 4 && givenergyForm.lengthAt(bytes, 0, bytes.length) >= 0) return 'givenergy'
  const isRtu = bytes.length >= 4 && bytes.length <= 256 && crc16(bytes, 0, bytes.length) === 0
  if (isRtu) return 'rtu'
  const length = bytes.length >= 8 ? mbapForm.lengthAt(bytes, 0, bytes.length) : -1
  if (length > 0 && length <= bytes.length) return 'tcp'
  if (!conversation) return 'rtu'
  return modbusPorts.has(conversation.server.port) ? 'tcp' : undefined
}
