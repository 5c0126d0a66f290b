import { resolve } from 'node:path'
import { typeSpec } from '../../../service/pointmap/point-types.ts'
import type { RegisterFunction, RegisterImage, ResolvedPoint, ResolvedWrite } from '../../../service/pointmap/types.ts'

export const root = resolve(import.meta.dirname, '../../..')
export const pointmaps = resolve(root, 'pointmaps')

/** A point at `address` of a type, everything else neutral unless overridden. */
export function pointOf(
  type: string,
  overrides: Partial<ResolvedPoint> & { readonly at?: number } = {},
): ResolvedPoint {
  const { at = 0, ...rest } = overrides
  return {
    name: 'powerW',
    title: 'Point',
    unit: 'W',
    function: 'holding',
    type,
    addresses: Array.from({ length: typeSpec(type).words }, (_, index) => at + index),
    wordOrder: 'big',
    byteOrder: 'big',
    scale: 1,
    offset: 0,
    scalePower: 0,
    sentinels: [],
    typeSentinels: false,
    pollGroup: 'normal',
    ...rest,
  }
}

export function writeOf(type: string, overrides: Partial<ResolvedWrite> = {}): ResolvedWrite {
  return {
    function: 'holding',
    address: 0,
    type,
    wordOrder: 'big',
    byteOrder: 'big',
    scale: 1,
    offset: 0,
    scalePower: 0,
    typeSentinels: false,
    value: '$value',
    ...overrides,
  }
}

/** Registers from an address on. */
export function imageOf(words: readonly number[], at = 0, fn: RegisterFunction = 'holding'): RegisterImage {
  return { word: (wanted, address) => (wanted === fn ? words[address - at] : undefined) }
}
