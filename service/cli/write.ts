import { userInfo } from 'node:os'
import type { BusWrite } from '#contract/bus.ts'
import { commandName, type MapCommand } from '#contract/point-map.ts'
import { parseCommandLine, UsageError } from '../args.ts'
import { nearest } from '../domain/nearest.ts'
import { typeSpec } from '../pointmap/point-types.ts'
import type { LoadedMap } from '../pointmap/types.ts'
import type { ManualOutcome } from '../runtime/guard.ts'
import { createLibrary, type Library } from './library.ts'
import {
  busFlags,
  busUsage,
  formatFlags,
  mapFlags,
  parseBus,
  parseFormat,
  parseReal,
  parseUnit,
  parseWhole,
  serviceUsage,
} from './options.ts'
import { clean, table } from './table.ts'
import { type Command, CommandFailure, exitCode, type Terminal } from './terminal.ts'
import { type LookBack, lookAtCommand, lookAtRegisters } from './write-look.ts'
import { openWriter } from './writer.ts'

const usage = `usage: r-emsctl write --bus ADDRESS --unit N --map ID --command NAME --value V [--yes] [--maps FOLDER] [--json]
       r-emsctl write --bus ADDRESS --unit N --register A --fc 6|16 --value V --min X --max Y --armed
                      [--type T] [--order O] [--scale S] [--map ID] [--yes] [--json]

Writes a command of a point map within its limits, or in Armed one register within limits that you give.
Shows what is there before and after; every attempt is in the journal before it goes out.
${busUsage}  --unit N          unit ID, 0 to 255
  --map ID          such as r-ems/demo-battery
  --command NAME    such as setPowerW; see r-emsctl map show ID
  --value V         in the unit of the command, or of the register after --scale
  --register A      holding register, zero-based; decimal or 0x
  --fc F            6 writes one register, 16 several
  --type T, --order O, --scale S   as in r-emsctl registers; default uint16
  --min X --max Y   nothing outside is written
  --armed           you answer for what this register does
  --yes             do not ask
Exit code: 0 done, 1 the device shows another value, 3 no answer, 4 device exception, 5 refused.
The journal is in R_EMS_DATA_DIR (default ~/.local/state/r-ems).
${serviceUsage}`

interface Wanted {
  readonly write: BusWrite['write']
  /** For a person, such as "setPowerW 500 W". */
  readonly text: string
  readonly unit: string
  readonly look: LookBack
}

export const write: Command = {
  summary: 'one command or register, through the guard and into the journal',
  usage,
  async run(args, terminal) {
    const { values } = parseCommandLine({
      args,
      options: {
        ...busFlags,
        ...mapFlags,
        ...formatFlags,
        map: { type: 'string' },
        command: { type: 'string' },
        value: { type: 'string' },
        register: { type: 'string' },
        fc: { type: 'string' },
        min: { type: 'string' },
        max: { type: 'string' },
        armed: { type: 'boolean' },
        yes: { type: 'boolean' },
      },
      strict: true,
    })
    const address = parseBus(values.bus)
    const unitId = parseUnit(values.unit)
    if ((values.command === undefined) === (values.register === undefined))
      throw new UsageError('give either --command or --register')
    const library = createLibrary(values.maps)
    const map = values.map === undefined ? undefined : library.load(values.map)
    const value = parseReal(values.value, '--value')
    const wanted =
      values.command === undefined ? registerOf(values, value, map) : commandOf(values, value, map, library)
    if (!values.yes && !terminal.interactive)
      throw new CommandFailure(exitCode.refused, 'nobody can be asked here; --yes writes without asking')

    await using writer = await openWriter(address, library, terminal)
    const before = await wanted.look(writer.bus, unitId, terminal.signal)
    terminal.signal.throwIfAborted()
    if (!values.json) terminal.err(`${writer.bus.name} unit ${unitId}: ${wanted.text}\n${seen('before', before)}`)
    if (!values.yes && !(await agrees(terminal)))
      throw new CommandFailure(exitCode.refused, 'not confirmed, nothing was written')
    const principal = `cli:${userInfo()
      .username.replaceAll(/[\p{Cc}\s]+/gu, '_')
      .slice(0, 60)}`
    const outcome = await writer.write({ bus: writer.bus.name, unitId, principal, write: wanted.write })
    const after = outcome.frames.length > 0 ? await wanted.look(writer.bus, unitId, terminal.signal) : undefined

    const { write } = wanted
    const what =
      write.kind === 'command' ? { map: write.map, command: write.command } : { register: write.address, fc: write.fn }
    const report = {
      unitId,
      ...what,
      value,
      unit: wanted.unit,
      outcome: outcome.outcome,
      reason: outcome.reason ?? null,
      before,
      after: after ?? null,
      frames: outcome.frames,
      principal,
    }
    if (values.json) terminal.out(`${JSON.stringify(report)}\n`)
    else terminal.out(`${after ? seen('after', after) : ''}${sentence(outcome)}`)
    return codeOf(outcome)
  },
}

type Values = Readonly<
  Record<'command' | 'register' | 'fc' | 'min' | 'max' | 'type' | 'order' | 'scale', string | undefined>
> & {
  readonly armed?: boolean | undefined
}

function commandOf(values: Partial<Values>, value: number, map: LoadedMap | undefined, library: Library): Wanted {
  if (!map) throw new UsageError('--command needs --map')
  for (const flag of ['fc', 'min', 'max', 'type', 'order', 'scale'] as const)
    if (values[flag] !== undefined)
      throw new UsageError(`--${flag} belongs to --register; the map says it for a command`)
  const name = commandName.safeParse(values.command).data
  const declared = name && map.map.commands[name]
  if (!name || !declared) {
    const names = Object.keys(map.map.commands)
    const hint = nearest(values.command ?? '', names)
    const rest = hint ? `did you mean "${hint}"?` : names.length > 0 ? `it has ${names.join(', ')}` : 'it has none'
    throw new UsageError(`--command: the map ${map.id} has no command "${values.command}"; ${rest}`)
  }
  return {
    write: { kind: 'command', map: map.id, mapHash: map.hash, command: name, value },
    text: `${map.id} ${name} = ${value} ${declared.unit}; ${expiryText(declared.expiry)}`,
    unit: declared.unit,
    look: lookAtCommand(map, name, library),
  }
}

function expiryText(expiry: MapCommand['expiry']): string {
  return expiry.kind === 'none'
    ? 'the device keeps it for good'
    : `after ${expiry.seconds} s without renewal: ${expiry.fallback}`
}

function registerOf(values: Partial<Values>, value: number, map: LoadedMap | undefined): Wanted {
  const address = parseWhole(values.register, '--register', 0, 65_535)
  const code = parseWhole(values.fc, '--fc', 6, 16)
  if (code !== 6 && code !== 16) throw new UsageError('--fc: 6 or 16')
  const format = parseFormat({ ...values, type: values.type ?? (value < 0 ? 'int16' : 'uint16') })
  const min = parseReal(values.min, '--min')
  const max = parseReal(values.max, '--max')
  const armed = values.armed === true
  return {
    write: { kind: 'register', armed, address, fn: code, ...format, value, min, max, ...(map && { map: map.id }) },
    text: `register ${address} = ${value} (${format.type}, limits ${min} to ${max})`,
    unit: '',
    look: lookAtRegisters(address, typeSpec(format.type).words),
  }
}

async function agrees({ ask }: Terminal): Promise<boolean> {
  return /^y(es)?$/i.test((await ask('Write it? [y/N] ')).trim())
}

function seen(when: string, { points, registers }: Awaited<ReturnType<LookBack>>): string {
  const rows = [
    ...Object.entries(points).map(([name, { value, unit }]) => [
      `  ${when}`,
      name,
      value === null ? '-' : `${String(value)} ${unit}`,
    ]),
    ...registers.map(({ address, raw }) => [
      `  ${when}`,
      `register ${address}`,
      raw === null ? 'not readable' : String(raw),
    ]),
  ]
  return table(rows)
}

function sentence({ outcome, reason }: ManualOutcome): string {
  const words = {
    confirmed: 'written, and read back equal',
    written: 'written; the device acknowledged it, there is nothing to read back',
    failed: 'failed',
    refused: 'refused, nothing was written',
  }[outcome]
  return `${words}${reason === undefined ? '' : `: ${clean(reason)}`}\n`
}

function codeOf({ outcome, cause }: ManualOutcome): number {
  if (outcome === 'refused') return exitCode.refused
  if (outcome !== 'failed') return exitCode.done
  if (cause === 'no-answer') return exitCode.noAnswer
  return cause === 'exception' ? exitCode.deviceException : exitCode.failed
}
