/** Longest RTU frame (Modbus over Serial Line V1.02, 2.5.1). */
export const longestFrame = 256

/** A length that is not known before more bytes have come. */
export const undetermined = 0
/** The bytes cannot be such a frame. */
export const impossible = -1

const word = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!

/** Function codes whose frames say how long they are. */
const described: ReadonlySet<number> = new Set([
  1, 2, 3, 4, 5, 6, 7, 8, 0x0b, 0x0c, 0x0f, 0x10, 0x11, 0x14, 0x15, 0x16, 0x17, 0x18, 0x2b,
])

export const isDescribed = (fc: number): boolean => described.has(fc)

/**
 * Length with CRC of the RTU frame that begins at bytes[at], were it a request; `undetermined` or `impossible`.
 * Fields that the protocol restricts are held against it (Application Protocol V1.1b3, 6), a little generously: clients
 * ask for too much now and then.
 */
export function requestForm(bytes: Uint8Array, at: number, end: number): number {
  const have = end - at
  if (have < 2) return undetermined
  switch (bytes[at + 1]) {
    case 1:
    case 2:
    case 3:
    case 4:
      return have < 6 ? undetermined : inRange(word(bytes, at + 4), 1, 2000, 8)
    case 5:
      return have < 6 ? undetermined : isSwitch(word(bytes, at + 4)) ? 8 : impossible
    case 6:
      return 8
    case 7:
    case 0x0b:
    case 0x0c:
    case 0x11:
      return 4
    case 8:
      return have < 4 ? undetermined : inRange(word(bytes, at + 2), 0, 21, 8)
    case 0x0f:
    case 0x10:
      return writeManyForm(bytes, at, have)
    case 0x14:
      return have < 4 ? undetermined : recordForm(bytes, at, 7, 0xf5, bytes[at + 2]! % 7 === 0)
    case 0x15:
      return have < 4 ? undetermined : recordForm(bytes, at, 9, 0xfb, true)
    case 0x16:
      return 10
    case 0x17:
      return readWriteForm(bytes, at, have)
    case 0x18:
      return 6
    case 0x2b:
      if (have < 4) return undetermined
      return bytes[at + 2] === 14 ? inRange(bytes[at + 3]!, 1, 4, 7) : impossible
    default:
      return impossible
  }
}

/** Like `requestForm`, for an answer that is no exception. */
export function answerForm(bytes: Uint8Array, at: number, end: number): number {
  const have = end - at
  if (have < 3) return undetermined
  const size = bytes[at + 2]!
  switch (bytes[at + 1]) {
    case 1:
    case 2:
      return inRange(size, 1, 250, 5 + size)
    case 3:
    case 4:
    case 0x17:
      return size % 2 === 0 ? inRange(size, 2, 250, 5 + size) : impossible
    case 5:
    case 6:
    case 8:
    case 0x15:
    case 0x16:
      return requestForm(bytes, at, end)
    case 7:
      return 5
    case 0x0b:
      return have < 4 ? undetermined : word(bytes, at + 2) === 0 || word(bytes, at + 2) === 0xffff ? 8 : impossible
    case 0x0c:
      return inRange(size, 6, 250, 5 + size)
    case 0x0f:
    case 0x10:
      return have < 6 ? undetermined : inRange(word(bytes, at + 4), 1, bytes[at + 1] === 0x0f ? 1968 : 125, 8)
    case 0x11:
      return inRange(size, 1, 251, 5 + size)
    case 0x14:
      return inRange(size, 2, 0xf5, 5 + size)
    case 0x18:
      return fifoForm(bytes, at, have)
    case 0x2b:
      return identificationForm(bytes, at, end)
    default:
      return impossible
  }
}

function inRange(value: number, low: number, high: number, length: number): number {
  return value >= low && value <= high ? length : impossible
}

const isSwitch = (value: number): boolean => value === 0 || value === 0xff00

function writeManyForm(bytes: Uint8Array, at: number, have: number): number {
  if (have < 7) return undetermined
  const count = word(bytes, at + 4)
  const [most, size] = bytes[at + 1] === 0x0f ? [1968, Math.ceil(count / 8)] : [123, 2 * count]
  return bytes[at + 6] === size ? inRange(count, 1, most, 9 + size) : impossible
}

function recordForm(bytes: Uint8Array, at: number, least: number, most: number, divides: boolean): number {
  const size = bytes[at + 2]!
  return divides && bytes[at + 3] === 6 ? inRange(size, least, most, 5 + size) : impossible
}

function readWriteForm(bytes: Uint8Array, at: number, have: number): number {
  if (have < 11) return undetermined
  const write = word(bytes, at + 8)
  if (bytes[at + 10] !== 2 * write || inRange(write, 1, 121, 1) === impossible) return impossible
  return inRange(word(bytes, at + 4), 1, 125, 13 + 2 * write)
}

function fifoForm(bytes: Uint8Array, at: number, have: number): number {
  if (have < 6) return undetermined
  const size = word(bytes, at + 2)
  return word(bytes, at + 4) * 2 + 2 === size ? inRange(size, 2, 64, 6 + size) : impossible
}

function identificationForm(bytes: Uint8Array, at: number, end: number): number {
  if (end - at < 8) return undetermined
  const conformity = bytes[at + 4]! & 0x7f
  const more = bytes[at + 5]!
  if (bytes[at + 2] !== 14 || (more !== 0 && more !== 0xff)) return impossible
  if (inRange(bytes[at + 3]!, 1, 4, 1) === impossible || inRange(conformity, 1, 3, 1) === impossible) return impossible
  let next = at + 8
  for (let object = bytes[at + 7]!; object > 0; object--) {
    if (next - at > longestFrame) return impossible
    if (end - next < 2) return undetermined
    next += 2 + bytes[next + 1]!
  }
  return inRange(next + 2 - at, 10, longestFrame, next + 2 - at)
}

/** Whether `answer` can be what a server says to `request`; both are the bytes from the unit ID to before the CRC. */
export function fits(request: Uint8Array, answer: Uint8Array): boolean {
  if (request[0] !== answer[0] || request[1] !== (answer[1]! & 0x7f)) return false
  if (answer[1]! & 0x80) return answer.length === 3
  switch (request[1]) {
    case 1:
    case 2:
      return answer[2] === Math.ceil(word(request, 4) / 8)
    case 3:
    case 4:
    case 0x17:
      return answer[2] === 2 * word(request, 4)
    case 5:
    case 6:
    case 0x15:
    case 0x16:
      return same(request, answer, request.length) && request.length === answer.length
    case 8:
      return same(request, answer, word(request, 2) === 0 ? request.length : 4)
    case 0x0f:
    case 0x10:
      return answer.length === 6 && same(request, answer, 6)
    case 0x2b:
      return same(request, answer, 4)
    default:
      return true
  }
}

function same(a: Uint8Array, b: Uint8Array, length: number): boolean {
  for (let at = 0; at < length; at++) if (a[at] !== b[at]) return false
  return true
}
