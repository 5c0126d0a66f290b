import { type RegisterScan, registerScan } from '#contract/workbench-scan.ts'
import { parseCommandLine, UsageError } from '../args.ts'
import { scanRegisters } from '../commissioning/scan/scan-registers.ts'
import { resolveMap } from '../pointmap/resolve.ts'
import type { LoadedMap } from '../pointmap/types.ts'
import { systemClock } from '../runtime/system-clock.ts'
import { createLibrary } from './library.ts'
import { openBus } from './open-bus.ts'
import { mapFlags, parseBus, parseReal, parseUnit, parseWhole, serviceUsage } from './options.ts'
import { endOfScan, printScan, readPrevious, scanFlags, showProgress } from './scan-report.ts'
import { table } from './table.ts'
import type { Command } from './terminal.ts'

const usage = `usage: r-emsctl scan registers --target ADDRESS --unit N [--fc 1|2|3|4] [--from A] [--to A] [--stride N]
                               [--rate N] [--map MAP] [--maps FOLDER] [--resume FILE] [--csv] [--json]

Finds out which registers a unit has, and what they read. Only reads.
  --target ADDRESS  tcp://HOST[:PORT], rtutcp://HOST:PORT or rtu:///dev/PATH?baud=9600&parity=N&stopbits=1
  --unit N          unit ID; 1 without it
  --fc F            1 coils, 2 discrete inputs, 3 holding registers (default), 4 input registers
  --from A, --to A  addresses, zero-based as on the wire; 0 to 59999 without them, as reading what lies behind has side
                    effects on some devices
  --stride N        distance of questions where nothing is: every island of so many registers is found. 32 without it;
                    1 asks for every address
  --rate N          most requests per second; 10 without it, and never more than half of the time of a serial line.
                    0 lifts both limits
  --map MAP         also asks for the registers of the map, and spares those that it says must not be scanned
  --maps FOLDER     own point maps, in front of those of the package
  --resume FILE     goes on where the scan ended whose --json is in the file
  --csv             rows for a spreadsheet
Ctrl-C ends it and shows what was found until then.
Exit code: 0 done, 1 the unit does not answer any more, 3 no registers were found.
${serviceUsage}`

const unlimited = { perS: Number.POSITIVE_INFINITY, duty: 1 }

export const scanRegistersCommand: Command = {
  summary: 'the registers that a unit has',
  usage,
  async run(args, terminal) {
    const { values } = parseCommandLine({
      args,
      options: {
        ...mapFlags,
        ...scanFlags,
        target: { type: 'string' },
        unit: { type: 'string' },
        fc: { type: 'string' },
        from: { type: 'string' },
        to: { type: 'string' },
        stride: { type: 'string' },
        rate: { type: 'string' },
        map: { type: 'string' },
      },
      strict: true,
    })
    if (values.target === undefined) throw new UsageError('--target is missing')
    const address = parseBus(values.target)
    const previous = await readPrevious(values.resume, registerScan)
    const unitId = values.unit === undefined ? (previous?.unitId ?? 1) : parseUnit(values.unit)
    const fn = functionOf(values.fc ?? String(previous?.fn ?? 3))
    const whole = (text: string | undefined, flag: string): number | undefined =>
      text === undefined ? undefined : parseWhole(text, flag, 0, 65_535)
    const from = whole(values.from, '--from')
    const to = whole(values.to, '--to')
    if ((from ?? 0) > (to ?? 65_535)) throw new UsageError('--from lies behind --to')
    const stride = values.stride === undefined ? undefined : parseWhole(values.stride, '--stride', 1, 1000)
    const perS = values.rate === undefined ? undefined : parseReal(values.rate, '--rate')
    if (perS !== undefined && perS < 0) throw new UsageError('--rate is not negative')
    const map = values.map === undefined ? undefined : createLibrary(values.maps).load(values.map)
    const quirks = map?.map.quirks
    const most = fn <= 2 ? quirks?.maxReadBits : quirks?.maxReadRegisters

    await using bus = await openBus(address, terminal)
    const result = await scanRegisters(
      {
        bus,
        unitId,
        fn,
        ...(from !== undefined && { from }),
        ...(to !== undefined && { to }),
        ...(stride !== undefined && { stride }),
        ...(perS !== undefined && { rate: perS === 0 ? unlimited : { perS } }),
        ...(quirks?.noScanRanges && { noScanRanges: quirks.noScanRanges }),
        ...(most !== undefined && { mostRegisters: most }),
        ...(map && { likelyAddresses: addressesOf(map, fn) }),
        ...(previous && { previous }),
      },
      { clock: systemClock, signal: terminal.signal, onProgress: showProgress(terminal) },
    )
    printScan(result, values, terminal, describe)
    return endOfScan(result, result.spans.filter(({ status }) => status === 'value').length, terminal)
  },
}

/** Where the map has points of this function, as far as they stand at fixed addresses. */
function addressesOf(map: LoadedMap, fn: 1 | 2 | 3 | 4): number[] {
  const wanted = (['coil', 'discrete', 'holding', 'input'] as const)[fn - 1]
  return resolveMap(map).points.flatMap((point) => (point.function === wanted ? point.addresses : []))
}

function functionOf(text: string): 1 | 2 | 3 | 4 {
  const fn = parseWhole(text, '--fc', 1, 4)
  return fn === 1 || fn === 2 || fn === 3 ? fn : 4
}

function describe({ spans, largestBlock, next, to }: RegisterScan): string {
  const rows = spans
    .filter(({ status }) => status !== 'illegal-address' && status !== 'silence')
    .map(({ address, count, status, words }) => [
      `${address}-${address + count - 1}`,
      String(count),
      status,
      words
        .slice(0, 6)
        .map((word) => word.toString(16).padStart(4, '0'))
        .join(' '),
    ])
  const block = largestBlock === null ? '' : `the largest block is ${largestBlock}\n`
  const left = next > to ? '' : `${to - next + 1} addresses were not looked at\n`
  return `${table([['address', 'count', 'status', 'first words'], ...rows], [1])}${block}${left}`
}
