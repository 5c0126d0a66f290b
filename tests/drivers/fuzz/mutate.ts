import { withCrc } from '../support/test-device.ts'

type Random = () => number

/** Bytes at which protocols turn: limits, function codes, exception bits. */
const telling = [0, 1, 2, 3, 4, 5, 6, 8, 14, 15, 16, 17, 43, 125, 127, 128, 131, 171, 250, 253, 254, 255]
const longest = 600

/** A changed copy: one to four small changes, now and then part of another input; checksum and length made right at times. */
export function mutate(input: Buffer, corpus: readonly Buffer[], random: Random): Buffer {
  const below = (limit: number): number => Math.floor(limit * random())
  let bytes: Buffer = Buffer.from(input)
  for (let changes = 1 + below(4); changes > 0; changes--) bytes = change(bytes, corpus, below)
  return bytes.subarray(0, longest)
}

function change(bytes: Buffer, corpus: readonly Buffer[], below: (limit: number) => number): Buffer {
  const at = below(bytes.length + 1)
  const end = Math.min(bytes.length, at + 1 + below(8))
  switch (below(11)) {
    case 0:
      return replaced(bytes, at, (bytes[at] ?? 0) ^ (1 << below(8)))
    case 1:
      return replaced(bytes, at, telling[below(telling.length)]!)
    case 2:
      return replaced(bytes, at, below(256))
    case 3:
      return replaced(bytes, at, (bytes[at] ?? 0) + (below(2) === 0 ? 1 : 255))
    case 4:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from([below(256)]), bytes.subarray(at)])
    case 5:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)])
    case 6:
      return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)])
    case 7:
      return bytes.subarray(0, at)
    case 8: {
      const other = corpus[below(corpus.length)]!
      return Buffer.concat([bytes.subarray(0, at), other.subarray(below(other.length + 1))])
    }
    case 9:
      // The first byte only chooses what is asked.
      return bytes.length < 4 ? bytes : Buffer.concat([bytes.subarray(0, 1), withCrc(bytes.subarray(1, -2))])
    default: {
      if (bytes.length < 8 || bytes.length > 261) return bytes
      const framed = Buffer.from(bytes)
      framed.writeUInt16BE(bytes.length - 7, 5)
      return framed
    }
  }
}

function replaced(bytes: Buffer, at: number, byte: number): Buffer {
  if (at < bytes.length) bytes[at] = byte & 0xff
  return bytes
}
