import type { BusUnit } from '../drivers/modbus/bus.ts'
import { exceptionText } from '../drivers/modbus/pdu.ts'
import { createImage, type FillableImage } from '../drivers/modbus/register-image.ts'
import { decodePoint } from '../pointmap/codec.ts'
import { typeSpec } from '../pointmap/point-types.ts'
import type { SunspecModel, SunspecModels, SunspecPoint } from '../pointmap/sunspec/models.ts'
import type { DecodedValue, ResolvedPoint, SunspecLayout, SunspecModelAt } from '../pointmap/types.ts'
import { pointAt } from '../runtime/register-value.ts'

/** One model of a device, decoded as far as it is known. */
export interface SunspecModelReport {
  readonly model: number
  readonly title: string | null
  /** Of the first point, after ID and L. */
  readonly address: number
  readonly length: number
  /** By name, those of repeating groups as `NAME[0].POINT`; null for a model that is not described. */
  readonly points: Readonly<Record<string, { readonly value: DecodedValue | null; readonly unit: string }>> | null
  readonly raw: readonly number[]
  /** Why its registers could not be read. */
  readonly problem: string | null
}

const mostRegisters = 125

/** Reads and decodes every model that a walk has found. */
export async function readSunspecModels(
  unit: BusUnit,
  { models }: SunspecLayout,
  definitions: SunspecModels,
  signal: AbortSignal,
): Promise<SunspecModelReport[]> {
  const reports: SunspecModelReport[] = []
  for (const at of models) {
    const image = createImage()
    const problem = await readInto(image, unit, at, signal)
    const definition = definitions.get(at.model)
    const title = definition?.title ?? null
    const raw = Array.from({ length: at.length }, (_, index) => image.word('holding', at.address + index))
    const complete = raw.flatMap((word) => word ?? [])
    const points = problem === null && definition ? decodeModel(at, definition, image) : null
    reports.push({ ...at, title, points, raw: problem === null ? complete : [], problem })
  }
  return reports
}

async function readInto(
  image: FillableImage,
  unit: BusUnit,
  { address, length }: SunspecModelAt,
  signal: AbortSignal,
): Promise<string | null> {
  for (let first = address; first < address + length; first += mostRegisters) {
    const count = Math.min(mostRegisters, address + length - first)
    const answer = await unit.ask({ fn: 3, address: first, count }, { signal })
    if (answer.kind === 'words') image.put({ function: 'holding', address: first, words: answer.words })
    else if (answer.kind === 'exception') return `registers from ${first} on: ${exceptionText(answer.code)}`
    else return answer.kind === 'failed' ? answer.reason : 'an answer of another kind'
  }
  return null
}

function decodeModel(
  at: SunspecModelAt,
  definition: SunspecModel,
  image: FillableImage,
): NonNullable<SunspecModelReport['points']> {
  const shown: Record<string, { value: DecodedValue | null; unit: string }> = {}
  const end = at.address + at.length
  const add = (name: string, start: number, point: SunspecPoint, scaleFactorAddress: number | undefined): void => {
    const format = { type: point.type, wordOrder: 'big', byteOrder: 'big', scale: 1 } as const
    const first = start + point.at
    if (point.type === 'sunssf' || first + typeSpec(point.type).words > end) return
    const resolved: ResolvedPoint = {
      ...pointAt('holding', first, format),
      typeSentinels: true,
      scalePower: typeof point.sf === 'number' ? point.sf : 0,
      ...(scaleFactorAddress !== undefined && { scaleFactorAddress }),
      ...(point.values && { values: point.values }),
      ...(point.bits && { bits: point.bits }),
    }
    const decoded = decodePoint(resolved, image)
    shown[name] = { value: decoded.ok ? decoded.value : null, unit: point.unit ?? '' }
  }
  const fixedScale = ({ sf }: SunspecPoint): number | undefined =>
    typeof sf === 'string' && definition.points[sf] ? at.address + definition.points[sf].at : undefined
  for (const [name, point] of Object.entries(definition.points)) add(name, at.address, point, fixedScale(point))
  const { repeating } = definition
  if (!repeating) return shown
  const times = Math.floor((at.length - definition.length) / repeating.length)
  for (let index = 0; index < times; index++) {
    const start = at.address + definition.length + index * repeating.length
    for (const [name, point] of Object.entries(repeating.points)) {
      const own = typeof point.sf === 'string' ? repeating.points[point.sf] : undefined
      add(`${repeating.name}[${index}].${name}`, start, point, own ? start + own.at : fixedScale(point))
    }
  }
  return shown
}
