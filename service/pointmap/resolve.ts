import { pointTitle } from '#contract/metrics.ts'
import type { CommandWrite, MapCommand, MapPoint, SunspecPlace } from '#contract/point-map.ts'
import { multiply } from './decimal.ts'
import { defaultTypeSentinels, placeOf, typeSpec } from './point-types.ts'
import type { SunspecModels, SunspecPoint } from './sunspec/models.ts'
import type {
  LoadedMap,
  RegisterFunction,
  ResolvedCommand,
  ResolvedMap,
  ResolvedPoint,
  ResolvedWrite,
  SunspecLayout,
} from './types.ts'
import { metricOf, pointUnit, unitFactor } from './units.ts'

/** True when the device must be walked before the map can be resolved. */
export function needsSunspecWalk(loaded: LoadedMap): boolean {
  const { points, commands } = loaded.map
  const writes = Object.values(commands).flatMap(writesOf)
  return [...Object.values(points), ...writes].some((place) => place.sunspec !== undefined)
}

const writesOf = ({ writes, release = [], expiry }: MapCommand) => [
  ...writes,
  ...release,
  ...(expiry.kind === 'watchdog' ? (expiry.heartbeat ?? []) : []),
]

/**
 * Binds a map to a device. Points and commands that the device does not have are listed with the reason; a map without
 * SunSpec points needs neither layout nor models.
 */
export function resolveMap(loaded: LoadedMap, layout?: SunspecLayout, models?: SunspecModels): ResolvedMap {
  const { map } = loaded
  const context: Context = { loaded, layout, models }
  const missing = new Map<string, string>()
  const points = new Map<string, ResolvedPoint>()
  for (const [name, point] of Object.entries(map.points)) {
    const result = resolvePoint(name, point, context)
    if (typeof result === 'string') missing.set(name, result)
    else points.set(name, result)
  }
  for (const [name, { negativeWhen }] of Object.entries(map.points)) {
    const resolved = points.get(name)
    if (!resolved || !negativeWhen) continue
    const sign = points.get(negativeWhen.point)
    if (sign) points.set(name, { ...resolved, negativeWhen: { point: sign, equals: negativeWhen.equals } })
    else {
      points.delete(name)
      missing.set(name, `its sign is in ${negativeWhen.point}, which the device does not have`)
    }
  }
  const commands = new Map<string, ResolvedCommand>()
  for (const [name, command] of Object.entries(map.commands)) {
    const result = resolveCommand(name, command, context, points)
    if (typeof result === 'string') missing.set(name, result)
    else commands.set(name, result)
  }
  const poll = map.poll ?? {}
  return {
    loaded,
    points: [...points.values()],
    derived: map.derived,
    commands,
    quirks: map.quirks ?? {},
    pollMs: { ...(poll.fastMs && { fast: poll.fastMs }), normal: poll.normalMs ?? 5000, slow: poll.slowMs ?? 60_000 },
    ...(layout && { layout }),
    missing,
  }
}

interface Context {
  readonly loaded: LoadedMap
  readonly layout: SunspecLayout | undefined
  readonly models: SunspecModels | undefined
}

/** Where a value was found on the device, and what the SunSpec model says about it. */
interface Found {
  readonly function: RegisterFunction
  readonly addresses: readonly number[]
  readonly type: string
  readonly scaleFactorAddress?: number
  readonly decimals?: true
  readonly scalePower: number
  readonly definition?: SunspecPoint
}

type Place = Pick<MapPoint, 'address' | 'sunspec' | 'function' | 'type' | 'scaleFactor' | 'decimals'>

function find(place: Place, { loaded, layout, models }: Context): Found | string {
  if (place.sunspec) return findSunspec(place.sunspec, layout, models)
  const { function: fn, type } = placeOf(place, loaded.map.defaults)
  const first = place.address
  if (first === undefined || type === undefined) return 'the map gives no address or type'
  const count = typeSpec(type).words
  const addresses = typeof first === 'number' ? Array.from({ length: count }, (_, index) => first + index) : first
  return {
    function: fn,
    addresses,
    type,
    scalePower: 0,
    ...(place.scaleFactor !== undefined && { scaleFactorAddress: place.scaleFactor }),
    ...(place.decimals !== undefined && { scaleFactorAddress: place.decimals, decimals: true }),
  }
}

function findSunspec(
  place: SunspecPlace,
  layout: SunspecLayout | undefined,
  models: SunspecModels | undefined,
): Found | string {
  if (!layout || !models) return 'the SunSpec models of the device are not known yet'
  const wanted = typeof place.model === 'number' ? [place.model] : place.model
  const instance = place.instance ?? 0
  for (const number of wanted) {
    const at = layout.models.filter((model) => model.model === number)[instance]
    const model = models.get(number)
    if (!at) continue
    if (!model) return `SunSpec model ${number} is not described under pointmaps/sunspec/models`
    const repetition = place.group
    const group = repetition === undefined ? model : model.repeating
    const definition = group?.points[place.point]
    if (!group || !definition) return `SunSpec model ${number} has no point ${place.point}`
    const offset = (set: typeof group) =>
      set === model ? 0 : model.length + (repetition ?? 0) * (model.repeating?.length ?? 0)
    const first = at.address + offset(group) + definition.at
    const { words } = typeSpec(definition.type)
    if (first + words > at.address + at.length)
      return repetition === undefined
        ? `SunSpec model ${number} of this device is too short for ${place.point}`
        : `SunSpec model ${number} of this device has no repetition ${repetition}`
    const { sf } = definition
    const owner = typeof sf === 'string' && !group.points[sf] ? model : group
    return {
      function: 'holding',
      addresses: Array.from({ length: words }, (_, index) => first + index),
      type: definition.type,
      scalePower: typeof sf === 'number' ? sf : 0,
      ...(typeof sf === 'string' && { scaleFactorAddress: at.address + offset(owner) + owner.points[sf]!.at }),
      definition,
    }
  }
  return `the device has no SunSpec model ${wanted.join(' or ')}${instance > 0 ? ` number ${instance + 1}` : ''}`
}

function resolvePoint(name: string, point: MapPoint, context: Context): ResolvedPoint | string {
  const found = find(point, context)
  if (typeof found === 'string') return found
  const { defaults } = context.loaded.map
  const { definition, addresses, type } = found
  const spec = typeSpec(type)
  const metric = metricOf(name)
  const scattered = typeof point.address === 'object'
  const range = point.range ?? metric.range
  const trust = point.confidence ?? defaults?.confidence
  const values = point.values ?? definition?.values
  const bits = point.bits ?? definition?.bits
  return {
    name,
    title: point.title ?? pointTitle(name),
    unit: pointUnit(metric, point.unit),
    function: found.function,
    type,
    addresses,
    // Words listed one by one are in their order already, and a text has none.
    wordOrder:
      scattered || !(spec.numeric || spec.kind === 'flags' || spec.kind === 'enum') || definition
        ? 'big'
        : (point.wordOrder ?? defaults?.wordOrder ?? 'big'),
    byteOrder: definition ? 'big' : (point.byteOrder ?? defaults?.byteOrder ?? 'big'),
    scale: multiply(point.scale ?? 1, unitFactor(metric, point.unit ?? metric.unit) ?? 1),
    offset: point.offset ?? 0,
    scalePower: found.scalePower,
    ...(found.scaleFactorAddress !== undefined && { scaleFactorAddress: found.scaleFactorAddress }),
    ...(found.decimals && { decimals: true }),
    sentinels: (point.sentinels ?? []).map((sentinel) => BigInt.asUintN(spec.bits, BigInt(sentinel))),
    typeSentinels:
      point.typeSentinels ??
      (definition ? undefined : defaults?.typeSentinels) ??
      defaultTypeSentinels(spec, definition !== undefined),
    ...(values && { values }),
    ...(bits && { bits }),
    ...(range && (metric.type === 'number' || metric.type === 'any') && { range }),
    ...(metric.type === 'text' && { asText: true }),
    pollGroup: point.pollGroup ?? (metric.type === 'text' ? 'once' : (defaults?.pollGroup ?? 'normal')),
    ...(trust && { confidence: trust }),
    ...(point.note && { note: point.note }),
  }
}

function resolveCommand(
  name: string,
  command: MapCommand,
  context: Context,
  points: ReadonlyMap<string, ResolvedPoint>,
): ResolvedCommand | string {
  const needed = [command.readBack?.point, command.effect?.point, ...Object.values(command.limits).map(pointOfLimit)]
  const lacking = needed.find(
    (point) => point !== undefined && !points.has(point) && !context.loaded.map.derived[point],
  )
  if (lacking) return `it needs ${lacking}, which the device does not have`
  let problem: string | undefined
  const place = (writes: readonly CommandWrite[] = []) =>
    writes.flatMap((write) => {
      const result = resolveWrite(write, context, points)
      if (typeof result !== 'string') return [result]
      problem ??= result
      return []
    })
  const { expiry } = command
  const resolved: ResolvedCommand = {
    ...command,
    name,
    writes: place(command.writes),
    release: place(command.release),
    expiry: expiry.kind === 'watchdog' ? { ...expiry, heartbeat: place(expiry.heartbeat) } : expiry,
  }
  return problem ?? resolved
}

const pointOfLimit = (limit: MapCommand['limits']['min']) => (typeof limit === 'number' ? undefined : limit.point)

function resolveWrite(
  write: CommandWrite,
  context: Context,
  points: ReadonlyMap<string, ResolvedPoint>,
): ResolvedWrite | string {
  const base = write.percentOf === undefined ? undefined : points.get(write.percentOf)
  if (write.percentOf !== undefined && !base) return `it needs ${write.percentOf}, which the device does not have`
  const found = find(write, context)
  if (typeof found === 'string') return found
  const { defaults } = context.loaded.map
  const { definition, type } = found
  if (definition && !definition.write) return `SunSpec point ${write.sunspec?.point} cannot be written`
  return {
    function: write.function ?? (found.function === 'coil' ? 'coil' : 'holding'),
    address: found.addresses[0]!,
    type,
    wordOrder: definition ? 'big' : (write.wordOrder ?? defaults?.wordOrder ?? 'big'),
    byteOrder: definition ? 'big' : (write.byteOrder ?? defaults?.byteOrder ?? 'big'),
    scale: write.scale ?? 1,
    offset: write.offset ?? 0,
    scalePower: found.scalePower,
    typeSentinels: defaultTypeSentinels(typeSpec(type), definition !== undefined),
    ...(found.scaleFactorAddress !== undefined && { scaleFactorAddress: found.scaleFactorAddress }),
    ...(found.decimals && { decimals: true }),
    value: write.value,
    ...(base && { percentOf: base }),
    ...(write.when && { when: write.when }),
    ...(write.with && { with: write.with }),
  }
}
