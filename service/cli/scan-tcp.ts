import { type NetworkScan, networkScan } from '#contract/workbench-scan.ts'
import { parseCommandLine, UsageError } from '../args.ts'
import { type AddressRange, ownRanges, parseRange } from '../commissioning/scan/address-range.ts'
import { listenForServices } from '../commissioning/scan/announced.ts'
import { networkWarning, otherModbusPorts, scanNetwork } from '../commissioning/scan/scan-network.ts'
import { parseBusAddress } from '../drivers/modbus/address.ts'
import { systemClock } from '../runtime/system-clock.ts'
import { busesHeld } from './holder.ts'
import { createLibrary } from './library.ts'
import { mapFlags, parseWhole } from './options.ts'
import { describeUnits, endOfScan, printScan, readPrevious, scanFlags, scanUsage, showProgress } from './scan-report.ts'
import { table } from './table.ts'
import { type Command, CommandFailure, exitCode } from './terminal.ts'

const usage = `usage: r-emsctl scan tcp [--range CIDR]... [--ports N,N] [--all-units] [--foreign] [--maps FOLDER]
                         [--no-identify] [--resume FILE] [--csv] [--json]

Looks for Modbus devices at every address of a network, what they are, and what announces itself there. Only reads.
${networkWarning}
  --range CIDR      such as 192.168.1.0/24, or one address; without it, the networks of this machine
  --ports N,N       502 without it; devices are also known to use ${otherModbusPorts.join(', ')}
  --all-units       asks all unit IDs behind each device, not only the usual ones
  --foreign         also takes a range that is on no network of this machine
${scanUsage}`

export const scanTcp: Command = {
  summary: 'the Modbus devices of a network',
  usage,
  async run(args, terminal) {
    const { values } = parseCommandLine({
      args,
      options: {
        ...mapFlags,
        ...scanFlags,
        range: { type: 'string', multiple: true },
        ports: { type: 'string' },
        'all-units': { type: 'boolean' },
        foreign: { type: 'boolean' },
        'no-identify': { type: 'boolean' },
      },
      strict: true,
    })
    const previous = await readPrevious(values.resume, networkScan)
    const texts = values.range ?? previous?.ranges
    const ranges: readonly AddressRange[] =
      texts?.map((text) => parseRange(text, { foreign: values.foreign ?? false })) ?? ownRanges()
    if (ranges.length === 0)
      throw new CommandFailure(exitCode.refused, 'this machine is on no network; name one with --range')
    const library = createLibrary(values.maps)
    const held = (await busesHeld(terminal.environment)).flatMap((bus) => {
      const address = parseBusAddress(bus)
      return address.kind === 'rtu' ? [] : [`${address.host}:${address.port}`]
    })
    if (terminal.interactive) terminal.err(`${networkWarning}\n`)
    await using announcements = listenForServices(ranges)
    const result = await scanNetwork(
      {
        ranges,
        ports: values.ports === undefined ? (previous?.ports ?? [502]) : parsePorts(values.ports),
        held: new Set(held),
        units: values['all-units'] ? 'all' : 'usual',
        announcements,
        ...(!values['no-identify'] && {
          library: { maps: library.all().maps, sunspecModels: library.sunspecModels() },
        }),
        ...(previous && { previous }),
      },
      { clock: systemClock, signal: terminal.signal, onProgress: showProgress(terminal) },
    )
    printScan(result, values, terminal, describe)
    return endOfScan(result, result.endpoints.length, terminal)
  },
}

function parsePorts(text: string): number[] {
  const ports = text.split(',').map((port) => parseWhole(port.trim(), '--ports', 1, 65_535))
  if (ports.length > 16) throw new UsageError('--ports: at most 16')
  return [...new Set(ports)]
}

function describe({ endpoints, units, announced, asked, total }: NetworkScan): string {
  const others = endpoints.filter(({ bus }) => !units.some((unit) => unit.bus === bus))
  const rows = [
    ...others.map(({ bus, status, text }) => [bus, status, text]),
    ...announced.map(({ host, port, name, service }) => [
      `${host}:${port}`,
      'announced',
      `announces itself as "${name}" (${service})`,
    ]),
  ]
  const rest = rows.length > 0 ? `\n${table(rows)}` : ''
  return `${describeUnits(units)}${rest}${asked} of ${total} addresses asked\n`
}
