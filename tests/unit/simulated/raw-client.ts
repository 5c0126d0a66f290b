import { once } from 'node:events'
import { connect } from 'node:net'

/** A bare Modbus TCP client: bytes in, bytes out, nothing of the product. */
export interface RawClient extends AsyncDisposable {
  /** Sends one PDU; resolves with the PDU of the answer. */
  request(pdu: readonly number[], unitId?: number): Promise<number[]>
  read(code: 3 | 4, address: number, count: number): Promise<number[]>
  writeRegisters(address: number, words: readonly number[]): Promise<number[]>
  /** Sends bytes as they are. */
  send(bytes: Buffer): void
  /** Whole frames received so far and not asked for by `request`. */
  readonly strays: Buffer[]
  readonly closed: Promise<unknown>
  end(): void
}

export const u16 = (value: number): number[] => [value >> 8, value & 0xff]

export function mbap(transaction: number, unitId: number, pdu: readonly number[]): Buffer {
  return Buffer.from([...u16(transaction), 0, 0, ...u16(pdu.length + 1), unitId, ...pdu])
}

export async function connectRaw(port: number): Promise<RawClient> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.on('error', () => undefined)
  const closed = once(socket, 'close')
  const waiting = new Map<number, (pdu: number[]) => void>()
  const strays: Buffer[] = []
  let transaction = 0x1000
  let pending = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk])
    while (pending.length >= 6 && pending.length >= 6 + pending.readUInt16BE(4)) {
      const frame = pending.subarray(0, 6 + pending.readUInt16BE(4))
      pending = pending.subarray(frame.length)
      const resolve = waiting.get(frame.readUInt16BE(0))
      if (resolve) resolve([...frame.subarray(7)])
      else strays.push(frame)
    }
  })

  function request(pdu: readonly number[], unitId = 1): Promise<number[]> {
    transaction += 1
    const id = transaction
    return new Promise((resolve) => {
      waiting.set(id, (answer) => {
        waiting.delete(id)
        resolve(answer)
      })
      socket.write(mbap(id, unitId, pdu))
    })
  }

  return {
    request,
    async read(code, address, count) {
      const answer = await request([code, ...u16(address), ...u16(count)])
      if (answer[0] !== code) throw new Error(`exception ${answer[1]} at ${address}`)
      const bytes = Buffer.from(answer.slice(2))
      return Array.from({ length: count }, (_, index) => bytes.readUInt16BE(index * 2))
    },
    writeRegisters: (address, words) =>
      request([16, ...u16(address), ...u16(words.length), words.length * 2, ...words.flatMap(u16)]),
    send: (bytes) => void socket.write(bytes),
    strays,
    closed,
    end: () => void socket.end(),
    async [Symbol.asyncDispose]() {
      socket.destroy()
      await closed
    },
  }
}
