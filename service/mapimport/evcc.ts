import type { RegisterFunction } from '../pointmap/types.ts'
import { multiply } from './decimal.ts'
import { renderTemplate, unknownValue } from './go-template.ts'
import { evccNames, readParameters, typeOf } from './evcc-parameters.ts'
import {
  type Assumption,
  type ForeignMap,
  type ForeignPoint,
  type ForeignSum,
  isRefusal,
  refuse,
  type Skipped,
  type Understood,
} from './types.ts'
import { brief, entries, get, items, numberOf, readTree, textOf, type Tree } from './yaml-tree.ts'

/** What is read of one usage of a template. */
interface Usage {
  readonly usage: string | undefined
  readonly points: ForeignPoint[]
  readonly sums: ForeignSum[]
}

interface Collected {
  readonly file: string
  readonly skipped: Skipped[]
  readonly assumptions: Assumption[]
  readonly kept: { place: string; key: string; value: string }[]
}

/** Attributes that tell the device something. */
const writing =
  /^(enable|maxcurrent|maxcurrentmillis|maxpower|phases1p3p|limitsoc|batterymode|dim|curtail|setmaxpower|setmode|wakeup|heating|boost)$/

/** A device template: YAML whose `render` is a Go template of YAML. */
export function readEvcc(text: string, file: string): Understood {
  const outer = readTree(text, file)
  if (isRefusal(outer)) return outer
  const { tree } = outer
  const render = get(tree, 'render')
  if (render?.kind !== 'scalar' || typeof render.value !== 'string')
    return refuse(file, 'an evcc template has the key "render" with what it reads; this one has none')
  const collected: Collected = { file, skipped: [], assumptions: [], kept: [] }
  const parameters = readParameters(get(tree, 'params'), file)
  // The text of a block begins on the line below its key.
  const offset = render.line
  const usages = parameters.usages.length > 0 ? parameters.usages : [undefined]
  const read: Usage[] = []
  for (const usage of usages) {
    const values = new Map(parameters.defaults)
    if (usage !== undefined) values.set('usage', usage)
    const rendered = renderTemplate(render.value, values)
    for (const { line, condition } of rendered.guessed) {
      const place = `${file}:${line + offset}`
      if (collected.skipped.every((entry) => entry.place !== place))
        collected.skipped.push({
          place,
          original: condition,
          reason: 'what applies when this does not hold was left out',
        })
    }
    const inner = readTree(rendered.text, file)
    if (isRefusal(inner)) {
      const [, line = '1'] = /:(\d+)(?::\d+)?$/.exec(inner.refused.place) ?? []
      return refuse(`${file}:${Number(line) + offset}`, inner.refused.reason)
    }
    read.push(walkUsage(inner.tree, usage, offset, collected))
  }
  const { points, sums } = placed(read)
  const map: ForeignMap = {
    ...productOf(tree),
    ...(parameters.connection && { connection: parameters.connection }),
    ...(parameters.quirks && { quirks: parameters.quirks }),
    points: [...points, ...parameters.points],
    sums,
    skipped: collected.skipped,
    kept: [...collected.kept, ...parameters.kept],
    assumptions: collected.assumptions,
    signsKnown: true,
  }
  return map
}

function productOf(tree: Tree): { maker?: string; model?: string } {
  const product = items(get(tree, 'products'))[0]
  const maker = textOf(get(product, 'brand'))
  const description = get(product, 'description')
  const model = textOf(get(description, 'generic')) ?? textOf(get(description, 'en')) ?? textOf(get(tree, 'template'))
  return { ...(maker && { maker }), ...(model && { model }) }
}

/** Points under `battery` and so on, where usages read different things. */
function placed(read: readonly Usage[]): { points: ForeignPoint[]; sums: ForeignSum[] } {
  const place = ({ keys }: ForeignPoint) => JSON.stringify([keys.address, keys.sunspec, keys.function])
  const seen = new Set<string>()
  const own = read.map(({ points }) => {
    const fresh = points.some((point) => !seen.has(place(point)))
    for (const point of points) seen.add(place(point))
    return fresh
  })
  const apart = own.filter(Boolean).length > 1
  const within = (usage: string | undefined): string | undefined =>
    apart && usage !== undefined && ['grid', 'pv', 'battery', 'charger'].includes(usage)
      ? usage.replace('charger', 'load')
      : undefined
  const points: ForeignPoint[] = []
  const sums: ForeignSum[] = []
  for (const { usage, points: some, sums: computed } of read) {
    const at = within(usage)
    const moved = new Map(some.map((point) => [point, at === undefined ? point : { ...point, within: at }]))
    points.push(...moved.values())
    for (const sum of computed) {
      const terms = sum.sum?.map(({ of, factor }) => ({ of: moved.get(of) ?? of, factor }))
      sums.push({ ...sum, ...(at && { within: at }), ...(terms && { sum: terms }) })
    }
  }
  return { points, sums }
}

function walkUsage(tree: Tree, usage: string | undefined, offset: number, collected: Collected): Usage {
  const result: Usage = { usage, points: [], sums: [] }
  for (const [attribute, value] of entries(tree)) {
    if (value.kind === 'scalar') {
      if (!['type', 'maxacpower'].includes(attribute))
        keepOnce(collected, `${collected.file}:${value.line + offset}`, attribute, value.text)
      continue
    }
    const list = value.kind === 'list' ? value.items : [value]
    for (const [index, item] of list.entries()) {
      const phase = value.kind === 'list' && list.length === 3 ? `l${index + 1}` : undefined
      const context: Context = { attribute, phase, usage, offset, collected, result }
      const writes = writing.test(attribute)
      readSource(item, context, { writes, wanted: !writes, scale: 1 })
    }
  }
  return result
}

function keepOnce({ kept }: Collected, place: string, key: string, value: string): void {
  if (kept.every((entry) => entry.place !== place || entry.key !== key)) kept.push({ place, key, value })
}

interface Context {
  readonly attribute: string
  readonly phase: string | undefined
  readonly usage: string | undefined
  readonly offset: number
  readonly collected: Collected
  readonly result: Usage
}

interface Way {
  /** Below something that is written to the device. */
  readonly writes: boolean
  /** The value is the attribute itself, not only a part of it. */
  readonly wanted: boolean
  readonly scale: number
}

function readSource(tree: Tree, context: Context, way: Way): ForeignPoint | undefined {
  if (tree.kind === 'list') {
    for (const item of tree.items) readSource(item, context, { ...way, wanted: false })
    return undefined
  }
  if (tree.kind !== 'map') return undefined
  const source = textOf(get(tree, 'source'))
  const place = `${context.collected.file}:${tree.line + context.offset}`
  if (source === 'modbus' || source === 'sunspec') return readLeaf(tree, source, place, context, way)
  if (source === 'calc' && way.wanted && get(tree, 'add') && !get(tree, 'scale')) {
    const parts = items(get(tree, 'add')).map((item) => readSource(item, context, { ...way, wanted: false }))
    const names = evccNames(context.attribute, context.usage, context.phase)
    if (parts.length > 0 && parts.every((part) => part !== undefined) && names.wanted !== undefined)
      context.result.sums.push({
        place,
        original: `${context.attribute} ${context.phase ?? ''}`.trim(),
        ...names,
        sum: parts.map((of) => ({ of, factor: 1 })),
      })
    else skip(context, place, 'is a sum of values of which not all can be read')
    return undefined
  }
  const scale = multiply(way.scale, numberOf(get(tree, 'scale')) ?? 1)
  if (source !== undefined && source !== 'cached' && source !== 'convert')
    skip(
      context,
      place,
      way.writes
        ? `tells the device something (${source}); a command needs limits, which this file does not have`
        : `is computed (${source}); nothing of a file is evaluated`,
    )
  for (const [key, value] of entries(tree)) {
    if (value.kind === 'scalar') continue
    const transparent = source === 'cached' || source === 'convert' || (source === undefined && key === 'get')
    readSource(value, context, { writes: way.writes || key === 'set', wanted: way.wanted && transparent, scale })
  }
  return undefined
}

function skip({ collected, attribute }: Context, place: string, reason: string): undefined {
  if (collected.skipped.every((entry) => entry.place !== place))
    collected.skipped.push({ place, original: attribute, reason })
  return undefined
}

const functions: Readonly<Record<string, RegisterFunction>> = {
  holding: 'holding',
  input: 'input',
  coil: 'coil',
  coils: 'coil',
  discrete: 'discrete',
}
const known: ReadonlySet<string> = new Set([
  'source',
  'uri',
  'id',
  'register',
  'scale',
  'value',
  'device',
  'baudrate',
  'comset',
])

function readLeaf(tree: Tree, source: string, place: string, context: Context, way: Way): ForeignPoint | undefined {
  const { attribute, usage, phase, result } = context
  const names = way.wanted ? evccNames(attribute, usage, phase) : {}
  const factor = multiply(way.scale, numberOf(get(tree, 'scale')) ?? 1)
  const scaleText = textOf(get(tree, 'scale'))
  if (scaleText !== undefined && numberOf(get(tree, 'scale')) === undefined)
    return skip(context, place, `its scale "${scaleText}" is no number`)
  if (factor === 0) return skip(context, place, 'its scale is 0')
  const kept = entries(tree).flatMap(([key, value]) => (known.has(key) ? [] : [[key, brief(value)] as const]))
  const id = textOf(get(tree, 'id'))
  const common = {
    place,
    ...names,
    ...(id !== undefined && { unitId: id === unknownValue ? 'of the template' : (numberOf(get(tree, 'id')) ?? id) }),
    kept,
  }
  if (way.writes) {
    skip(context, place, 'is written to the device; a command needs limits, which this file does not have')
    return undefined
  }
  if (source === 'sunspec') {
    const found = sunspecPlaceOf(get(tree, 'value'))
    if (typeof found === 'string') return skip(context, place, found)
    const original = `${attribute} ${phase ?? ''} ${found.text}`
    // Scaled to the unit of the attribute there; here it is SI in any case.
    const unitFactor = names.unit === 'kWh' ? 1000 : 1
    const scale = multiply(factor, way.wanted ? unitFactor : 1)
    const point = { ...common, original, keys: { sunspec: found.place, ...(scale !== 1 && { scale }) } }
    result.points.push(point)
    return point
  }
  const register = get(tree, 'register')
  const address = numberOf(get(register, 'address'))
  const kind = textOf(get(register, 'type')) ?? 'holding'
  const decode = textOf(get(register, 'decode')) ?? textOf(get(register, 'encoding'))
  if (kind.startsWith('write'))
    return skip(context, place, 'is written to the device; a command needs limits, which this file does not have')
  const fn = functions[kind]
  if (fn === undefined) return skip(context, place, `"${kind}" is not a kind of register`)
  if (address === undefined)
    return skip(context, place, `its address "${textOf(get(register, 'address')) ?? ''}" is no number`)
  const type = fn === 'coil' || fn === 'discrete' ? { type: 'bool' } : typeOf(decode ?? '')
  if (typeof type === 'string') return skip(context, place, type)
  const remark = get(register, 'address')?.comment
  const point: ForeignPoint = {
    ...common,
    original: nameIn(remark) ?? `${usage ?? ''} ${attribute} ${phase ?? ''}`.trim(),
    originalAddress: textOf(get(register, 'address')) ?? '',
    keys: { address, function: fn, ...type, ...(factor !== 1 && type.type !== 'bool' && { scale: factor }) },
  }
  result.points.push(point)
  return point
}

/** Comments name a register first, then say its unit. */
const nameIn = (remark: string | undefined): string | undefined =>
  remark?.split(',', 1)[0]!.replaceAll('"', '').trim() || undefined

function sunspecPlaceOf(
  tree: Tree | undefined,
): { place: NonNullable<ForeignPoint['keys']['sunspec']>; text: string } | string {
  const texts = tree?.kind === 'list' ? tree.items.flatMap((item) => textOf(item) ?? []) : [textOf(tree) ?? '']
  const parsed = texts.map((text) => /^(\d+):(?:(\d+):)?([A-Za-z]\w*)$/.exec(text))
  const [first] = parsed
  if (!first) return `"${texts.join(', ')}" names no point of a SunSpec model`
  const alike = parsed
    .filter((match) => match && match[2] === first[2] && match[3] === first[3])
    .map((match) => Number(match![1]))
  const group = first[2] === undefined ? {} : { group: Number(first[2]) - 1 }
  const model = alike.length > 1 ? alike : alike[0]!
  return { place: { model, point: first[3]!, ...group }, text: texts.join(', ') }
}
