import { crc16 } from '../../../service/drivers/modbus/crc.ts'

/** The registers of one unit, and what it does wrong on purpose. */
export interface TestUnit {
  readonly holding: Map<number, number>
  readonly coils: Map<number, boolean>
}

export function createTestUnit(words: Readonly<Record<number, number>> = {}): TestUnit {
  const holding = new Map(Object.entries(words).map(([address, word]) => [Number(address), word]))
  return { holding, coils: new Map() }
}

/** Registers 0..count-1, each holding its own address plus `add`. */
export function ramp(count: number, add = 0): Record<number, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [i, (i + add) & 0xffff]))
}

const exception = (fn: number, code: number): Buffer => Buffer.from([fn | 0x80, code])

/** The answer PDU of an honest device. Written from the protocol text, sharing nothing with the client's codec. */
export function answerPdu(unit: TestUnit, pdu: Buffer): Buffer {
  const fn = pdu[0]!
  const address = pdu.length >= 3 ? pdu.readUInt16BE(1) : 0
  const second = pdu.length >= 5 ? pdu.readUInt16BE(3) : 0
  switch (fn) {
    case 3:
    case 4: {
      const out = Buffer.alloc(2 + 2 * second)
      out[0] = fn
      out[1] = 2 * second
      for (let i = 0; i < second; i++) {
        const word = unit.holding.get(address + i)
        if (word === undefined) return exception(fn, 2)
        out.writeUInt16BE(word, 2 + 2 * i)
      }
      return out
    }
    case 1:
    case 2: {
      const out = Buffer.alloc(2 + Math.ceil(second / 8))
      out[0] = fn
      out[1] = out.length - 2
      for (let i = 0; i < second; i++) {
        const on = unit.coils.get(address + i)
        if (on === undefined) return exception(fn, 2)
        if (on) out[2 + Math.floor(i / 8)]! |= 1 << (i % 8)
      }
      return out
    }
    case 5:
      unit.coils.set(address, second === 0xff00)
      return Buffer.from(pdu)
    case 6:
      unit.holding.set(address, second)
      return Buffer.from(pdu)
    case 15:
      for (let i = 0; i < second; i++) unit.coils.set(address + i, ((pdu[6 + (i >> 3)]! >> (i & 7)) & 1) === 1)
      return Buffer.from(pdu.subarray(0, 5))
    case 16:
      for (let i = 0; i < second; i++) unit.holding.set(address + i, pdu.readUInt16BE(6 + 2 * i))
      return Buffer.from(pdu.subarray(0, 5))
    case 17:
      return Buffer.from([17, 4, 0x42, 0xff, 0x41, 0x42])
    case 43:
      return Buffer.concat([
        Buffer.from([43, 14, pdu[2]!, 0x81, 0, 0, 2, 0, 4]),
        Buffer.from('Acme'),
        Buffer.from([1, 2]),
        Buffer.from('X1'),
      ])
    case 8:
      return Buffer.concat([pdu.subarray(0, 3), Buffer.from([0, 7])])
    default:
      return exception(fn, 1)
  }
}

export function withCrc(body: Buffer): Buffer {
  const crc = crc16(body, 0, body.length)
  return Buffer.concat([body, Buffer.from([crc & 0xff, crc >> 8])])
}
