import fc from 'fast-check'
import type { ModbusRequest } from '../../../../service/drivers/modbus/pdu.ts'

const address = fc.integer({ min: 0, max: 65_535 - 2000 })
const word = fc.integer({ min: 0, max: 0xffff })

/** Any request that the protocol can carry. */
export const anyRequest: fc.Arbitrary<ModbusRequest> = fc.oneof(
  fc.record({ fn: fc.constantFrom(1 as const, 2 as const), address, count: fc.integer({ min: 1, max: 2000 }) }),
  fc.record({ fn: fc.constantFrom(3 as const, 4 as const), address, count: fc.integer({ min: 1, max: 125 }) }),
  fc.record({ fn: fc.constant(5 as const), address, on: fc.boolean() }),
  fc.record({ fn: fc.constant(6 as const), address, value: word }),
  fc.record({ fn: fc.constant(8 as const), counter: fc.constantFrom(0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x12) }),
  fc.record({
    fn: fc.constant(15 as const),
    address,
    bits: fc.array(fc.boolean(), { minLength: 1, maxLength: 1968 }),
  }),
  fc.record({ fn: fc.constant(16 as const), address, words: fc.array(word, { minLength: 1, maxLength: 123 }) }),
  fc.record({ fn: fc.constant(17 as const) }),
  fc.record({
    fn: fc.constant(43 as const),
    access: fc.constantFrom(1 as const, 2 as const, 3 as const, 4 as const),
    objectId: fc.integer({ min: 0, max: 255 }),
  }),
)

/** How a frame is damaged on the way. */
export type Damage =
  | { readonly kind: 'flip'; readonly at: number; readonly mask: number }
  | { readonly kind: 'cut'; readonly at: number }
  | { readonly kind: 'insert'; readonly at: number; readonly byte: number }
  | { readonly kind: 'drop'; readonly at: number }
  | { readonly kind: 'twice'; readonly at: number }

const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const byte = fc.integer({ min: 0, max: 255 })

export const anyDamage: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at: share, mask: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ kind: fc.constant('cut' as const), at: share }),
  fc.record({ kind: fc.constant('insert' as const), at: share, byte }),
  fc.record({ kind: fc.constant('drop' as const), at: share }),
  fc.record({ kind: fc.constant('twice' as const), at: share }),
)

export function damaged(frame: Buffer, damage: Damage): Buffer {
  const at = Math.floor(damage.at * frame.length)
  switch (damage.kind) {
    case 'flip': {
      const copy = Buffer.from(frame)
      if (copy.length > 0) copy[at]! ^= damage.mask
      return copy
    }
    case 'cut':
      return Buffer.from(frame.subarray(0, at))
    case 'insert':
      return Buffer.concat([frame.subarray(0, at), Buffer.from([damage.byte]), frame.subarray(at)])
    case 'drop':
      return Buffer.concat([frame.subarray(0, at), frame.subarray(at + 1)])
    default:
      return Buffer.concat([frame.subarray(0, at), frame.subarray(at), frame.subarray(at)])
  }
}

/** Runs of each property; a long campaign sets R_EMS_FUZZ_RUNS. */
export const fuzzRuns = Number(process.env['R_EMS_FUZZ_RUNS'] ?? 10_000)
/** A campaign of a million runs takes minutes. */
export const fuzzTimeoutMs = 20_000 + fuzzRuns / 2
