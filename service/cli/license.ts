import { open, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { text as standardInput } from 'node:stream/consumers'
import { EdgeError } from '#contract/errors.ts'
import { licenseKey, licenseKeyId, type LicenseState, licenseState } from '#contract/license.ts'
import { parseCommandLine, UsageError } from '../args.ts'
import { development } from '../development.ts'
import { issueLicense, createLicenseKeys } from '../license/issue-license.ts'
import { judgeLicense } from '../license/judge-license.ts'
import { withoutLineEnd } from '../license/sources.ts'
import { vendorKeys } from '../license/vendor-keys.ts'
import { openService, targetFlags } from './edge-target.ts'
import { clean } from './table.ts'
import { type Command, exitCode, type Terminal } from './terminal.ts'

const usage = `usage: r-emsctl license show [--json]
       r-emsctl license load FILE [--json]
       r-emsctl license verify FILE [--edge ID] [--key FILE] [--json]
       r-emsctl license keygen --id KEY --out FOLDER
       r-emsctl license issue --key FILE --content FILE

show     the licence of the running service: what it allows, what goes on without it
load     hands a licence to the running service; it counts at once
verify   checks a licence without a service; FILE - reads the standard input
keygen   for the vendor: a new pair of keys; the private one (KEY.pem, only its owner may read it) stays in FOLDER,
         outside of any repository; the public one (KEY.json) becomes an entry of service/license/vendor-keys.ts
issue    for the vendor: signs what the JSON file says and prints the licence
  --edge ID        the edge that it is for, as "license show" prints it; without it, whether it is bound is not looked at
  --key FILE       verify: the public key (JSON) to verify with, besides those of this program; issue: the private key (PEM)
  --content FILE   {"format":"r-ems-license-1","id":"ACME-0042","owner":"ACME GmbH","keyId":KEY,"issuedAt":TIME,
                   "notBefore":TIME,"expiresAt":TIME,"edges":[ID],"features":["economic-control"],"limits":{"devices":25}}
  --url URL        address of the service (default: R_EMS_API_PORT or 8080 on this machine)
  --data-dir DIR   data folder of this edge, for its token (R_EMS_DATA_DIR; default /var/lib/r-ems)
Exit code: 0 done or valid, 3 no answer, 5 refused or not valid.
`

const options = {
  ...targetFlags,
  id: { type: 'string' },
  out: { type: 'string' },
  key: { type: 'string' },
  content: { type: 'string' },
  edge: { type: 'string' },
  json: { type: 'boolean' },
} as const

type Values = Partial<Readonly<Record<Exclude<keyof typeof options, 'json'>, string | undefined>>> & {
  readonly json?: boolean | undefined
}

export const license: Command = {
  summary: 'the licence: show, load, verify; for the vendor: issue, keygen',
  usage,
  async run(args, terminal) {
    const { values, positionals } = parseCommandLine({ args, options, strict: true, allowPositionals: true })
    const [action, file, ...more] = positionals
    if (more.length > 0) throw new UsageError(`"${more.join(' ')}" is too much`)
    if (action === 'show' && file === undefined) return show(values, terminal)
    if (action === 'load' && file !== undefined) return load(file, values, terminal)
    if (action === 'verify' && file !== undefined) return verify(file, values, terminal)
    if (action === 'keygen' && file === undefined) return keygen(values, terminal)
    if (action === 'issue' && file === undefined) return issue(values, terminal)
    throw new UsageError('say show, load FILE, verify FILE, keygen or issue')
  },
}

async function show(values: Values, { environment, out }: Terminal): Promise<number> {
  const ask = await openService(values, environment)
  print(await ask('GET', '/api/v1/license', licenseState), values, out)
  return exitCode.done
}

async function load(file: string, values: Values, { environment, out }: Terminal): Promise<number> {
  const ask = await openService(values, environment)
  print(await ask('PUT', '/api/v1/license', licenseState, { text: await readText(file) }), values, out)
  return exitCode.done
}

function print(state: LicenseState, { json }: Values, out: Terminal['out']): void {
  if (json) return out(`${JSON.stringify(state)}\n`)
  const { message, edgeId, license: loaded, source, daysLeft, features, usage: sizes, others, clockBelieved } = state
  const rows: string[][] = [
    ['licence', message],
    ...(loaded ? [['owner', loaded.owner]] : []),
    ...(loaded && daysLeft !== undefined ? [['days left', String(daysLeft)]] : []),
    ...(source ? [['from', `${source.kind} (${source.place})`]] : []),
    ['this edge', edgeId],
    ...(clockBelieved ? [] : [['clock', 'shows a time that has been already; the latest time seen counts']]),
    ...sizes.map(({ limit, used, most }) => [limit, most === undefined ? String(used) : `${used} of ${most}`]),
    ...features.map(({ feature, allowed, reason }) => [feature, `${allowed ? 'allowed' : 'refused'}: ${reason}`]),
    ...others.map((other) => [`not used: ${other.source.place}`, other.message]),
  ]
  out(rows.map(([name = '', text = '']) => `${clean(name).padEnd(18)} ${clean(text)}\n`).join(''))
  out('Limits, safety control, reading, commissioning and simulation need no licence.\n')
}

async function verify(file: string, values: Values, { environment, out }: Terminal): Promise<number> {
  const keys = [...vendorKeys, ...((await development?.licenseKeys(environment)) ?? []), ...(await givenKey(values))]
  const text = withoutLineEnd(await readText(file))
  const first = judgeLicense(text, { keys, edgeId: values.edge ?? '', nowMs: Date.now() })
  const bound = first.signed?.payload.edges
  const [anyEdge] = values.edge === undefined ? (bound ?? []) : []
  const result = anyEdge === undefined ? first : judgeLicense(text, { keys, edgeId: anyEdge, nowMs: Date.now() })
  const { standing, message, signed } = result
  if (values.json) out(`${JSON.stringify({ standing, message, payload: signed?.payload })}\n`)
  else {
    out(`${message}\n`)
    if (signed) out(`${JSON.stringify(signed.payload, undefined, 2)}\n`)
    if (anyEdge !== undefined) out('It is bound to edges; --edge ID tells whether it fits one.\n')
  }
  return standing === 'valid' || standing === 'grace' ? exitCode.done : exitCode.refused
}

async function givenKey({ key }: Values) {
  if (key === undefined) return []
  try {
    return [licenseKey.parse(JSON.parse(await readText(key)))]
  } catch (error) {
    if (error instanceof EdgeError) throw error
    throw new UsageError(`--key: ${key} is no public key as "license keygen" writes it`, { cause: error })
  }
}

async function keygen({ id, out: folder }: Values, { out }: Terminal): Promise<number> {
  if (id === undefined || folder === undefined) throw new UsageError('give --id KEY and --out FOLDER')
  if (!licenseKeyId.safeParse(id).success) throw new UsageError('--id has small letters, digits and hyphens')
  const { key, privatePem } = createLicenseKeys(id)
  const privateFile = join(resolve(folder), `${id}.pem`)
  const publicFile = join(resolve(folder), `${id}.json`)
  await writeNew(privateFile, privatePem, 0o600)
  await writeNew(publicFile, `${JSON.stringify(key)}\n`, 0o644)
  out(`private key  ${privateFile}  (keep it where only the vendor is; who has it can issue licences)\n`)
  out(`public key   ${publicFile}\n`)
  return exitCode.done
}

async function issue({ key, content }: Values, { out }: Terminal): Promise<number> {
  if (key === undefined || content === undefined) throw new UsageError('give --key FILE and --content FILE')
  let said: unknown
  try {
    said = JSON.parse(await readText(content))
  } catch (error) {
    if (error instanceof EdgeError) throw error
    throw new UsageError(`--content: ${content} is not JSON`, { cause: error })
  }
  out(`${issueLicense(said, await readText(key)).text}\n`)
  return exitCode.done
}

/** A text file; "-" is the standard input. */
async function readText(file: string): Promise<string> {
  try {
    return await (file === '-' ? standardInput(process.stdin) : readFile(file, 'utf8'))
  } catch (error) {
    throw new EdgeError('license.refused', `${file} cannot be read: ${(error as NodeJS.ErrnoException).code ?? ''}`, {
      cause: error,
    })
  }
}

/** Never replaces a file: a key that is lost cannot be made again. */
async function writeNew(file: string, text: string, mode: number): Promise<void> {
  try {
    await using handle = await open(file, 'wx', mode)
    await handle.writeFile(text)
    await handle.sync()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new UsageError(`${file} ${code === 'EEXIST' ? 'is there already' : `cannot be written (${code ?? ''})`}`, {
      cause: error,
    })
  }
}
