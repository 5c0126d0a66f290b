/** What a frame says. */
export interface Fields {
  readonly address?: number
  readonly count?: number
  readonly values?: readonly number[]
  /** What FC 23 writes. */
  readonly written?: { readonly address: number; readonly values: readonly number[] }
}

const word = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!

function words(bytes: Uint8Array, at: number, size: number): number[] {
  const count = Math.floor(Math.min(size, bytes.length - at) / 2)
  return Array.from({ length: Math.max(0, count) }, (_, index) => word(bytes, at + 2 * index))
}

function bits(bytes: Uint8Array, at: number, count: number): number[] {
  const most = Math.min(count, Math.max(0, bytes.length - at) * 8)
  return Array.from({ length: most }, (_, index) => (bytes[at + (index >> 3)]! >> (index & 7)) & 1)
}

/** Fields of a request's PDU (function code first); those that a cut one lacks are absent. */
export function requestFields(pdu: Uint8Array): Fields {
  if (pdu.length < 5) return {}
  const address = word(pdu, 1)
  const second = word(pdu, 3)
  switch (pdu[0]) {
    case 1:
    case 2:
    case 3:
    case 4:
      return { address, count: second }
    case 5:
      return { address, count: 1, values: [second === 0 ? 0 : 1] }
    case 6:
      return { address, count: 1, values: [second] }
    case 0x0f:
      return { address, count: second, values: bits(pdu, 6, second) }
    case 0x10:
      return { address, count: second, values: words(pdu, 6, 2 * second) }
    case 0x16:
      return { address, count: 1, values: words(pdu, 3, 4) }
    case 0x17: {
      if (pdu.length < 10) return { address, count: second }
      const written = { address: word(pdu, 5), values: words(pdu, 10, 2 * word(pdu, 7)) }
      return { address, count: second, written }
    }
    default:
      return {}
  }
}

/** Fields of an answer's PDU; where the registers begin, only its request knows. */
export function answerFields(pdu: Uint8Array, request: Fields | undefined): Fields {
  const place = {
    ...(request?.address !== undefined && { address: request.address }),
    ...(request?.count !== undefined && { count: request.count }),
  }
  if (pdu.length < 2) return place
  const size = Math.min(pdu[1]!, pdu.length - 2)
  switch (pdu[0]) {
    case 1:
    case 2:
      return { ...place, values: bits(pdu, 2, Math.min(request?.count ?? 8 * size, 8 * size)) }
    case 3:
    case 4:
    case 0x17:
      return { ...place, values: words(pdu, 2, size) }
    case 5:
    case 6:
    case 0x16:
      return requestFields(pdu)
    case 0x0f:
    case 0x10:
      return pdu.length < 5 ? place : { address: word(pdu, 1), count: word(pdu, 3) }
    default:
      return place
  }
}
