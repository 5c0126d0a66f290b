import type { Answer, ModbusRequest } from '../../../service/drivers/modbus/pdu.ts'
import { requestLength, writeRequest } from '../../../service/drivers/modbus/pdu.ts'
import { answerPdu, createTestUnit } from '../support/test-device.ts'

export const unitId = 17

/** One of each kind, with short answers and long ones. */
export const requests: readonly ModbusRequest[] = [
  { fn: 3, address: 0, count: 1 },
  { fn: 3, address: 16, count: 4 },
  { fn: 3, address: 0, count: 125 },
  { fn: 4, address: 40_000, count: 2 },
  { fn: 1, address: 0, count: 1 },
  { fn: 1, address: 7, count: 19 },
  { fn: 2, address: 0, count: 2000 },
  { fn: 5, address: 3, on: true },
  { fn: 6, address: 3, value: 0x1234 },
  { fn: 15, address: 3, bits: [true, false, true] },
  { fn: 16, address: 3, words: [1, 2] },
  { fn: 8, counter: 0x0c },
  { fn: 17 },
  { fn: 43, access: 1, objectId: 0 },
  { fn: 43, access: 4, objectId: 2 },
]

export function honestPdu(request: ModbusRequest): Buffer {
  const unit = createTestUnit()
  unit.holding.get = (address) => (address * 40_503) & 0xffff
  unit.coils.get = (address) => address % 3 === 0
  const pdu = Buffer.alloc(requestLength(request))
  writeRequest(request, pdu, 0)
  return answerPdu(unit, pdu)
}

/** Throws unless these very bytes say what was accepted: written from the protocol text, sharing nothing with the parser. */
export function mustSay(request: ModbusRequest, pdu: Buffer, answer: Answer): void {
  const says = (): boolean => {
    switch (answer.kind) {
      case 'failed':
        return true
      case 'exception':
        return pdu.length === 2 && pdu[0] === request.fn + 128 && pdu[1] === answer.code && answer.code > 0
      case 'words':
        return (
          (request.fn === 3 || request.fn === 4) &&
          answer.words.length === request.count &&
          pdu.length === 2 + 2 * request.count &&
          pdu[0] === request.fn &&
          pdu[1] === 2 * request.count &&
          answer.words.every((word, i) => word === pdu.readUInt16BE(2 + 2 * i))
        )
      case 'bits':
        return (
          (request.fn === 1 || request.fn === 2) &&
          answer.bits.length === request.count &&
          pdu.length === 2 + Math.ceil(request.count / 8) &&
          pdu[0] === request.fn &&
          pdu[1] === pdu.length - 2 &&
          answer.bits.every((bit, i) => bit === (Math.floor(pdu[2 + Math.floor(i / 8)]! / 2 ** (i % 8)) & 1))
        )
      case 'written':
        return [5, 6, 15, 16].includes(request.fn) && pdu.equals(honestPdu(request))
      case 'counter':
        return request.fn === 8 && pdu.length === 5 && pdu.readUInt16BE(3) === answer.value
      case 'server-id':
        return request.fn === 17 && pdu[1] === pdu.length - 2 && answer.data.equals(pdu.subarray(2))
      default: {
        const size = [...answer.identification.objects.values()].reduce((sum, { length }) => sum + 2 + length, 7)
        // The same object twice is kept once.
        return request.fn === 43 && pdu[0] === 43 && pdu[1] === 14 && size <= pdu.length && pdu.length <= 253
      }
    }
  }
  if (!says()) throw new Error(`${JSON.stringify(request)}: ${pdu.toString('hex')} was taken for ${answer.kind}`)
}

/** CRC-16/MODBUS, bit by bit. */
export function slowCrc(bytes: Buffer): number {
  let crc = 0xffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc % 2 === 1 ? Math.floor(crc / 2) ^ 0xa001 : crc / 2
  }
  return crc
}
