import type { RegisterFunction, ResolvedPoint, ResolvedWrite } from '../pointmap/types.ts'
import { typeSpec } from '../pointmap/point-types.ts'

/** How a person reads or writes registers that no map describes. */
export interface RegisterFormat {
  readonly type: string
  readonly wordOrder: 'big' | 'little'
  readonly byteOrder: 'big' | 'little'
  readonly scale: number
}

/** A value of that format from `address` on, to be decoded like a point of a map. */
export function pointAt(fn: RegisterFunction, address: number, format: RegisterFormat): ResolvedPoint {
  const { words } = typeSpec(format.type)
  return {
    name: `${fn} ${address}`,
    title: '',
    unit: '',
    function: fn,
    addresses: Array.from({ length: words }, (_, index) => address + index),
    offset: 0,
    scalePower: 0,
    sentinels: [],
    typeSentinels: false,
    pollGroup: 'normal',
    ...format,
  }
}

/** The same for writing. */
export function writeAt(address: number, format: RegisterFormat): ResolvedWrite {
  return { function: 'holding', address, offset: 0, scalePower: 0, typeSentinels: false, value: '$value', ...format }
}
