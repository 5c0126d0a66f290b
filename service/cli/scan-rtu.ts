import { EdgeError } from '#contract/errors.ts'
import { type UnitScan, unitScan } from '#contract/workbench-scan.ts'
import { parseCommandLine, UsageError } from '../args.ts'
import { adapterAt } from '../commissioning/ports.ts'
import { scanLine } from '../commissioning/scan/scan-line.ts'
import { settingsText } from '../commissioning/scan/likely.ts'
import { formatBusAddress } from '../drivers/modbus/address.ts'
import { systemClock } from '../runtime/system-clock.ts'
import { findHolder, type Holder } from './holder.ts'
import { createLibrary } from './library.ts'
import { mapFlags, parseReal } from './options.ts'
import { describeUnits, endOfScan, printScan, readPrevious, scanFlags, scanUsage, showProgress } from './scan-report.ts'
import { runRemoteJob } from './remote-job.ts'
import { detectByListening, parseSettings } from './sniff.ts'
import { type Command, CommandFailure, exitCode, type Terminal } from './terminal.ts'

const usage = `usage: r-emsctl scan rtu --port PATH [--baud auto|N] [--parity N|E|O] [--stopbits 1|2] [--thorough]
                         [--listen S] [--maps FOLDER] [--no-identify] [--resume FILE] [--csv] [--json]

Finds the units of a serial line, and what they are. It listens first, only reads, and stops at once when anybody else
is heard.
  --port PATH       serial port, also by its name under /dev/serial/by-id
  --baud auto|N     9600 without it; auto finds the settings: by listening where somebody speaks,
                    else by asking
  --parity N|E|O    with a baud rate; default N
  --stopbits 1|2    with a baud rate; default 1
  --thorough        also finds devices that take up to a second to answer; three minutes
  --listen S        seconds of listening before the first question; default 2
${scanUsage}`

export const scanRtu: Command = {
  summary: 'the units of a serial line',
  usage,
  async run(args, terminal) {
    const { values } = parseCommandLine({
      args,
      options: {
        ...mapFlags,
        ...scanFlags,
        port: { type: 'string' },
        baud: { type: 'string' },
        parity: { type: 'string' },
        stopbits: { type: 'string' },
        thorough: { type: 'boolean' },
        listen: { type: 'string' },
        'no-identify': { type: 'boolean' },
      },
      strict: true,
    })
    const path = values.port
    if (path === undefined) throw new UsageError('--port is missing')
    const listenS = values.listen === undefined ? 2 : parseReal(values.listen, '--listen')
    if (!(listenS >= 0.1 && listenS <= 600)) throw new UsageError('--listen: 0.1 to 600 seconds')
    const address = parseSettings(path, { ...values, baud: values.baud ?? '9600' })
    const previous = await readPrevious(values.resume, unitScan)
    const holder = await findHolder(address ?? { ...parseSettings(path, { baud: '9600' })! }, terminal.environment)
    if (holder) {
      const found = await scanThrough(holder, values, terminal)
      printScan(found, values, terminal, describe)
      return endOfScan(found, found.units.length, terminal)
    }
    const library = createLibrary(values.maps)
    const { maps } = library.all()
    const adapter = await adapterAt(path)
    const scanned = await scanLine(
      {
        path,
        ...(address && { settings: { baud: address.baud, parity: address.parity, stopBits: address.stopBits } }),
        thorough: values.thorough ?? false,
        listenMs: 1000 * listenS,
        ...(adapter && adapter.latencyMs !== null && { adapterMs: adapter.latencyMs }),
        ...(!values['no-identify'] && { library: { maps, sunspecModels: library.sunspecModels() } }),
        ...(previous && { previous }),
      },
      { clock: systemClock, signal: terminal.signal, onProgress: showProgress(terminal) },
    )
    const result = await withForeignSettings(scanned, path, terminal)
    printScan(result, values, terminal, describe)
    return endOfScan(result, result.units.length, terminal)
  },
}

/** Where somebody speaks on a line whose settings are not known, they are heard: nothing has to be asked for them. */
async function withForeignSettings(scan: UnitScan, path: string, terminal: Terminal): Promise<UnitScan> {
  if (scan.state !== 'foreign-traffic' || scan.settings !== null) return scan
  const detected = await detectByListening(path, terminal).catch((error: unknown) => {
    if (error instanceof EdgeError) return { found: 'failed', summary: error.message } as const
    throw error
  })
  if (detected.found !== 'settings') return { ...scan, notes: [...scan.notes, `listening: ${detected.summary}`] }
  const { settings, evidence } = detected
  const { baud, parity, stopBits } = settings
  const sniff = `r-emsctl sniff --port ${path} --baud ${baud} --parity ${parity[0]!.toUpperCase()} --stopbits ${stopBits}`
  return {
    ...scan,
    settings,
    bus: formatBusAddress({ kind: 'rtu', path, ...settings }),
    reason: `somebody else uses this line at ${settingsText(settings)}, so that an active scan is refused; listen with ${sniff}`,
    notes: [...scan.notes, evidence],
  }
}

/** The service that polls the line asks in the gaps that its control leaves, or says why it does not. */
async function scanThrough(
  holder: Holder,
  { resume, thorough = false }: { readonly resume?: string | undefined; readonly thorough?: boolean | undefined },
  terminal: Terminal,
): Promise<UnitScan> {
  if (resume !== undefined)
    throw new CommandFailure(
      exitCode.refused,
      `the service at ${holder.url} holds this port and keeps its own scans: resume it in its workbench`,
    )
  const done = await runRemoteJob(
    holder,
    { kind: 'units', bus: holder.bus, thorough },
    { signal: terminal.signal, onProgress: showProgress(terminal) },
  )
  if (done.result?.kind === 'units') return done.result
  throw new CommandFailure(exitCode.refused, done.problem?.message ?? `the scan has ${done.state} in the service`)
}

function describe(result: UnitScan): string {
  const { heard, notExcluded, timeoutMs, thorough } = result
  const open =
    notExcluded.length === 0
      ? ''
      : `not excluded, as a device that takes longer than ${timeoutMs} ms could be there: ${rangesOf(notExcluded)}\n${thorough ? '' : 'look again with --thorough\n'}`
  return `${describeUnits(result.units)}${heard.text}\n${open}`
}

/** 1-3, 7, 9-12. */
function rangesOf(unitIds: readonly number[]): string {
  const ranges: [number, number][] = []
  for (const unitId of unitIds) {
    const last = ranges.at(-1)
    if (last && last[1] === unitId - 1) last[1] = unitId
    else ranges.push([unitId, unitId])
  }
  return ranges.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join(', ')
}
