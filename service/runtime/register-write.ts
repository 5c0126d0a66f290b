import type { WriteOutcome } from '../drivers/driver.ts'
import type { ArmedBusUnit } from '../drivers/modbus/bus.ts'
import { type Answer, exceptionText, type WriteRequest } from '../drivers/modbus/pdu.ts'
import { createImage } from '../drivers/modbus/register-image.ts'
import { decodePoint, encodeWrite } from '../pointmap/codec.ts'
import { pointAt, type RegisterFormat, writeAt } from './register-value.ts'

export interface RegisterWrite extends RegisterFormat {
  readonly address: number
  readonly fn: 6 | 16
  readonly value: number
}

/** A write of one value into holding registers: its frames, and sending it once, with a read-back. */
export function writeRegister(
  unit: ArmedBusUnit,
  { address, fn, value, ...rest }: RegisterWrite,
):
  | {
      encode(): readonly string[]
      send(): Promise<WriteOutcome>
      /** What the register reads now; undefined when it cannot be read. */
      read(): Promise<number | undefined>
    }
  | { readonly problem: string } {
  const { type, wordOrder, byteOrder, scale } = rest
  const format: RegisterFormat = { type, wordOrder, byteOrder, scale }
  const encoded = encodeWrite(writeAt(address, format), value, createImage())
  if (!encoded.ok) return { problem: encoded.reason }
  const { words } = encoded
  if (fn === 6 && words.length !== 1)
    return { problem: `FC06 writes one register; ${type} needs ${words.length}: use FC16` }
  if (address + words.length > 65_536) return { problem: `the value would reach past register 65535` }
  const request: WriteRequest = fn === 6 ? { fn, address, value: words[0]! } : { fn, address, words }

  const ask = (): Promise<Answer> => unit.ask({ fn: 3, address, count: words.length }, { priority: 'write' })

  function decode(read: Uint16Array): number | undefined {
    const image = createImage()
    image.put({ function: 'holding', address, words: read })
    const decoded = decodePoint(pointAt('holding', address, format), image)
    return decoded.ok && typeof decoded.value === 'number' ? decoded.value : undefined
  }

  async function readBack(frames: readonly string[]): Promise<WriteOutcome> {
    const answer = await ask()
    if (answer.kind !== 'words') return { result: 'written', frames }
    const value = decode(answer.words)
    const found = value === undefined ? {} : { readBack: value }
    if (words.every((word, index) => word === answer.words[index])) return { result: 'confirmed', frames, ...found }
    const reads = Array.from(answer.words).join(' ')
    return {
      result: 'failed',
      reason: `the device reads ${reads} after ${words.join(' ')} was written`,
      frames,
      ...found,
    }
  }

  return {
    encode: () => unit.preview([request]).map((frame) => frame.toString('hex')),
    async read() {
      const answer = await ask()
      return answer.kind === 'words' ? decode(answer.words) : undefined
    },
    async send() {
      const { answer, frame } = await unit.write(request)
      const frames = frame ? [frame.toString('hex')] : []
      if (answer.kind === 'written') return readBack(frames)
      if (answer.kind === 'exception')
        return { result: 'failed', reason: exceptionText(answer.code), cause: 'exception', frames }
      if (answer.kind !== 'failed') return { result: 'failed', reason: 'an answer of another kind', frames }
      const unsure = answer.sent ? '; it may have arrived all the same' : ''
      return { result: 'failed', reason: `${answer.reason}${unsure}`, cause: 'no-answer', frames }
    },
  }
}
