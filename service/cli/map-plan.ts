import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parseCommandLine, UsageError } from '../args.ts'
import { planMap } from '../pointmap/read-plan.ts'
import type { SunspecModels } from '../pointmap/sunspec/models.ts'
import type { LoadedMap } from '../pointmap/types.ts'
import { createLibrary } from './library.ts'
import { mapFlags, parseReal, parseWhole } from './options.ts'
import { plural, table } from './table.ts'
import { exitCode, type Terminal } from './terminal.ts'

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

  const { reads, groups, assumed: layout } = planMap(map, { line, models: () => models })
  const totals = groups.map(({ ms = 0, idealMs = 0, ...group }) => ({
    ...group,
    ms,
    idealMs,
    ratio: Math.round((idealMs / ms) * 100) / 100,
  }))
  const blocks = reads.map(({ used: _used, points, ms = 0, ...read }) => ({
    ...read,
    points: points.map((point) => point.name),
    ms,
  }))
  const assumed = layout?.models.map(({ model }) => model) ?? null
  if (values.json) out(`${JSON.stringify({ map: map.id, ...line, assumedModels: assumed, blocks, groups: totals })}\n`)
  else {
    const head = `${map.id} at ${baud} baud ${format}, turnaround ${turnaroundMs} ms\n`
    const note = assumed ? `assumed SunSpec models, in this order: ${assumed.join(', ')}\n` : ''
    const rows = blocks.map((block) => [
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

function summary(names: readonly string[]): string {
  const shown = names.slice(0, 4).join(' ')
  return names.length > 4 ? `${shown} and ${names.length - 4} more` : shown
}
