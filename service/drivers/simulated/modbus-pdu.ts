import { type BankAnswer, exceptionCode, type RegisterBank, type Table } from './register-bank.ts'

/** Texts for FC 43/14, by object id (0 vendor, 1 product code, 2 revision, 4 product name, 5 model name). */
export type Identification = ReadonlyMap<number, string>

export interface PduDevice {
  readonly bank: RegisterBank
  /** Answered on FC 43/14; exception 01 without it. */
  readonly identification?: Identification
  /** Answered on FC 17; exception 01 without it. */
  readonly serverId?: string
  /** Largest read; more is answered with exception 03. Default 125. */
  readonly maxReadRegisters?: number
}

const bytesPerPdu = 253
const readTables: Readonly<Record<number, Table>> = { 1: 'coil', 2: 'discrete', 3: 'holding', 4: 'input' }

/**
 * Answers one request PDU with one response PDU (Modbus Application Protocol 1.1b3, section 6): FC 1-6, 15, 16, 17 and
 * 43/14. Never throws for any bytes; what it does not know is an exception response.
 */
export function answerPdu(device: PduDevice, request: Buffer): Buffer {
  const code = request[0] ?? 0
  const table = readTables[code]
  if (table) return read(device, code, table, request)
  if (code === 5 || code === 6) return writeSingle(device, code, request)
  if (code === 15 || code === 16) return writeMultiple(device, code, request)
  if (code === 17 && device.serverId !== undefined) return serverId(device.serverId, request)
  if (code === 43 && device.identification) return identification(device.identification, request)
  return exception(code, exceptionCode.illegalFunction)
}

/** Exception response to a function code. */
export const exception = (code: number, exceptionCode: number): Buffer => Buffer.from([code | 0x80, exceptionCode])

const illegalValue = (code: number): Buffer => exception(code, exceptionCode.illegalValue)

function read(device: PduDevice, code: number, table: Table, request: Buffer): Buffer {
  if (request.length !== 5) return illegalValue(code)
  const address = request.readUInt16BE(1)
  const count = request.readUInt16BE(3)
  const bits = code <= 2
  const most = bits ? 2000 : (device.maxReadRegisters ?? 125)
  if (count < 1 || count > most) return illegalValue(code)
  if (address + count > 0x1_0000) return exception(code, exceptionCode.illegalAddress)
  const answer = device.bank.read(table, address, count)
  if ('exception' in answer) return exception(code, answer.exception)
  const size = bits ? Math.ceil(count / 8) : count * 2
  const response = Buffer.alloc(2 + size)
  response[0] = code
  response[1] = size
  for (const [index, word] of answer.entries())
    if (!bits) response.writeUInt16BE(word, 2 + index * 2)
    else if (word) response[2 + (index >> 3)]! |= 1 << (index & 7)
  return response
}

function writeSingle(device: PduDevice, code: number, request: Buffer): Buffer {
  if (request.length !== 5) return illegalValue(code)
  const address = request.readUInt16BE(1)
  const value = request.readUInt16BE(3)
  if (code === 6) return written(code, device.bank.write('holding', address, [value]), request)
  if (value !== 0x0000 && value !== 0xff00) return illegalValue(code)
  return written(code, device.bank.write('coil', address, [value === 0 ? 0 : 1]), request)
}

function writeMultiple(device: PduDevice, code: number, request: Buffer): Buffer {
  if (request.length < 6) return illegalValue(code)
  const address = request.readUInt16BE(1)
  const count = request.readUInt16BE(3)
  const bits = code === 15
  const size = bits ? Math.ceil(count / 8) : count * 2
  if (count < 1 || count > (bits ? 1968 : 123) || request[5] !== size || request.length !== 6 + size)
    return illegalValue(code)
  if (address + count > 0x1_0000) return exception(code, exceptionCode.illegalAddress)
  const words = Array.from({ length: count }, (_, index) =>
    bits ? (request[6 + (index >> 3)]! >> (index & 7)) & 1 : request.readUInt16BE(6 + index * 2),
  )
  return written(code, device.bank.write(bits ? 'coil' : 'holding', address, words), request)
}

/** The echo that acknowledges a write: function, address and value or quantity. */
function written(code: number, answer: BankAnswer, request: Buffer): Buffer {
  return 'exception' in answer ? exception(code, answer.exception) : request.subarray(0, 5)
}

function serverId(id: string, request: Buffer): Buffer {
  if (request.length !== 1) return illegalValue(17)
  const bytes = Buffer.from(id, 'latin1').subarray(0, bytesPerPdu - 3)
  return Buffer.concat([Buffer.from([17, bytes.length + 1]), bytes, Buffer.from([0xff])])
}

const meiDeviceIdentification = 14
const individualAccess = 4

function identification(objects: Identification, request: Buffer): Buffer {
  if (request[1] !== meiDeviceIdentification) return exception(43, exceptionCode.illegalFunction)
  const access = request[2] ?? 0
  const wanted = request[3] ?? 0
  if (request.length !== 4 || access < 1 || access > individualAccess) return illegalValue(43)
  if (access === individualAccess && !objects.has(wanted)) return exception(43, exceptionCode.illegalAddress)
  const last = access === individualAccess ? wanted : ([0, 2, 6, 255][access] ?? 255)
  // Streamed reading from an unknown object starts again from the first one (section 6.21).
  const first = objects.has(wanted) ? wanted : 0
  const ids = [...objects.keys()].toSorted((a, b) => a - b).filter((id) => id >= first && id <= last)
  const parts: Buffer[] = []
  let size = 7
  let next = 0
  for (const id of ids) {
    const value = Buffer.from(objects.get(id) ?? '', 'latin1').subarray(0, bytesPerPdu - 9)
    if (size + 2 + value.length > bytesPerPdu) {
      next = id
      break
    }
    parts.push(Buffer.from([id, value.length]), value)
    size += 2 + value.length
  }
  const conformity = ids.some((id) => id > 2) || objects.size > 3 ? 0x82 : 0x81
  const header = [43, meiDeviceIdentification, access, conformity, next === 0 ? 0 : 0xff, next, parts.length / 2]
  return Buffer.concat([Buffer.from(header), ...parts])
}
