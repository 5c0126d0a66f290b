import type { Clock } from '../../../service/domain/clock.ts'
import { parseAnswer } from '../../../service/drivers/modbus/answer.ts'
import { createMbapReader } from '../../../service/drivers/modbus/mbap.ts'
import type { Answer } from '../../../service/drivers/modbus/pdu.ts'
import { findRtuAnswer } from '../../../service/drivers/modbus/rtu-frame.ts'
import { createRtuTransport } from '../../../service/drivers/modbus/transport-rtu.ts'
import { createTcpTransport } from '../../../service/drivers/modbus/transport-tcp.ts'
import type { Exchange, Transport, TransportEvents } from '../../../service/drivers/modbus/transport.ts'
import { answerPdu } from '../../../service/drivers/simulated/modbus-pdu.ts'
import { scrambledDevice } from '../line/registers.ts'
import { withCrc } from '../support/test-device.ts'
import { honestPdu, mustSay, requests, slowCrc, unitId } from './requests.ts'

/** Code that takes bytes from outside. `run` throws when it crashes or believes what the bytes do not say. */
export interface Target {
  readonly name: string
  readonly seeds: readonly Buffer[]
  run(input: Buffer): void
}

const chosen = (input: Buffer) => requests[(input[0] ?? 0) % requests.length]!
const seeded = (frame: (pdu: Buffer, index: number) => Buffer): Buffer[] =>
  requests.map((request, index) => Buffer.concat([Buffer.from([index]), frame(honestPdu(request), index)]))

const rtuFrame = (pdu: Buffer): Buffer => withCrc(Buffer.concat([Buffer.from([unitId]), pdu]))

function tcpFrame(pdu: Buffer, id = 0): Buffer {
  const header = Buffer.from([id >> 8, id & 0xff, 0, 0, 0, 0, unitId])
  header.writeUInt16BE(pdu.length + 1, 4)
  return Buffer.concat([header, pdu])
}

const exceptionSeeds = requests.map((request) => Buffer.from([request.fn | 0x80, 2]))

const pdus: Target = {
  name: 'answer PDU',
  seeds: [...seeded((pdu) => pdu), ...exceptionSeeds.map((pdu, i) => Buffer.concat([Buffer.from([i]), pdu]))],
  run(input) {
    const pdu = input.subarray(1)
    mustSay(chosen(input), pdu, parseAnswer(chosen(input), pdu, 0, pdu.length))
  },
}

const rtuFrames: Target = {
  name: 'RTU frame search',
  seeds: [
    ...seeded(rtuFrame),
    ...seeded((pdu) => Buffer.concat([Buffer.from([0, 255, unitId, 3]), rtuFrame(pdu), Buffer.from([0])])),
  ],
  run(input) {
    const request = chosen(input)
    const bytes = input.subarray(1)
    for (const final of [false, true]) {
      const result = findRtuAnswer(unitId, request, bytes, 0, bytes.length, final)
      if (final && result.found === 'partial') throw new Error('it waits for more at the very end')
      if (result.found !== 'frame') continue
      const frame = bytes.subarray(result.at, result.end)
      if (frame[0] !== unitId || slowCrc(frame.subarray(0, -2)) !== frame.readUInt16LE(frame.length - 2))
        throw new Error(`no frame: ${frame.toString('hex')}`)
      mustSay(request, frame.subarray(1, -2), parseAnswer(request, bytes, result.at + 1, result.end - 2))
    }
  },
}

/** Pieces of the sizes that the first byte begets. */
function* pieces(input: Buffer): Generator<Buffer> {
  let size = 1 + ((input[0] ?? 0) % 62)
  for (let at = 1; at < input.length; size = 1 + ((size * 7 + 3) % 62)) {
    yield Buffer.from(input.subarray(at, at + size))
    at += size
  }
}

const mbapStreams: Target = {
  name: 'Modbus TCP stream',
  seeds: [
    ...seeded((pdu) => tcpFrame(pdu)),
    ...seeded((pdu, i) => Buffer.concat([tcpFrame(pdu, i), tcpFrame(pdu, 0xff00)])),
  ],
  run(input) {
    const frames: string[] = []
    let lost = 0
    const reader = createMbapReader({
      frame: (bytes, at, end) => frames.push(bytes.toString('hex', at, end)),
      lost: () => lost++,
    })
    for (const piece of pieces(input)) reader.push(piece)
    // The same, all at once and in the plainest way.
    const expected: string[] = []
    let broken = 0
    for (let rest = input.subarray(1); rest.length >= 4;) {
      const size = rest.length < 6 ? 0 : rest.readUInt16BE(4)
      if (rest.readUInt16BE(2) !== 0 || (rest.length >= 6 && (size < 2 || size > 254))) broken = 1
      if (broken === 1 || rest.length < 6 + Math.max(size, 1)) break
      expected.push(rest.toString('hex', 0, 6 + size))
      rest = rest.subarray(6 + size)
    }
    // The last frame before what is none may have been withheld, as one that took its end from another.
    const most = expected.join()
    const least = expected.slice(0, expected.length - broken).join()
    if ((frames.join() !== most && frames.join() !== least) || lost !== broken)
      throw new Error(`${frames.length} frames instead of ${expected.length}`)
  },
}

/** Time stands still: nothing but the bytes decides. */
const frozen: Clock = { nowMs: () => 0, monotonicMs: () => 0, sleep: () => new Promise(() => undefined) }

function exchangesThrough(
  make: (events: TransportEvents) => Transport,
  asked: readonly (typeof requests)[number][],
  input: Buffer,
  justify: (exchange: Exchange, answer: Answer) => void,
): void {
  const settled = new Map<Exchange, number>()
  const transport = make({
    settled(exchange, answer) {
      settled.set(exchange, (settled.get(exchange) ?? 0) + 1)
      justify(exchange, answer)
    },
    late: () => undefined,
    discarded: () => undefined,
  })
  const exchanges = asked.map((request): Exchange => {
    const exchange = { unitId, anyUnit: false, request, timeoutMs: 1e9, longestMs: 1e9, sentAtMs: 0, frame: undefined }
    transport.send(exchange, 0)
    return exchange
  })
  for (const piece of pieces(input)) transport.receive(piece)
  transport.close('done')
  for (const exchange of exchanges) {
    if (settled.get(exchange) !== 1) throw new Error(`settled ${settled.get(exchange) ?? 0} times instead of once`)
  }
}

const wire = { send: () => undefined, flush: () => undefined, close: () => undefined }

const tcpTransport: Target = {
  name: 'Modbus TCP transport, three requests under way',
  seeds: seeded((pdu, i) =>
    Buffer.concat([
      tcpFrame(honestPdu(requests[(i + 2) % requests.length]!), 2),
      tcpFrame(pdu, 0),
      tcpFrame(honestPdu(requests[(i + 1) % requests.length]!), 1),
    ]),
  ),
  run(input) {
    const first = (input[0] ?? 0) % requests.length
    const asked = [0, 1, 2].map((i) => requests[(first + i) % requests.length]!)
    const bytes = input.subarray(1)
    exchangesThrough(
      (events) => createTcpTransport({ wire, clock: frozen, events, firstTransactionId: 0, broken: () => undefined }),
      asked,
      input,
      ({ request }, answer) => {
        if (answer.kind === 'failed') return
        const id = asked.indexOf(request)
        const at = bytes.findIndex((_, i) => {
          if (i + 8 > bytes.length || bytes.readUInt16BE(i) !== id || bytes[i + 6] !== unitId) return false
          const pdu = bytes.subarray(i + 7, i + 6 + bytes.readUInt16BE(i + 4))
          try {
            mustSay(request, pdu, answer)
            return true
          } catch {
            return false
          }
        })
        if (at < 0) throw new Error(`${answer.kind} to transaction ${id} from nowhere`)
      },
    )
  },
}

const rtuTransport: Target = {
  name: 'RTU transport',
  seeds: [...rtuFrames.seeds],
  run(input) {
    const bytes = input.subarray(1)
    exchangesThrough(
      (events) => createRtuTransport({ wire, clock: frozen, events, characterMs: 0 }),
      [chosen(input)],
      input,
      ({ request }, answer) => {
        if (answer.kind === 'failed') return
        for (let at = 0; at + 5 <= bytes.length; at++) {
          if (bytes[at] !== unitId) continue
          for (let end = at + 5; end <= bytes.length; end++) {
            const frame = bytes.subarray(at, end)
            try {
              mustSay(request, frame.subarray(1, -2), answer)
            } catch {
              continue
            }
            if (slowCrc(frame.subarray(0, -2)) === frame.readUInt16LE(frame.length - 2)) return
          }
        }
        throw new Error(`${answer.kind} from nowhere`)
      },
    )
  },
}

const device = {
  ...scrambledDevice(300),
  identification: new Map([
    [0, 'Acme'],
    [1, 'X'],
    [2, '1.0'],
    [5, 'Long '.repeat(60)],
  ]),
  serverId: 'simulated',
}

const simulator: Target = {
  name: 'requests to the simulator',
  seeds: [
    '0300000002',
    '0400000001',
    '010000000a',
    '0500ff00ff00',
    '060001002a',
    '0f000000030105',
    '100000000204000a0102',
    '11',
    '2b0e0100',
    '2b0e0405',
  ].map((hex) => Buffer.from(hex, 'hex')),
  run(input) {
    const answer = answerPdu(device, input)
    if (answer.length < 2 || answer.length > 253) throw new Error(`an answer of ${answer.length} bytes`)
    const code = input[0] ?? 0
    if (answer[0] !== code && answer[0] !== (code | 0x80)) throw new Error('an answer to another function')
  },
}

export const targets: readonly Target[] = [pdus, rtuFrames, mbapStreams, tcpTransport, rtuTransport, simulator]
