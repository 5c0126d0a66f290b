import { z } from 'zod'
import { controlState } from '#contract/api.ts'
import { controlWish, controlWishes, longestTtlS } from '#contract/control.ts'
import { parseCommandLine, UsageError } from '../args.ts'
import type { Ask } from './ask-service.ts'
import { openService, targetFlags } from './edge-target.ts'
import { parseReal, parseWhole } from './options.ts'
import { table } from './table.ts'
import { type Command, exitCode } from './terminal.ts'

const usage = `usage: r-emsctl control [list] [--json]
       r-emsctl control set DEVICE COMMAND VALUE --reason TEXT [--for SECONDS] [--json]
       r-emsctl control auto DEVICE COMMAND
       r-emsctl control enable|dry-run|off --reason TEXT [--json]

list shows the values that were asked for by hand or by programs; set asks automatic control for one, for at most
${longestTtlS} s (default 300), within all its limits; auto takes it back. enable, dry-run and off switch automatic control.
  --url URL        address of the service (default: R_EMS_API_PORT or 8080 on this machine)
  --data-dir DIR   data folder of this edge, for its token (R_EMS_DATA_DIR; default /var/lib/r-ems)
Exit code: 0 done, 3 no answer, 5 refused.
`

interface Values {
  readonly reason?: string | undefined
  readonly for?: string | undefined
  readonly json?: boolean | undefined
}

export const control: Command = {
  summary: 'ask automatic control for a value, or switch it',
  usage,
  async run(args, { environment, out }) {
    const { values, positionals } = parseCommandLine({
      // A negative value is no option.
      args: args.map((arg) => (/^-[\d.]+$/.test(arg) ? ` ${arg}` : arg)),
      options: { ...targetFlags, reason: { type: 'string' }, for: { type: 'string' }, json: { type: 'boolean' } },
      strict: true,
      allowPositionals: true,
    })
    const [action = 'list', ...rest] = positionals
    const ask = await openService(values, environment)
    const answer = await act(ask, action, rest, values)
    out(values.json ? `${JSON.stringify(answer.data)}\n` : answer.text)
    return exitCode.done
  },
}

interface Answer {
  readonly data: unknown
  readonly text: string
}

async function act(ask: Ask, action: string, rest: readonly string[], values: Values): Promise<Answer> {
  if (action === 'list' && rest.length === 0) return list(ask)
  if (action === 'set' && rest.length === 3) return set(ask, rest, values)
  if (action === 'auto' && rest.length === 2) {
    await ask('DELETE', path(rest), z.null())
    return { data: null, text: `${rest.join(' ')} is automatic again.\n` }
  }
  if ((action === 'enable' || action === 'dry-run' || action === 'off') && rest.length === 0) {
    const body = { enabled: action !== 'off', dryRun: action === 'dry-run', reason: reasonOf(values) }
    const data = await ask('PUT', '/api/v1/control', controlState, body)
    return { data, text: `${data.reason}\n` }
  }
  throw new UsageError(`"${[action, ...rest].join(' ')}" is not understood`)
}

const path = ([device = '', command = '']: readonly string[]): string =>
  `/api/v1/controls/${encodeURIComponent(device)}/${encodeURIComponent(command)}`

function reasonOf({ reason }: Values): string {
  if (reason === undefined) throw new UsageError('--reason is missing')
  return reason
}

async function list(ask: Ask): Promise<Answer> {
  const data = await ask('GET', '/api/v1/controls', controlWishes)
  const rows = data.wishes.map(({ deviceId, command, value, unit, leftS, principal, reason }) => [
    deviceId,
    command,
    `${value} ${unit}`,
    `${Math.ceil(leftS)} s left`,
    principal,
    reason,
  ])
  return { data, text: rows.length > 0 ? table(rows) : 'Nothing was asked for; control is automatic.\n' }
}

async function set(ask: Ask, rest: readonly string[], values: Values): Promise<Answer> {
  const value = parseReal(rest[2]?.trim(), 'VALUE')
  const ttlS = values.for === undefined ? undefined : parseWhole(values.for, '--for', 1, longestTtlS)
  const body = { value, reason: reasonOf(values), ...(ttlS !== undefined && { ttlS }) }
  const data = await ask('POST', path(rest), controlWish, body)
  const text = `${data.deviceId} ${data.command} ${data.value} ${data.unit} for ${Math.ceil(data.leftS)} s, within the limits of the site.\n`
  return { data, text }
}
