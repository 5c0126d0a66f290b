import { parseCommandLine, UsageError } from '../args.ts'
import { nearest } from '../domain/nearest.ts'
import type { Device } from '../drivers/driver.ts'
import type { ReadOnlyBus } from '../drivers/modbus/bus.ts'
import type { LoadedMap } from '../pointmap/types.ts'
import { partOfMap } from '../runtime/bind-map.ts'
import { systemClock } from '../runtime/system-clock.ts'
import { identifyOn } from './identify.ts'
import { createLibrary, type Library } from './library.ts'
import { openBus } from './open-bus.ts'
import { busFlags, busUsage, mapFlags, parseBus, parseUnitOrAuto, serviceUsage } from './options.ts'
import { deviceOn, firstPoll, type ShownPoint, shownPoints, watchMs } from './reading.ts'
import { shownNumber, table } from './table.ts'
import { type Command, CommandFailure, exitCode, type Terminal } from './terminal.ts'

const usage = `usage: r-emsctl read --bus ADDRESS --unit N|auto [--map ID] [--point NAME...] [--watch] [--maps FOLDER] [--json]

Reads a device through its point map.
${busUsage}  --unit N|auto     auto tries the usual unit IDs
  --map ID          such as eastron/sdm630; without it the device is identified first
  --point NAME...   only these points
  --watch           again every second until Ctrl-C; with --json one line each time
  --maps FOLDER     own point maps, in front of those of the package
Exit code: 0 done, 1 not identified, 3 no answer, 4 the device refused every point.
${serviceUsage}`

/** A candidate below is no more than a guess. */
const enoughConfidence = 0.3

export const read: Command = {
  summary: 'the values of a device, through its point map',
  usage,
  async run(args, terminal) {
    const { values, positionals } = parseCommandLine({
      args,
      // --point A B C names three.
      allowPositionals: args.includes('--point'),
      options: {
        ...busFlags,
        ...mapFlags,
        map: { type: 'string' },
        point: { type: 'string', multiple: true },
        watch: { type: 'boolean' },
      },
      strict: true,
    })
    const wantedPoints = values.point && [...values.point, ...positionals]
    const address = parseBus(values.bus)
    const wantedUnit = parseUnitOrAuto(values.unit)
    const library = createLibrary(values.maps)
    const named = values.map === undefined ? undefined : library.load(values.map)
    await using bus = await openBus(address, terminal)
    const { unitId, map } =
      named && wantedUnit !== 'auto'
        ? { unitId: wantedUnit, map: named }
        : await chooseMap(bus, wantedUnit, named, library, terminal)
    // What commands need besides is not read.
    const part = partOfMap(map, wantedPoints ? known(wantedPoints, map) : allPoints(map))
    await using device = deviceOn(bus, unitId, part, library.sunspecModels())
    await firstPoll(device, terminal.signal)
    terminal.signal.throwIfAborted()
    const points = shownPoints(device)
    const failure = failureOf(device, points, bus)
    if (failure) throw failure
    const report = { unitId, map: map.id }
    const print = (latest: Record<string, ShownPoint>): void =>
      terminal.out(
        values.json ? `${JSON.stringify({ ...report, points: latest })}\n` : describe(report, latest, device),
      )
    if (!values.watch) {
      print(points)
      return exitCode.done
    }
    await watch(device, terminal, print, values.json === true)
    return exitCode.done
  },
}

async function chooseMap(
  bus: ReadOnlyBus,
  unit: number | 'auto',
  named: LoadedMap | undefined,
  library: Library,
  terminal: Terminal,
): Promise<{ unitId: number; map: LoadedMap }> {
  const { candidates, notes, unitIds } = await identifyOn(bus, unit, library, terminal)
  terminal.signal.throwIfAborted()
  if (unitIds.length === 0) throw new CommandFailure(exitCode.noAnswer, notes.join('; '))
  if (named) {
    const best = candidates.find(({ map }) => map === named.id) ?? candidates[0]
    return { unitId: best?.unitId ?? unitIds[0]!, map: named }
  }
  const found = candidates[0]
  if (found?.map === undefined || found.confidence < enoughConfidence) {
    const says = [found?.vendor, found?.model].filter(Boolean).join(' ')
    const guess = says === '' ? 'it is not clear what this device is' : `no point map fits this device (${says})`
    throw new CommandFailure(exitCode.failed, `${guess}; name its map with --map`)
  }
  const { unitId, map, confidence, evidence } = found
  terminal.err(`unit ${unitId} is ${map} with ${Math.round(confidence * 100)} % confidence: ${evidence[0] ?? ''}\n`)
  return { unitId, map: library.load(map) }
}

const allPoints = ({ map }: LoadedMap): string[] => [...Object.keys(map.points), ...Object.keys(map.derived)]

function known(names: readonly string[], map: LoadedMap): readonly string[] {
  const all = allPoints(map)
  for (const name of names) {
    if (all.includes(name)) continue
    const hint = nearest(name, all)
    throw new UsageError(`--point: the map ${map.id} has no point "${name}"${hint ? `; did you mean "${hint}"?` : ''}`)
  }
  return names
}

/** Why there is nothing to show, or undefined. */
function failureOf(
  device: Device,
  points: Readonly<Record<string, ShownPoint>>,
  bus: ReadOnlyBus,
): CommandFailure | undefined {
  const all = Object.values(points)
  if (all.some(({ raw, value }) => raw.length > 0 || value !== null)) return undefined
  const { state, reason = '' } = device.link()
  if (state === 'silent' || state === 'connecting')
    return new CommandFailure(exitCode.noAnswer, `no answer on ${bus.name}: ${reason}`)
  const why = all.find((point) => point.reason !== null)?.reason ?? reason
  return new CommandFailure(exitCode.deviceException, `the device gave no point: ${why}`)
}

async function watch(
  device: Device,
  { signal, screen, out }: Terminal,
  print: (points: Record<string, ShownPoint>) => void,
  json: boolean,
): Promise<void> {
  while (!signal.aborted) {
    if (screen && !json) out('\x1b[H\x1b[2J')
    print(shownPoints(device))
    await systemClock.sleep(watchMs, signal).catch(() => undefined)
    if (!signal.aborted) await device.poll()
  }
}

function describe(
  { unitId, map }: { unitId: number; map: string },
  points: Readonly<Record<string, ShownPoint>>,
  device: Device,
): string {
  const { state, reason, latencyMs } = device.link()
  const speed = latencyMs === undefined ? '' : `, answers in ${latencyMs.toFixed(1)} ms`
  const link = reason === undefined ? state : `${state}: ${reason}`
  const rows = Object.entries(points).map(([name, { value, unit, quality, reason: why, address, fc, raw }]) => [
    name,
    value === null ? '-' : shownNumber(value),
    value === null ? '' : unit,
    fc === null ? '' : `${fc}/${address}`,
    raw.map((word) => word.toString(16).padStart(4, '0')).join(' '),
    quality === 'good' ? '' : `${quality}: ${why ?? ''}`,
  ])
  return `unit ${unitId}  ${map}  ${link}${speed}\n${table([['point', 'value', 'unit', 'fc/addr', 'raw', ''], ...rows], [1])}`
}
