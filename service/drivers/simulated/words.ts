import type { FieldWrite, RegisterField, Table } from './register-bank.ts'

/** Encodings of values into 16-bit words, high word first. Written apart from the codec of the drivers, so that each checks the other. */

const view = new DataView(new ArrayBuffer(8))

export const u16 = (value: number): number[] => [limit(value, 0, 0xffff)]
export const i16 = (value: number): number[] => [limit(value, -0x8000, 0x7fff) & 0xffff]

export function u32(value: number): number[] {
  view.setUint32(0, limit(value, 0, 0xffff_ffff))
  return [view.getUint16(0), view.getUint16(2)]
}

export function i32(value: number): number[] {
  view.setInt32(0, limit(value, -0x8000_0000, 0x7fff_ffff))
  return [view.getUint16(0), view.getUint16(2)]
}

/** 32-bit counter that wraps. */
export const acc32 = (value: number): number[] => u32(Math.floor(value) % 0x1_0000_0000)

export function float32(value: number): number[] {
  view.setFloat32(0, value)
  return [view.getUint16(0), view.getUint16(2)]
}

/** ASCII, two characters per register, padded with NUL. */
export function text(value: string, words: number): number[] {
  const bytes = Buffer.alloc(words * 2)
  bytes.write(value, 'latin1')
  return Array.from({ length: words }, (_, index) => bytes.readUInt16BE(index * 2))
}

export function fromI32(words: readonly number[]): number {
  return ((words[0] ?? 0) << 16) | (words[1] ?? 0) | 0
}

const limit = (value: number, min: number, max: number): number => Math.min(max, Math.max(min, Math.round(value)))

/** A field whose width follows from its encoding. */
export function field(table: Table, address: number, read: () => readonly number[], write?: FieldWrite): RegisterField {
  return { table, address, words: read().length, read, ...(write && { write }) }
}
