import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { Clock } from '../../domain/clock.ts'
import type { Fault } from './faults.ts'
import { answerPdu, exception, type Identification, type PduDevice } from './modbus-pdu.ts'
import { createRegisterBank, forgetfulBank, frozenBank, type RegisterField } from './register-bank.ts'

export interface ModbusServerOptions {
  readonly clock: Clock
  /** The only unit ID that is answered; requests for others are met with silence, as from a device without a gateway. */
  readonly unitId: number
  readonly fields: readonly RegisterField[]
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Default 0: any free port. */
  readonly port?: number
  readonly identification?: Identification
  readonly serverId?: string
  readonly maxReadRegisters?: number
  /** More clients are disconnected at once. Default 16. */
  readonly maxClients?: number
}

export interface ModbusServer extends AsyncDisposable {
  readonly host: string
  readonly port: number
  readonly unitId: number
  /** Resolves when the fault is in force. */
  setFault(fault: Fault): Promise<void>
}

const headerBytes = 7
/** Unit ID and the longest PDU (Modbus messaging on TCP/IP 1.0b). */
const maxLength = 254

/**
 * A Modbus TCP server with one device. A frame that cannot be Modbus (protocol ID, length) closes its connection; requests
 * are answered in order, and none is read while earlier answers have not been taken, so nothing a client does can grow
 * a buffer beyond one chunk and its answers.
 */
export async function listenModbus(options: ModbusServerOptions): Promise<ModbusServer> {
  const { clock, unitId, fields, host = '127.0.0.1', maxClients = 16 } = options
  const bank = createRegisterBank(fields)
  const device: PduDevice = {
    bank,
    ...(options.identification && { identification: options.identification }),
    ...(options.serverId !== undefined && { serverId: options.serverId }),
    ...(options.maxReadRegisters !== undefined && { maxReadRegisters: options.maxReadRegisters }),
  }
  const clients = new Set<Socket>()
  let fault: Fault = { fault: 'none' }
  let answering = device

  /** The answer to one whole frame (MBAP header and PDU), if it gets one. */
  function answerFrame(frame: Buffer): Buffer | undefined {
    if (frame[6] !== unitId || fault.fault === 'silent') return undefined
    const pdu = frame.subarray(headerBytes)
    const response = fault.fault === 'exception' ? exception(pdu[0] ?? 0, fault.code) : answerPdu(answering, pdu)
    const header = Buffer.from(frame.subarray(0, headerBytes))
    header.writeUInt16BE(response.length + 1, 4)
    return Buffer.concat([header, response])
  }

  async function serve(socket: Socket): Promise<void> {
    const gone = new AbortController()
    socket.once('close', () => gone.abort())
    let pending = Buffer.alloc(0)
    for await (const chunk of socket) {
      pending = Buffer.concat([pending, chunk as Buffer])
      let answers: Buffer[] = []
      while (pending.length >= headerBytes) {
        const length = pending.readUInt16BE(4)
        if (pending.readUInt16BE(2) !== 0 || length < 2 || length > maxLength) return
        if (pending.length < 6 + length) break
        const response = answerFrame(pending.subarray(0, 6 + length))
        pending = pending.subarray(6 + length)
        if (response) answers.push(response)
        if (fault.fault === 'delay') {
          await clock.sleep(fault.delayMs, gone.signal)
          await send(socket, answers, gone.signal)
          answers = []
        }
      }
      await send(socket, answers, gone.signal)
    }
  }

  function accept(socket: Socket): void {
    if (clients.size >= maxClients) {
      socket.destroy()
      return
    }
    clients.add(socket)
    socket.setNoDelay(true)
    serve(socket)
      // A client that disappears or a server that closes ends the conversation, nothing else.
      .catch(() => undefined)
      .finally(() => {
        socket.destroy()
        clients.delete(socket)
      })
  }

  let server = await listen(accept, host, options.port ?? 0)
  const { port } = server.address() as AddressInfo

  async function close(): Promise<void> {
    for (const socket of clients) socket.destroy()
    if (!server.listening) return
    server.close()
    await once(server, 'close')
  }

  return {
    host,
    port,
    unitId,
    async setFault(next) {
      fault = next
      if (next.fault === 'freeze') answering = { ...device, bank: frozenBank(bank, fields) }
      else if (next.fault === 'drop-writes') answering = { ...device, bank: forgetfulBank(bank) }
      else answering = device
      if (next.fault === 'offline') await close()
      else if (!server.listening) server = await listen(accept, host, port)
    },
    async [Symbol.asyncDispose]() {
      await close()
    },
  }
}

async function send(socket: Socket, answers: readonly Buffer[], gone: AbortSignal): Promise<void> {
  if (answers.length > 0 && !socket.write(Buffer.concat(answers))) await once(socket, 'drain', { signal: gone })
}

async function listen(accept: (socket: Socket) => void, host: string, port: number): Promise<Server> {
  const server = createServer(accept)
  server.listen(port, host)
  await once(server, 'listening')
  return server
}
