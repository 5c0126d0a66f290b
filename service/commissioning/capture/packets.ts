/** One packet of a capture. */
export interface Packet {
  readonly atMs: number
  /** https://www.tcpdump.org/linktypes.html */
  readonly linkType: number
  /** Belongs to the receiver only during the call. */
  readonly bytes: Buffer
}

/** Reads a capture piece by piece. */
export interface PacketReader {
  /** Returns one sentence when the file is damaged; nothing more can be read then. */
  push(piece: Buffer): string | undefined
  /** The file is at its end: one sentence when it ends within a packet. */
  end(): string | undefined
}

/** Reads one record from `bytes[at]`: how many bytes it took, 0 when more are needed, or why that is impossible. */
export type ReadRecord = (bytes: Buffer, at: number) => number | string

/** Longer packets are damage: the largest snap length in use is 256 KiB. */
export const longestPacket = 1 << 20

/** Collects pieces until a record is whole. Holds no more than one record and one piece. */
export function createRecordReader(read: ReadRecord, endsWithin: (held: number, at: number) => string): PacketReader {
  let held: Buffer = Buffer.alloc(0)
  let offset = 0
  let damage: string | undefined

  return {
    push(piece) {
      if (damage !== undefined) return damage
      const bytes = held.length === 0 ? piece : Buffer.concat([held, piece])
      let at = 0
      while (at < bytes.length) {
        const taken = read(bytes, at)
        if (typeof taken === 'string') {
          damage = `${taken}, at byte ${offset + at}`
          return damage
        }
        if (taken === 0) break
        at += taken
      }
      offset += at
      held = Buffer.from(bytes.subarray(at))
      return undefined
    },
    end: () => damage ?? (held.length === 0 ? undefined : endsWithin(held.length, offset)),
  }
}
