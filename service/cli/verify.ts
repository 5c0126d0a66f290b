import { UsageError, parseCommandLine } from '../args.ts'
import { proofKind, type Verifiable, type Verification, verification } from '#contract/verification.ts'
import { openService, targetFlags } from './edge-target.ts'
import { table } from './table.ts'
import { type Command, exitCode } from './terminal.ts'

const usage = `usage: r-emsctl verify [list] [--json]
       r-emsctl verify add DEVICE command|sign|point NAME --how TEXT [--json]
       r-emsctl verify remove DEVICE command|sign|point NAME [--reason TEXT] [--json]

list shows what is proven on this site and what automatic control still waits for; add marks that you have proven that a
command does what it says, that a sign is right, or that a value is right; remove takes it back. Both are kept in the
site file and in the journal, and hold from the next cycle on.
  --how TEXT       how you have proven it, such as "switched the kettle on, import rose by 2 kW"
  --url URL        address of the service (default: R_EMS_API_PORT or 8080 on this machine)
  --data-dir DIR   data folder of this edge, for its token (R_EMS_DATA_DIR; default /var/lib/r-ems)
Exit code: 0 done, 3 no answer, 5 refused.
`

export const verify: Command = {
  summary: 'show and mark what is verified for this site',
  usage,
  async run(args, { environment, out }) {
    const { values, positionals } = parseCommandLine({
      args,
      options: { ...targetFlags, how: { type: 'string' }, reason: { type: 'string' }, json: { type: 'boolean' } },
      strict: true,
      allowPositionals: true,
    })
    const [action = 'list', ...rest] = positionals
    const path = '/api/v1/verification'
    const target = action === 'list' ? '' : targetOf(rest)
    if (!['list', 'add', 'remove'].includes(action) || (action === 'list' && rest.length > 0))
      throw new UsageError(`"${positionals.join(' ')}" is not understood`)
    if (action === 'add' && values.how === undefined)
      throw new UsageError('--how is missing: say how you have proven it')
    const ask = await openService(values, environment)
    const reason = values.reason === undefined ? '' : `?reason=${encodeURIComponent(values.reason)}`
    const found =
      action === 'add'
        ? await ask('POST', `${path}/${target}`, verification, { how: values.how })
        : action === 'remove'
          ? await ask('DELETE', `${path}/${target}${reason}`, verification)
          : await ask('GET', path, verification)
    out(values.json ? `${JSON.stringify(found)}\n` : textOf(found))
    return exitCode.done
  },
}

function targetOf([device, kind, name, ...more]: readonly string[]): string {
  if (device === undefined || name === undefined || more.length > 0)
    throw new UsageError('say which: DEVICE command|sign|point NAME')
  if (!proofKind.safeParse(kind).success)
    throw new UsageError(`"${kind}" can not be verified; a command, a sign or a point can`)
  return [device, kind ?? '', name].map((part) => encodeURIComponent(part)).join('/')
}

const words: Readonly<Record<Verifiable['provenance'], string>> = {
  verified: 'verified here',
  plausible: 'plausible',
  manual: 'from the manual',
  'field-knowledge': 'field knowledge',
  listened: 'listened',
  none: 'not verified',
}

function textOf({ kept, needed, verified, items }: Verification): string {
  const rows = items.map(({ deviceId, kind, name, needed: isNeeded, provenance, by, atMs, how }) => [
    deviceId,
    kind,
    name,
    words[provenance],
    isNeeded && provenance !== 'verified' ? 'control waits for it' : '',
    by === undefined ? '' : `${by}, ${new Date(atMs ?? 0).toISOString().slice(0, 16).replace('T', ' ')}: ${how ?? ''}`,
  ])
  const until = kept === 'session' ? ' Kept until the service ends: this site is part of the program.' : ''
  return `${verified} of ${needed} that automatic control needs are verified.${until}\n${table(rows)}`
}
