import type { BusUnit } from '../drivers/modbus/bus.ts'

export interface WrittenWord {
  readonly table: 'holding' | 'coil'
  readonly address: number
  readonly word: number
}

/** Registers and coils that encoded requests write, with what they get; `pduAt`: where the PDU begins in each. */
export function writtenWords(frames: readonly string[], pduAt: number): WrittenWord[] {
  return frames.flatMap((hex) => wordsOf(Buffer.from(hex, 'hex').subarray(pduAt)))
}

function wordsOf(pdu: Buffer): WrittenWord[] {
  const fn = pdu[0]
  const address = pdu.readUInt16BE(1)
  const second = pdu.readUInt16BE(3)
  if (fn === 5) return [{ table: 'coil', address, word: second === 0 ? 0 : 1 }]
  if (fn === 6) return [{ table: 'holding', address, word: second }]
  const many = Array.from({ length: second }, (_, index) => index)
  if (fn === 15)
    return many.map((index) => ({
      table: 'coil',
      address: address + index,
      word: (pdu[6 + (index >> 3)]! >> (index & 7)) & 1,
    }))
  return many.map((index) => ({ table: 'holding', address: address + index, word: pdu.readUInt16BE(6 + 2 * index) }))
}

/** What these read now; null where the unit does not let them be read. */
export async function readWritten(
  unit: Pick<BusUnit, 'ask'>,
  written: readonly WrittenWord[],
): Promise<{ address: number; before: number | null; after: number }[]> {
  const found: { address: number; before: number | null; after: number }[] = []
  for (const { table, address, word } of written) {
    const fn = table === 'coil' ? 1 : 3
    const answer = await unit.ask({ fn, address, count: 1 }, { priority: 'background' })
    const before = answer.kind === 'words' ? answer.words[0] : answer.kind === 'bits' ? answer.bits[0] : undefined
    found.push({ address, before: before ?? null, after: word })
  }
  return found
}
