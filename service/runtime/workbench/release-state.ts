import type { BusUnit } from '../../drivers/modbus/bus.ts'
import { createImage } from '../../drivers/modbus/register-image.ts'
import { encodeWrite, writeValue } from '../../pointmap/codec.ts'
import type { ResolvedMap, ResolvedWrite } from '../../pointmap/types.ts'

/** Whether a device shows what a release of a command writes. */
export interface ReleaseState {
  /** What does not, in words; undefined when all that can be looked at does. */
  readonly problem?: string
  /** Registers that were compared; the rest cannot be computed beforehand and is left to the device's answer. */
  readonly compared: number
}

export async function readRelease(bound: ResolvedMap, unit: BusUnit, command: string): Promise<ReleaseState> {
  let compared = 0
  for (const write of bound.commands.get(command)?.release ?? []) {
    const wanted = wordsOf(write)
    if (!wanted) continue
    const { address } = write
    const count = wanted.length
    const answer = await unit.ask({ fn: write.function === 'coil' ? 1 : 3, address, count }, { priority: 'control' })
    const found = answer.kind === 'words' ? answer.words : answer.kind === 'bits' ? answer.bits : undefined
    if (!found) return { problem: `register ${address} cannot be read back`, compared }
    if (wanted.some((word, at) => word !== found[at]))
      return { problem: `register ${address} reads ${found.join(' ')}`, compared }
    compared += 1
  }
  return { compared }
}

function wordsOf(write: ResolvedWrite): readonly number[] | undefined {
  const value = writeValue(write, {})
  if (value === undefined) return undefined
  const encoded = encodeWrite(write, value, createImage())
  return encoded.ok ? encoded.words : undefined
}
