import { writeFile } from 'node:fs/promises'
import { EdgeError } from '#contract/errors.ts'
import { type ReadFunction, type RegisterRange, type RegisterSnapshot } from '#contract/workbench-registers.ts'
import { parseCommandLine, UsageError } from '../args.ts'
import { scanRegisters } from '../commissioning/scan/scan-registers.ts'
import { snapshotTable } from '../commissioning/values/register-tables.ts'
import { snapshotText, takeSnapshot } from '../commissioning/values/snapshot.ts'
import { createUnitWatch } from '../commissioning/values/watch-unit.ts'
import type { ReadOnlyBus } from '../drivers/modbus/bus.ts'
import type { Quirks } from '#contract/point-map.ts'
import { systemClock } from '../runtime/system-clock.ts'
import { createLibrary } from './library.ts'
import { openBus } from './open-bus.ts'
import { mapFlags, parseBus, parseReal, parseUnit, parseWhole, serviceUsage } from './options.ts'
import { showProgress } from './scan-report.ts'
import { plural } from './table.ts'
import { type Command, CommandFailure, exitCode, type Terminal } from './terminal.ts'

const usage = `usage: r-emsctl snapshot --target ADDRESS [--unit N] [--fc 1|2|3|4] [--range A..B ...] [--readings N] [--every MS]
                          [--rate N] [--map MAP] [--maps FOLDER] [--out FILE] [--csv] [--json]

Keeps what the registers of a unit read, to be compared by r-emsctl diff. Only reads.
  --target ADDRESS  tcp://HOST[:PORT], rtutcp://HOST:PORT or rtu:///dev/PATH?baud=9600&parity=N&stopbits=1
  --unit N          unit ID; 1 without it
  --fc F            1 coils, 2 discrete inputs, 3 holding registers (default), 4 input registers
  --range A..B      addresses, zero-based as on the wire, decimal or 0x; more than once for several. Without it, the registers
                    are searched first, which takes minutes
  --readings N      reads everything so many times, and marks what moved meanwhile as noise. 1 without it
  --every MS        from one reading to the next at least; 1000 without it
  --rate N          most requests per second; 10 without it, and never more than half of the time of a serial line.
                    0 lifts both limits
  --map MAP         spares what the map says must not be scanned
  --maps FOLDER     own point maps, in front of those of the package
  --out FILE        writes the snapshot there
  --csv             rows for a spreadsheet
Exit code: 0 done, 3 nothing could be read.
${serviceUsage}`

const unlimited = { perS: Number.POSITIVE_INFINITY, duty: 1 }

interface Wanted {
  readonly unitId: number
  readonly fn: ReadFunction
  readonly ranges: readonly RegisterRange[]
  readonly readings: number
  readonly everyMs: number
  readonly quirks: Quirks
  readonly rate: { readonly perS?: number; readonly duty?: number }
}

export const snapshot: Command = {
  summary: 'what the registers of a unit read now, as a file',
  usage,
  async run(args, terminal) {
    const { values } = parseCommandLine({
      args,
      options: {
        ...mapFlags,
        target: { type: 'string' },
        unit: { type: 'string' },
        fc: { type: 'string' },
        range: { type: 'string', multiple: true },
        readings: { type: 'string' },
        every: { type: 'string' },
        rate: { type: 'string' },
        map: { type: 'string' },
        out: { type: 'string' },
        csv: { type: 'boolean' },
        json: { type: 'boolean' },
      },
      strict: true,
    })
    if (values.target === undefined) throw new UsageError('--target is missing')
    const address = parseBus(values.target)
    const fn = functionOf(values.fc ?? '3')
    const perS = values.rate === undefined ? undefined : parseReal(values.rate, '--rate')
    if (perS !== undefined && perS < 0) throw new UsageError('--rate is not negative')
    const wanted: Wanted = {
      unitId: values.unit === undefined ? 1 : parseUnit(values.unit),
      fn,
      ranges: (values.range ?? []).map((text) => parseRange(text, fn)),
      readings: parseWhole(values.readings ?? '1', '--readings', 1, 10_000),
      everyMs: parseWhole(values.every ?? '1000', '--every', 0, 3_600_000),
      quirks: values.map === undefined ? {} : (createLibrary(values.maps).load(values.map).map.quirks ?? {}),
      rate: perS === undefined ? {} : perS === 0 ? unlimited : { perS },
    }
    await using bus = await openBus(address, terminal)
    const taken = await take(bus, wanted, terminal)
    terminal.signal.throwIfAborted()
    if (values.out !== undefined) await write(values.out, snapshotText(taken))
    terminal.out(values.json ? snapshotText(taken) : values.csv ? snapshotTable(taken) : describe(taken, values.out))
    return exitCode.done
  },
}

async function take(bus: ReadOnlyBus, wanted: Wanted, terminal: Terminal): Promise<RegisterSnapshot> {
  const { unitId, readings, everyMs, quirks, rate } = wanted
  const { signal } = terminal
  const ranges = wanted.ranges.length > 0 ? wanted.ranges : await search(bus, wanted, terminal)
  const unit = createUnitWatch({
    bus,
    unitId,
    ranges,
    limits: { bits: quirks.maxReadBits, registers: quirks.maxReadRegisters, noScanRanges: quirks.noScanRanges },
    rate,
    everyMs,
    clock: systemClock,
    signal,
  })
  const startMs = systemClock.monotonicMs()
  await unit.run(readings)
  signal.throwIfAborted()
  const taken = takeSnapshot(unit.values(), {
    bus: bus.name,
    unitId,
    name: '',
    takenBy: 'r-emsctl',
    takenAtMs: systemClock.nowMs(),
    nowMs: systemClock.monotonicMs(),
    baselineMs: systemClock.monotonicMs() - startMs,
    refused: unit.refused(),
  })
  if (taken.tables.length > 0 && unit.rounds >= readings) return taken
  const why = unit.problem ?? 'the unit refuses all of these registers'
  throw new CommandFailure(exitCode.noAnswer, `unit ${unitId} on ${bus.name}: ${why}`)
}

/** The registers that the unit has. */
async function search(bus: ReadOnlyBus, { unitId, fn, quirks, rate }: Wanted, terminal: Terminal) {
  const most = fn <= 2 ? quirks.maxReadBits : quirks.maxReadRegisters
  const { spans, reason, state } = await scanRegisters(
    {
      bus,
      unitId,
      fn,
      rate,
      ...(quirks.noScanRanges && { noScanRanges: quirks.noScanRanges }),
      ...(most !== undefined && { mostRegisters: most }),
    },
    { clock: systemClock, signal: terminal.signal, onProgress: showProgress(terminal) },
  )
  if (terminal.interactive) terminal.err('\r\u001b[K')
  terminal.signal.throwIfAborted()
  const found = spans.filter(({ status }) => status === 'value' || status === 'sentinel')
  if (found.length > 0 && state === 'complete') return found.map(({ address, count }) => ({ fn, address, count }))
  throw new CommandFailure(exitCode.noAnswer, reason ?? `unit ${unitId} on ${bus.name} has no such registers`)
}

export function functionOf(text: string): ReadFunction {
  const fn = parseWhole(text, '--fc', 1, 4)
  return fn === 1 || fn === 2 || fn === 3 ? fn : 4
}

export function parseRange(text: string, fn: ReadFunction): RegisterRange {
  const [first, last = first, more] = text.split('..')
  const from = parseWhole(first, '--range', 0, 65_535)
  const to = parseWhole(last, '--range', 0, 65_535)
  if (more !== undefined || to < from) throw new UsageError(`--range: "${text}" is not A..B with A before B`)
  return { fn, address: from, count: to - from + 1 }
}

async function write(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new EdgeError('workbench.folder', `the snapshot was not written: ${why}`, { cause: error })
  }
}

function describe({ tables, refused, baseline: { readings, overMs } }: RegisterSnapshot, file?: string): string {
  const registers = tables.reduce((sum, { words }) => sum + Object.keys(words).length, 0)
  const moved = tables.reduce((sum, table) => sum + table.moved.length, 0)
  const noise = readings > 1 ? `${moved} moved in ${readings} readings over ${(overMs / 1000).toFixed(1)} s\n` : ''
  const lost = refused.length > 0 ? `${plural(refused.length, 'register')} refused\n` : ''
  return `${plural(registers, 'register')} read${file === undefined ? '' : `, kept in ${file}`}\n${noise}${lost}`
}
