import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import modbusSerialPackage from 'modbus-serial'
import { createReadOnlyBus } from '../../../service/drivers/modbus/bus.ts'
import { systemClock } from '../../../service/runtime/system-clock.ts'
import { createDecoder } from './points.ts'

export const blockSize = 125
const request = { fn: 3, address: 0, count: blockSize } as const
const frameSize = 9 + 2 * blockSize

/** Reads so many times and returns reads per second. All but `undecoded` end in readings. */
export type Client = (port: number, count: number) => Promise<number>

async function perSecond(count: number, work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now()
  await work()
  return (count * 1000) / (performance.now() - startMs)
}

/** Our client with so many requests under way. */
export function ours(outstanding: number): Client {
  return async (port, count) => {
    const { decode, check } = createDecoder()
    await using bus = createReadOnlyBus({ address: { kind: 'tcp', host: '127.0.0.1', port }, clock: systemClock })
    const unit = bus.unit(1, { pipeline: outstanding })
    let left = count
    let failures = 0
    const readOn = async (): Promise<void> => {
      while (left-- > 0) {
        const answer = await unit.ask(request)
        if (answer.kind === 'words') {
          decode(answer.words)
          continue
        }
        // On a machine so busy that a server waits for a quarter of a second: asked again, and the round is slow.
        if (failures++ > 100) throw new Error(`no answer: ${JSON.stringify(answer)}`)
        left++
        await delay(10)
      }
    }
    await unit.ask(request)
    const rate = await perSecond(count, () => Promise.all(Array.from({ length: outstanding }, readOn)))
    check()
    return rate
  }
}

/** A socket and nothing around it: the same request again and again, answers counted by their length. */
export function bareSocket(outstanding: number, work: 'decoded' | 'undecoded'): Client {
  return async (port, count) => {
    const { decode, check } = createDecoder()
    const frame = Buffer.from([0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, blockSize])
    const buffer = Buffer.alloc(65_536)
    const words = new Uint16Array(blockSize)
    const { promise, resolve } = Promise.withResolvers<undefined>()
    let held = 0
    let answered = 0
    let sent = 0
    const ask = (): void => {
      if (sent >= count) return
      sent++
      socket.write(frame)
    }
    const socket = connect({
      host: '127.0.0.1',
      port,
      noDelay: true,
      onread: {
        buffer,
        callback(size) {
          held += size
          for (; held >= frameSize; held -= frameSize) {
            answered++
            // With one request under way the answer stands at the front of the buffer.
            if (work === 'decoded') {
              for (let i = 0; i < blockSize; i++) words[i] = (buffer[9 + 2 * i]! << 8) | buffer[10 + 2 * i]!
              decode(words)
            }
            ask()
          }
          if (answered >= count) resolve(undefined)
          return true
        },
      },
    })
    await once(socket, 'connect')
    const rate = await perSecond(count, () => {
      for (let i = 0; i < outstanding; i++) ask()
      return promise
    })
    socket.destroy()
    if (work === 'decoded') check()
    return rate
  }
}

/** The most used Modbus package of Node.js. */
export const modbusSerial: Client = async (port, count) => {
  const { decode, check } = createDecoder()
  const client = new modbusSerialPackage.default()
  await client.connectTCP('127.0.0.1', { port })
  client.setID(1)
  client.setTimeout(1000)
  await client.readHoldingRegisters(0, blockSize)
  // All clients hand over the same kind of array, so that none makes the decoder slower for the others.
  const words = new Uint16Array(blockSize)
  const rate = await perSecond(count, async () => {
    for (let i = 0; i < count; i++) {
      words.set((await client.readHoldingRegisters(0, blockSize)).data)
      decode(words)
    }
  })
  client.close(() => undefined)
  check()
  return rate
}
