import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'

/**
 * The least a Modbus TCP server can do, in a process of its own: every read of registers is answered with their
 * addresses, all requests of a chunk in one write. Prints its port; ends with its standard input.
 */
const server = createServer({ noDelay: true }, (socket) => {
  let held: Buffer = Buffer.alloc(0)
  socket.on('error', () => undefined)
  socket.on('data', (chunk: Buffer) => {
    const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk])
    const answers: Buffer[] = []
    let at = 0
    for (; at + 12 <= bytes.length; at += 12) answers.push(answer(bytes, at))
    held = bytes.subarray(at)
    if (answers.length > 0) socket.write(answers.length === 1 ? answers[0]! : Buffer.concat(answers))
  })
})

function answer(request: Buffer, at: number): Buffer {
  const first = request.readUInt16BE(at + 8)
  const count = request.readUInt16BE(at + 10)
  const out = Buffer.allocUnsafe(9 + 2 * count)
  request.copy(out, 0, at, at + 8)
  out.writeUInt16BE(3 + 2 * count, 4)
  out[8] = 2 * count
  for (let i = 0; i < count; i++) out.writeUInt16BE((first + i) & 0xffff, 9 + 2 * i)
  return out
}

server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`))
process.stdin.resume()
process.stdin.once('end', () => process.exit(0))
