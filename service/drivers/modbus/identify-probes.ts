import type { PointMap } from '#contract/point-map.ts'
import { decodePoint } from '../../pointmap/codec.ts'
import { resolveMap } from '../../pointmap/resolve.ts'
import type { SunspecModels } from '../../pointmap/sunspec/models.ts'
import type { LoadedMap, RegisterFunction, ResolvedPoint, SunspecLayout } from '../../pointmap/types.ts'
import type { Answer, ReadRequest } from './pdu.ts'
import { createImage, type FillableImage } from './register-image.ts'

type MapProbe = NonNullable<PointMap['identify']>[number]

/** One identity probe of a map, with its registers known. */
export interface Probe {
  readonly map: LoadedMap
  readonly definition: MapProbe
  /** Unit to ask: the device's own, or the one the probe names. */
  readonly unitId: number
  readonly point: ResolvedPoint
}

/** What a probe has shown. `unanswered` says nothing either way. */
export type Verdict =
  | { readonly kind: 'match'; readonly evidence: string }
  | { readonly kind: 'mismatch'; readonly evidence: string }
  /** The device has no such register. */
  | { readonly kind: 'absent'; readonly evidence: string }
  | { readonly kind: 'unanswered' }

/** Registers that one request brings. */
interface Span {
  readonly unitId: number
  readonly fn: RegisterFunction
  readonly first: number
  readonly last: number
}

const codes: Readonly<Record<RegisterFunction, 1 | 2 | 3 | 4>> = { coil: 1, discrete: 2, holding: 3, input: 4 }
/** Registers in one request: few enough for every device. */
const mostRegisters = 30

/** The probes of a map; one in a SunSpec model that the device lacks is left out. */
export function probesOf(
  map: LoadedMap,
  unitId: number,
  layout: SunspecLayout | undefined,
  models: SunspecModels,
): Probe[] {
  // A probe is read like a point that belongs to its vendor alone: raw, in no particular unit.
  const definitions = map.map.identify ?? []
  const named = definitions.map((definition, index) => ({ definition, name: `vendor.probe${index}` }))
  const points = Object.fromEntries(
    named.map(({ name, definition }) => {
      const {
        address,
        sunspec,
        function: fn,
        type,
        wordOrder,
        byteOrder,
        scale,
        scaleFactor,
        decimals,
        offset,
      } = definition
      const place = { address, sunspec, function: fn, type, wordOrder, byteOrder, scale, scaleFactor, decimals, offset }
      return [name, withoutUndefined(place)]
    }),
  )
  const resolved = resolveMap({ ...map, map: { ...map.map, points, derived: {}, commands: {} } }, layout, models)
  const found = new Map(resolved.points.map((point) => [point.name, point]))
  return named.flatMap(({ name, definition }) => {
    const point = found.get(name)
    return point ? [{ map, definition, unitId: definition.unitId ?? unitId, point }] : []
  })
}

function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const kept = Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined))
  return kept as { [K in keyof T]: Exclude<T[K], undefined> }
}

/** Registers read so far, per unit, so that none is asked for twice. */
export interface Registers {
  image(unitId: number): FillableImage
  /** Whether the device has said that it lacks one of the probe's registers. */
  lacks(probe: Probe): boolean
  /** Reads what the probes need and is not known yet. */
  fetch(probes: readonly Probe[]): Promise<void>
}

export function createRegisters(ask: (unitId: number, request: ReadRequest) => Promise<Answer>): Registers {
  const images = new Map<number, FillableImage>()
  const asked = new Set<string>()
  const refused = new Set<string>()

  const image = (unitId: number): FillableImage => {
    const known = images.get(unitId) ?? createImage()
    images.set(unitId, known)
    return known
  }

  const known = ({ unitId, fn, first, last }: Span): boolean => {
    for (let address = first; address <= last; address++)
      if (image(unitId).word(fn, address) === undefined) return false
    return true
  }

  /** True when the registers came. */
  async function read(span: Span): Promise<boolean> {
    const key = keyOf(span)
    if (asked.has(key)) return known(span)
    asked.add(key)
    const { unitId, fn, first, last } = span
    const answer = await ask(unitId, { fn: codes[fn], address: first, count: last - first + 1 })
    const words = answer.kind === 'words' ? answer.words : answer.kind === 'bits' ? answer.bits : undefined
    if (words) image(unitId).put({ function: fn, address: first, words })
    else if (answer.kind === 'exception') refused.add(key)
    return words !== undefined
  }

  return {
    image,
    lacks: (probe) => spansOf(probe).some((span) => refused.has(keyOf(span))),
    async fetch(probes) {
      const wanted = probes.flatMap(spansOf).filter((span) => !known(span))
      for (const group of together(wanted)) {
        const whole = { ...group[0]!, last: Math.max(...group.map(({ last }) => last)) }
        if (await read(whole)) continue
        // One of the registers is missing: the others may be there.
        if (group.length > 1) for (const span of group) if (!known(span)) await read(span)
      }
    },
  }
}

const keyOf = ({ unitId, fn, first, last }: Span): string => `${unitId} ${fn} ${first} ${last}`

function spansOf({ unitId, point }: Probe): Span[] {
  const addresses = [...point.addresses, ...(point.scaleFactorAddress === undefined ? [] : [point.scaleFactorAddress])]
  const spans: Span[] = []
  for (const address of addresses.toSorted((a, b) => a - b)) {
    const last = spans.at(-1)
    if (last && address === last.last + 1) spans[spans.length - 1] = { ...last, last: address }
    else spans.push({ unitId, fn: point.function, first: address, last: address })
  }
  return spans
}

/** Groups of spans that overlap or follow each other without a gap, without repetitions. */
function together(spans: readonly Span[]): Span[][] {
  const unique = new Map(spans.map((span) => [keyOf(span), span]))
  const groups: Span[][] = []
  const order = (a: Span, b: Span) =>
    a.unitId - b.unitId || a.fn.localeCompare(b.fn) || a.first - b.first || a.last - b.last
  for (const span of [...unique.values()].toSorted(order)) {
    const group = groups.at(-1)
    const start = group?.[0]
    const end = Math.max(...(group ?? []).map(({ last }) => last))
    const joins =
      start?.unitId === span.unitId &&
      start.fn === span.fn &&
      span.first <= end + 1 &&
      Math.max(end, span.last) - start.first < mostRegisters
    if (group && joins) group.push(span)
    else groups.push([span])
  }
  return groups
}

/** What the registers say about a probe. */
export function judge(probe: Probe, registers: Registers): Verdict {
  const { definition, point, unitId } = probe
  const decoded = decodePoint(point, registers.image(unitId))
  if (!decoded.ok && decoded.raw.length === 0)
    return registers.lacks(probe)
      ? { kind: 'absent', evidence: `there is no register ${point.addresses[0]} (${point.function})` }
      : { kind: 'unanswered' }
  const value = decoded.ok ? decoded.value : undefined
  const shown = shownValue(value)
  if (value !== undefined && matches(definition, value))
    return { kind: 'match', evidence: definition.evidence.replaceAll('{value}', shown) }
  return { kind: 'mismatch', evidence: `${point.function} ${point.addresses[0]} reads ${shown}` }
}

function matches(
  { equals, oneOf, range, matches: pattern }: MapProbe,
  value: number | string | readonly string[],
): boolean {
  if (typeof value === 'number' && range && value >= range[0] && value <= range[1]) return true
  if (typeof value === 'string' && pattern !== undefined && new RegExp(pattern, 'u').test(value)) return true
  return typeof value === 'object' ? false : value === equals || (oneOf?.includes(value) ?? false)
}

/** A value for a sentence; nobody reads nine digits of a voltage. */
export function shownValue(value: number | string | readonly string[] | undefined): string {
  if (value === undefined) return 'not available'
  return typeof value === 'number' && !Number.isInteger(value) ? String(Number(value.toPrecision(5))) : String(value)
}
