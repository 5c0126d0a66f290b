import { EdgeError } from '#contract/errors.ts'
import { UsageError } from '../args.ts'
import { type BusAddress, parseBusAddress } from '../drivers/modbus/address.ts'
import { typeSpec } from '../pointmap/point-types.ts'
import { pointType } from '#contract/point-map.ts'
import type { RegisterFormat } from '../runtime/register-value.ts'

/** Options of every command that reaches a device. */
export const busFlags = {
  bus: { type: 'string' },
  unit: { type: 'string' },
  json: { type: 'boolean' },
} as const

export const mapFlags = { maps: { type: 'string', multiple: true } } as const

export const formatFlags = {
  type: { type: 'string' },
  order: { type: 'string' },
  scale: { type: 'string' },
} as const

/** The part of a usage text that explains --bus and --unit. */
export const busUsage = `  --bus ADDRESS     tcp://HOST[:PORT], rtutcp://HOST:PORT or rtu:///dev/PATH?baud=9600&parity=N&stopbits=1
`

export const serviceUsage = `
A bus that the service on this machine holds (R_EMS_API_PORT, default 8080) is used through it, with its token
(R_EMS_API_TOKEN, or the file api-token of R_EMS_DATA_DIR).
`

export function parseBus(text: string | undefined): BusAddress {
  if (text === undefined) throw new UsageError('--bus is missing')
  try {
    return parseBusAddress(text)
  } catch (error) {
    if (error instanceof EdgeError) throw new UsageError(error.message, { cause: error })
    throw error
  }
}

export function parseUnit(text: string | undefined): number {
  if (text === undefined) throw new UsageError('--unit is missing')
  return parseWhole(text, '--unit', 0, 255)
}

export function parseUnitOrAuto(text: string | undefined): number | 'auto' {
  return text === 'auto' ? text : parseUnit(text)
}

/** A whole number, decimal or with 0x. */
export function parseWhole(text: string | undefined, flag: string, min: number, max: number): number {
  if (text === undefined) throw new UsageError(`${flag} is missing`)
  const value = /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : Number.NaN
  if (!(value >= min && value <= max))
    throw new UsageError(`${flag}: "${text}" is not a whole number from ${min} to ${max}`)
  return value
}

export function parseReal(text: string | undefined, flag: string): number {
  if (text === undefined) throw new UsageError(`${flag} is missing`)
  const value = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN
  if (!Number.isFinite(value)) throw new UsageError(`${flag}: "${text}" is not a number`)
  return value
}

const orders: Readonly<Record<string, Pick<RegisterFormat, 'wordOrder' | 'byteOrder'>>> = {
  ABCD: { wordOrder: 'big', byteOrder: 'big' },
  CDAB: { wordOrder: 'little', byteOrder: 'big' },
  BADC: { wordOrder: 'big', byteOrder: 'little' },
  DCBA: { wordOrder: 'little', byteOrder: 'little' },
}
const orderNames: Readonly<Record<string, string>> = { BIG: 'ABCD', LITTLE: 'CDAB' }

interface FormatValues {
  readonly type?: string | undefined
  readonly order?: string | undefined
  readonly scale?: string | undefined
}

/** How registers are to be read as a value. */
export function parseFormat({ type = 'uint16', order = 'ABCD', scale = '1' }: FormatValues): RegisterFormat {
  if (!pointType.safeParse(type).success)
    throw new UsageError(`--type: "${type}" is not a register type, such as int16, uint32, float32, string:8 or bit:3`)
  typeSpec(type)
  const name = order.toUpperCase()
  const orderOf = orders[orderNames[name] ?? name]
  if (!orderOf) throw new UsageError(`--order: "${order}" is not ABCD, CDAB, BADC, DCBA, big or little`)
  const factor = parseReal(scale, '--scale')
  if (factor === 0) throw new UsageError('--scale: 0 makes every value 0')
  return { type, scale: factor, ...orderOf }
}
