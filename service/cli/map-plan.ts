import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parseCommandLine, UsageError } from '../args.ts'
import { planReads, readTimeMs, serialCosts } from '../pointmap/plan.ts'
import { resolveMap } from '../pointmap/resolve.ts'
import type { SunspecModels } from '../pointmap/sunspec/models.ts'
import type { LoadedMap, ReadBlock, ResolvedPoint, SunspecLayout, SunspecModelAt } from '../pointmap/types.ts'
import { createLibrary } from './library.ts'
import { mapFlags, parseReal, parseWhole } from './options.ts'
import { plural, table } from './table.ts'
import { exitCode, type Terminal } from './terminal.ts'

type Group = ResolvedPoint['pollGroup']
const groups: readonly Group[] = ['fast', 'normal', 'slow', 'once']
/** Registers, and bits, in the largest request. */
const mostRegisters = 125
const mostBits = 2000

interface PlannedBlock {
  readonly group: Group
  readonly function: ReadBlock['function']
  readonly address: number
  readonly count: number
  readonly points: readonly string[]
  readonly ms: number
}

/** Prints in which requests a map is read, and how long they take on a serial line against the ideal. */
export function plan(args: string[], { out }: Terminal): number {
  const { values, positionals } = parseCommandLine({
    args,
    options: {
      ...mapFlags,
      json: { type: 'boolean' },
      baud: { type: 'string' },
      format: { type: 'string' },
      turnaround: { type: 'string' },
    },
    strict: true,
    allowPositionals: true,
  })
  const [name, ...more] = positionals
  if (name === undefined || more.length > 0) throw new UsageError('name one map, such as eastron/sdm630')
  const { map, models } = find(name, values.maps)
  const rtu = map.map.connection?.rtu
  const baud = values.baud === undefined ? (rtu?.baud ?? 9600) : parseWhole(values.baud, '--baud', 300, 1_000_000)
  const format = (values.format ?? rtu?.format ?? '8N1').toUpperCase()
  if (!/^[78][NEO][12]$/.test(format)) throw new UsageError(`--format: "${format}" is not of the form 8N1`)
  const turnaroundMs = values.turnaround === undefined ? 10 : parseReal(values.turnaround, '--turnaround')
  if (turnaroundMs < 0) throw new UsageError('--turnaround: not before the request')
  const line = { baud, format, turnaroundMs }

  const layout = assumedLayout(map, models)
  const { points, quirks } = resolveMap(map, layout, models)
  const planned = groups.flatMap((group) => {
    const wanted = points.filter(({ pollGroup }) => pollGroup === group)
    const blocks = planReads(wanted, quirks, { costs: serialCosts(line) })
    return blocks.map((block): PlannedBlock => {
      const { function: fn, address, count } = block
      const ms = round(readTimeMs(block, line) + (quirks.requestGapMs ?? 0))
      return { group, function: fn, address, count, points: block.points.map((point) => point.name), ms }
    })
  })
  const totals = groups.flatMap((group) => {
    const blocks = planned.filter((block) => block.group === group)
    if (blocks.length === 0) return []
    const ms = round(blocks.reduce((sum, block) => sum + block.ms, 0))
    const ideal = idealOf(
      points.filter(({ pollGroup }) => pollGroup === group),
      line,
    )
    return [{ group, requests: blocks.length, ms, ...ideal, ratio: round(ideal.idealMs / ms) }]
  })
  const assumed = layout?.models.map(({ model }) => model) ?? null
  if (values.json)
    out(`${JSON.stringify({ map: map.id, ...line, assumedModels: assumed, blocks: planned, groups: totals })}\n`)
  else {
    const head = `${map.id} at ${baud} baud ${format}, turnaround ${turnaroundMs} ms\n`
    const note = assumed ? `assumed SunSpec models, in this order: ${assumed.join(', ')}\n` : ''
    const rows = planned.map((block) => [
      block.group,
      block.function,
      String(block.address),
      String(block.count),
      block.ms.toFixed(1),
      summary(block.points),
    ])
    const sums = totals.map(({ group, requests, ms, idealRequests, idealMs, ratio }) => [
      group,
      plural(requests, 'request'),
      `${ms.toFixed(1)} ms`,
      `ideal ${idealRequests} in ${idealMs.toFixed(1)} ms`,
      `${Math.round(ratio * 100)} %`,
    ])
    const titles = ['group', 'function', 'address', 'count', 'ms', 'points']
    out(`${head}${note}${table([titles, ...rows], [2, 3, 4])}\n${table(sums, [2])}`)
  }
  return exitCode.done
}

function find(name: string, own: readonly string[] | undefined): { map: LoadedMap; models: SunspecModels } {
  if (!name.endsWith('.yaml')) {
    const library = createLibrary(own)
    return { map: library.load(name), models: library.sunspecModels() }
  }
  const file = resolve(name)
  if (!existsSync(file)) throw new UsageError(`${name} does not exist`)
  const folder = dirname(dirname(file))
  const library = createLibrary([folder, ...(own ?? [])])
  const id = file.slice(folder.length + 1, -'.yaml'.length).replaceAll('\\', '/')
  return { map: library.load(id), models: library.sunspecModels() }
}

/** Where a device would have the models that a map names: one after the other from 40000 on. */
function assumedLayout({ map }: LoadedMap, models: SunspecModels): SunspecLayout | undefined {
  const places = Object.values(map.points).flatMap(({ sunspec }) => sunspec ?? [])
  if (places.length === 0) return undefined
  const repetitions = new Map<number, number>()
  const instances = new Map<number, number>()
  for (const { model, group, instance } of places) {
    const number = typeof model === 'number' ? model : model[0]!
    repetitions.set(number, Math.max(repetitions.get(number) ?? 0, group === undefined ? 0 : group + 1))
    instances.set(number, Math.max(instances.get(number) ?? 0, (instance ?? 0) + 1))
  }
  instances.set(1, 1)
  const found: SunspecModelAt[] = []
  let address = 40_002
  for (const [number, times] of [...instances].toSorted(([a], [b]) => a - b)) {
    const definition = models.get(number)
    if (!definition) continue
    for (let index = 0; index < times; index++) {
      const length = definition.length + (repetitions.get(number) ?? 0) * (definition.repeating?.length ?? 0)
      found.push({ model: number, address: address + 2, length })
      address += 2 + length
    }
  }
  return { base: 40_000, models: found, warnings: [] }
}

/** The registers of the points without a gap between them, in the largest requests. */
function idealOf(
  points: readonly ResolvedPoint[],
  line: Parameters<typeof readTimeMs>[1],
): { readonly idealRequests: number; readonly idealMs: number } {
  let idealRequests = 0
  let idealMs = 0
  for (const [fn, group] of Map.groupBy(points, (point) => point.function)) {
    const needed = group.flatMap(({ addresses, scaleFactorAddress }) => [
      ...addresses,
      ...(scaleFactorAddress === undefined ? [] : [scaleFactorAddress]),
    ])
    const most = fn === 'coil' || fn === 'discrete' ? mostBits : mostRegisters
    for (let left = new Set(needed).size; left > 0; left -= most) {
      idealRequests++
      idealMs += readTimeMs({ function: fn, count: Math.min(most, left) }, line)
    }
  }
  return { idealRequests, idealMs: round(idealMs) }
}

const round = (value: number): number => Math.round(value * 100) / 100

function summary(names: readonly string[]): string {
  const shown = names.slice(0, 4).join(' ')
  return names.length > 4 ? `${shown} and ${names.length - 4} more` : shown
}
