import type { FieldWrite, RegisterField } from './register-bank.ts'

export interface SunspecPoint {
  readonly name: string
  /** Its words; their number never changes. */
  read(): readonly number[]
  readonly write?: FieldWrite
}

export interface SunspecModel {
  readonly id: number
  /** All points after ID and L, in the order of the model definition. */
  readonly points: readonly SunspecPoint[]
}

/** Lays models out as one SunSpec map: marker, models with ID and length, end marker. */
export function sunspecFields(base: number, models: readonly SunspecModel[]): RegisterField[] {
  const fields: RegisterField[] = []
  let address = base
  const add = (read: () => readonly number[], write?: FieldWrite) => {
    const words = read().length
    fields.push({ table: 'holding', address, words, read, ...(write && { write }) })
    address += words
  }
  add(() => [0x5375, 0x6e53])
  for (const model of models) {
    const length = model.points.reduce((sum, point) => sum + point.read().length, 0)
    add(() => [model.id])
    add(() => [length])
    for (const point of model.points) add(point.read, point.write)
  }
  add(() => [0xffff])
  add(() => [0])
  return fields
}

/** Words of points that a device does not implement, by type. */
export const notImplemented = {
  int16: [0x8000],
  uint16: [0xffff],
  uint32: [0xffff, 0xffff],
  sunssf: [0x8000],
} as const
