import { parsePointName } from '#contract/metrics.ts'
import { formOf, valueOf } from '../../../../service/commissioning/inference/forms.ts'
import { type Observed, observed } from '../../../../service/commissioning/inference/observed.ts'
import { typeSpec } from '../../../../service/pointmap/point-types.ts'
import { needsSunspecWalk, resolveMap } from '../../../../service/pointmap/resolve.ts'
import type { LoadedMap, ResolvedPoint } from '../../../../service/pointmap/types.ts'
import { fromBigint, fromBytes, fromFloat, reorder } from '../../../../service/pointmap/words.ts'

/** A value whose registers are known. */
export interface Known {
  readonly map: string
  readonly name: string
  readonly address: number
  readonly words: number
  readonly kind: 'integer' | 'float' | 'text'
  readonly wordOrder: 'big' | 'little'
  readonly byteOrder: 'big' | 'little'
  readonly type: string
  /** SI units of one count. */
  readonly perCount: number
  /** It is a quantity with a scale, not a state. */
  readonly scaled: boolean
  /** As the form reads them, one per reading; of text the first word only. */
  readonly values: readonly number[]
}

export interface SyntheticUnit {
  readonly fn: 'holding' | 'input'
  readonly registers: Observed
  readonly known: readonly Known[]
}

export interface Synthetic {
  readonly units: readonly SyntheticUnit[]
  /** Points that cannot be asked about, by reason. */
  readonly excluded: Readonly<Record<string, number>>
}

/** Small and fast, with the same numbers for the same seed everywhere (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000
  }
}

const everyMs = 5000

/** What a device with this map could read over a minute; nothing of it comes from the code under test. */
export function synthesize(loaded: LoadedMap, seed: number, readings = 12): Synthetic {
  const excluded: Record<string, number> = {}
  const exclude = (reason: string): void => void (excluded[reason] = (excluded[reason] ?? 0) + 1)
  if (needsSunspecWalk(loaded)) return { units: [], excluded: { 'SunSpec: the models say the types': 1 } }
  const random = seeded(seed)
  const { points } = resolveMap(loaded)
  const units = (['holding', 'input'] as const).flatMap((fn): SyntheticUnit[] => {
    const images = Array.from({ length: readings }, () => new Map<number, number>())
    const known = new Map<number, Known>()
    const taken = new Set<number>()
    for (const point of points.filter((each) => each.function === fn)) {
      const { addresses, type } = point
      const adjacent = addresses.every((address, index) => address === addresses[0]! + index)
      const form = formOf(type, point.wordOrder, point.byteOrder)
      if (addresses.some((address) => taken.has(address))) {
        exclude('shares registers with another point')
        continue
      }
      for (const address of addresses) taken.add(address)
      const series = seriesOf(point, readings, random)
      for (const [index, words] of series.entries())
        for (const [at, address] of addresses.entries()) images[index]!.set(address, words[at]!)
      if (point.scaleFactorAddress !== undefined && !taken.has(point.scaleFactorAddress)) {
        taken.add(point.scaleFactorAddress)
        for (const image of images) image.set(point.scaleFactorAddress, point.decimals ? 1 : 0xffff)
      }
      if (!form || !adjacent) {
        exclude(adjacent ? `type ${type.replace(/:\d+$/, '')}` : 'registers that are not adjacent')
        continue
      }
      const shape = form.kind === 'text' ? 1 : form.words
      known.set(addresses[0]!, {
        map: loaded.id,
        name: point.name,
        address: addresses[0]!,
        words: addresses.length,
        kind: form.kind,
        wordOrder: form.wordOrder,
        byteOrder: form.byteOrder,
        type,
        scaled: parsePointName(point.name)?.metric.type === 'number' && point.scaleFactorAddress === undefined,
        perCount: Math.abs(point.scale) * 10 ** point.scalePower,
        values: series.map((words) => valueOf(form, words.slice(0, shape))),
      })
    }
    if (known.size === 0) return []
    fillHoles(images, random)
    const readingsOf = images.map((words, index) => ({ atMs: index * everyMs, words }))
    return [{ fn, registers: observed(readingsOf), known: [...known.values()] }]
  })
  for (const point of points) if (point.function !== 'holding' && point.function !== 'input') exclude('single bits')
  return { units, excluded }
}

/** Registers between the points of a block answer, too. */
function fillHoles(images: readonly Map<number, number>[], random: () => number): void {
  const addresses = [...images[0]!.keys()].toSorted((a, b) => a - b)
  for (const [index, address] of addresses.entries()) {
    const behind = addresses[index + 1]
    if (behind === undefined || behind - address > 10) continue
    for (let at = address + 1; at < behind; at++) {
      const dice = random()
      const word = dice < 0.6 ? 0 : dice < 0.75 ? 0xffff : Math.floor(10 ** (random() * 4))
      for (const image of images) image.set(at, word)
    }
  }
}

function seriesOf(point: ResolvedPoint, readings: number, random: () => number): number[][] {
  const spec = typeSpec(point.type)
  const count = point.addresses.length
  if (spec.kind === 'string') {
    const words = textWords(point, count, random)
    return Array.from({ length: readings }, () => words)
  }
  const values = valuesOf(point, readings, random)
  const perCount = point.scale * 10 ** point.scalePower
  return values.map((value) => {
    const raw = (value - point.offset) / perCount
    if (spec.kind === 'float') return [...reorder(fromFloat(raw, count), point)]
    const bits = spec.bits
    const [low, high] = spec.signed ? [-(2 ** (bits - 1)) + 1, 2 ** (bits - 1) - 1] : [0, 2 ** bits - 1]
    const whole = Math.min(high, Math.max(low, Math.round(raw)))
    return [...reorder(fromBigint(BigInt(whole), count), point)]
  })
}

const texts = ['R5K-', 'SN', 'Grid', 'Model ', 'V1.', 'INV']
function textWords(point: ResolvedPoint, count: number, random: () => number): number[] {
  let text = texts[Math.floor(random() * texts.length)]!
  const length = Math.min(2 * count, 4 + Math.floor(random() * 14))
  while (text.length < length) text += '0123456789ABCDEFGHJKLMNPQRSTUVWXYZ'[Math.floor(random() * 34)]!
  const bytes = Buffer.alloc(2 * count, random() < 0.7 ? 0 : 32)
  bytes.write(text.slice(0, length), 'latin1')
  return [...reorder(fromBytes(bytes, count), point)]
}

type Make = (random: () => number) => { readonly start: number; readonly step: number; readonly grows?: number }

const spread =
  (low: number, high: number, step = 0): Make =>
  (random) => ({ start: low * (high / low) ** random(), step })
const between =
  (low: number, high: number, step = 0): Make =>
  (random) => ({ start: low + (high - low) * random(), step })
const signedPower: Make = (random) => {
  const start = 30 * 300 ** random() * (random() < 0.4 ? -1 : 1)
  return { start, step: Math.abs(start) * 0.02 }
}
const energy: Make = (random) => ({ start: 1e5 * 1000 ** random(), step: 0, grows: 2 + 8 * random() })

/** What a quantity reads, in SI units, and how it moves. */
const quantities: readonly (readonly [RegExp, Make])[] = [
  [
    /(rated|limit|setpoint|failsafe|capacity|remaining).*(W|Wh|Va|Var)$/i,
    (random) => ({ start: 500 * Math.ceil(30 * random()), step: 0 }),
  ],
  [/(rated|limit|failsafe|setpoint|cable).*A$/i, (random) => ({ start: 6 + Math.floor(58 * random()), step: 0 })],
  [/VoltageV$|VoltageLimitV$/, between(180, 450)],
  [/^cellVoltage/, between(3.1, 3.5, 0.001)],
  [/^powerFactor/, between(0.8, 1, 0.005)],
  [/^power(Import|Export|Charge|Discharge|Demand)/, (random) => ({ start: 20 * 300 ** random(), step: 10 })],
  [/^(power|reactivePower)/, signedPower],
  [/^(apparentPower)/, spread(100, 8000, 15)],
  [/^frequency/, (random) => ({ start: 49.95 + 0.1 * random(), step: 0.01 })],
  [/^energy.*Today/, (random) => ({ start: 200 + 20_000 * random(), step: 0, grows: 3 })],
  [/^(energy|reactiveEnergy|apparentEnergy|charge)/, energy],
  [/^current/, (random) => ({ start: 0.3 * 80 ** random(), step: 0.1 })],
  [/^temperature|Temperature/, between(12, 45, 0.1)],
  [/Percent$/, between(5, 100)],
  [/^(hours|duration|uptime|time)/i, spread(1000, 3e7, 0)],
  [/^insulation/, spread(5e5, 2e6, 1e4)],
  [/^irradiance/, between(80, 950, 4)],
]

function valuesOf(point: ResolvedPoint, readings: number, random: () => number): number[] {
  const parsed = parsePointName(point.name)
  const metric = parsed?.metricName ?? ''
  const outermost = parsed?.parts.at(-1)?.subsystem
  const make: Make =
    metric === 'voltageV'
      ? outermost === 'cell'
        ? between(3.1, 3.5, 0.001)
        : outermost === 'pv' || outermost === 'battery' || outermost === 'module'
          ? between(48, 620, 0.4)
          : /\.l(12|23|31)$/.test(point.name)
            ? between(392, 408, 0.4)
            : between(224, 238, 0.3)
      : (quantities.find(([pattern]) => pattern.test(metric))?.[1] ??
        ((dice) => ({ start: Math.floor(6 ** (dice() * 4)), step: 0 })))
  // A quantity at rest: nothing is charged, no sun.
  if (random() < 0.12 && !/^(voltage|frequency|energy)/.test(metric)) return Array.from({ length: readings }, () => 0)
  const { start, step, grows } = make(random)
  let value = start
  return Array.from({ length: readings }, () => {
    value += grows === undefined ? (random() - 0.5) * 2 * step : grows * (0.5 + random())
    return value
  })
}
