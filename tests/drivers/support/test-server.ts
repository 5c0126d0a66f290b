import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { answerPdu, withCrc, type TestUnit } from './test-device.ts'

export interface SeenRequest {
  readonly unitId: number
  readonly pdu: Buffer
  /** The whole frame. */
  readonly frame: Buffer
  readonly atMs: number
}

export interface Reply {
  readonly request: SeenRequest
  /** The honest answer as a frame; empty for a unit that does not exist. */
  readonly honest: Buffer
  send(bytes: Buffer): void
  close(): void
}

export interface TestServer extends AsyncDisposable {
  readonly port: number
  readonly url: string
  readonly units: Map<number, TestUnit>
  readonly seen: SeenRequest[]
  /** Connections open now. */
  readonly clients: Set<Socket>
  accepted: number
  /** Replaces the honest reply. */
  respond: (reply: Reply) => void
}

interface Line {
  send(bytes: Buffer): void
  close(): void
}

/** Takes requests out of a byte stream and has them answered. */
export function createFrameSplitter(framing: 'tcp' | 'rtutcp', units: Readonly<Record<number, TestUnit>>) {
  const state = { respond: ({ honest, send }: Reply): void => send(honest) }
  const known = new Map(Object.entries(units).map(([id, unit]) => [Number(id), unit]))
  const seen: SeenRequest[] = []
  let held = Buffer.alloc(0)

  function answer(frame: Buffer, line: Line): void {
    const unitId = framing === 'tcp' ? frame[6]! : frame[0]!
    const pdu = framing === 'tcp' ? frame.subarray(7) : frame.subarray(1, -2)
    const request = { unitId, pdu, frame, atMs: performance.now() }
    seen.push(request)
    const unit = known.get(unitId)
    const honest = unit ? frameFor(framing, frame, unitId, answerPdu(unit, pdu)) : Buffer.alloc(0)
    state.respond({ request, honest, ...line })
  }

  return {
    state,
    units: known,
    seen,
    push(chunk: Buffer, line: Line) {
      held = Buffer.concat([held, chunk])
      for (let size = requestSize(framing, held); size > 0 && held.length >= size; size = requestSize(framing, held)) {
        const frame = held.subarray(0, size)
        held = held.subarray(size)
        answer(frame, line)
      }
    },
    reset() {
      held = Buffer.alloc(0)
    },
  }
}

/** A device on 127.0.0.1 whose every answer a test can bend. */
export async function startTestServer(
  framing: 'tcp' | 'rtutcp',
  units: Readonly<Record<number, TestUnit>>,
): Promise<TestServer> {
  const splitter = createFrameSplitter(framing, units)
  const clients = new Set<Socket>()
  const server = createServer({ noDelay: true }, (socket) => {
    state.accepted++
    clients.add(socket)
    splitter.reset()
    socket.on('close', () => clients.delete(socket))
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) =>
      splitter.push(chunk, {
        send: (bytes) => {
          if (bytes.length > 0 && !socket.destroyed) socket.write(bytes)
        },
        close: () => socket.destroy(),
      }),
    )
  })
  const state = Object.assign(splitter.state, { accepted: 0 })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return Object.assign(state, {
    port,
    url: `${framing}://127.0.0.1:${port}`,
    units: splitter.units,
    seen: splitter.seen,
    clients,
    async [Symbol.asyncDispose]() {
      for (const socket of clients) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  })
}

export function frameFor(framing: 'tcp' | 'rtutcp', request: Buffer, unitId: number, pdu: Buffer): Buffer {
  if (framing === 'rtutcp') return withCrc(Buffer.concat([Buffer.from([unitId]), pdu]))
  const header = Buffer.from(request.subarray(0, 7))
  header.writeUInt16BE(pdu.length + 1, 4)
  header[6] = unitId
  return Buffer.concat([header, pdu])
}

function requestSize(framing: 'tcp' | 'rtutcp', held: Buffer): number {
  if (framing === 'tcp') return held.length < 7 ? 0 : 6 + held.readUInt16BE(4)
  if (held.length < 2) return 0
  const fn = held[1]!
  if (fn === 17) return 4
  if (fn === 43) return 7
  if (fn === 15 || fn === 16) return held.length < 7 ? 0 : 9 + held[6]!
  return 8
}
