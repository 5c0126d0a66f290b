import { readFile, writeFile } from 'node:fs/promises'
import { hostname, userInfo } from 'node:os'
import { deploymentStatus, mostBundleBytes, type SignedBundle } from '#contract/deployment.ts'
import { EdgeError } from '#contract/errors.ts'
import { parseCommandLine, UsageError } from '../args.ts'
import { checkSiteFiles, completeSiteFiles } from '../configuration/check-site.ts'
import { readSiteFolder } from '../configuration/read-site-folder.ts'
import type { SiteFiles } from '../configuration/site-files.ts'
import { formatBundleFile, makeBundle, parseBundleFile } from '../deployment/bundle.ts'
import { createDeploymentClient, type DeploymentClient } from '../deployment/client.ts'
import { openKeyFolder } from '../deployment/key-folder.ts'
import { openSigningKey, type OwnKey } from '../deployment/keys.ts'
import { entries } from '../entries.ts'
import { folderLibrary } from '../pointmap/load.ts'
import { systemClock } from '../runtime/system-clock.ts'
import { deployCandidate } from './deploy-steps.ts'
import { describeDeployment, describeHistory } from './deploy-report.ts'
import { dataFolderOf, openService, targetFlags, targetUsage } from './edge-target.ts'
import { askPairedEdge, pairEdge } from './paired-edge.ts'
import { type Command, CommandFailure, exitCode, type Terminal } from './terminal.ts'

const usage = `usage: r-emsctl deploy FOLDER [options]          check a site folder on the edge, run it on trial, confirm it
       r-emsctl deploy status [--out FILE]      what runs, and the trial; the file is what an export for this edge needs
       r-emsctl deploy history                  the generations: who, when, why
       r-emsctl deploy export FOLDER --for FILE --out BUNDLE   sign a bundle for another edge, to be carried on a stick
       r-emsctl deploy import BUNDLE [options]  deploy it at that edge, with the same checks
       r-emsctl deploy pair HOST[:PORT]         pair with an edge on the network, for --to
       r-emsctl deploy key [list | add KEY --owner NAME | remove ID]   this machine's key; whose bundles the edge accepts

  --why TEXT        stands in the history
  --confirm ID      agree to a limit that allows more than before; by name, may be repeated
  --waive ID        a device, or device/point, that need not come back; may be repeated
  --countdown S     returns by itself unless confirmed within (10 to 3600; default 120)
  --despite-checks  go on although a check failed
  --check-only      end after the checks
  --yes             do not ask before the trial begins
  --to EDGE         name, ID or HOST:PORT of an edge that this machine has paired with; "local" is this machine
${targetUsage}
While a trial runs, the command confirms it over new connections as soon as every gate is green. When the command ends
before that, or a gate stays closed, the edge returns by itself.
Exit code: 0 confirmed or printed, 1 returned or checks failed, 3 no answer, 5 refused.
`

const options = {
  ...targetFlags,
  to: { type: 'string' },
  why: { type: 'string' },
  confirm: { type: 'string', multiple: true },
  waive: { type: 'string', multiple: true },
  countdown: { type: 'string' },
  'despite-checks': { type: 'boolean' },
  'check-only': { type: 'boolean' },
  yes: { type: 'boolean' },
  for: { type: 'string' },
  out: { type: 'string' },
  owner: { type: 'string' },
  json: { type: 'boolean' },
} as const

const dayMs = 86_400_000

type Values = ReturnType<typeof parseCommandLine<{ options: typeof options; allowPositionals: true }>>['values']

export const deploy: Command = {
  summary: 'bring a configuration to an edge; it returns by itself unless confirmed',
  usage,
  async run(args, terminal) {
    const { values, positionals } = parseCommandLine({ args, options, strict: true, allowPositionals: true })
    const [action = '', ...words] = positionals
    if (action === '') throw new UsageError('name a site folder, or say status, history, export, import or key')
    if (action === 'export') return await exportBundle(only(words, 'export needs one folder'), values, terminal)
    if (action === 'pair') {
      const address = only(words, 'pair needs one address')
      return await pairEdge(dataFolderOf(values, terminal.environment), address, terminal)
    }
    if (action === 'key') return await key(words, values, terminal)
    if (action === 'import') {
      const signed = await readBundle(only(words, 'import needs one file'))
      const client = await connect(values, terminal)
      return await deployCandidate(client, () => client.sendBundle(signed), stepsOf(values), terminal)
    }
    if (words.length > 0) throw new UsageError(`deploy ${action} takes no more words`)
    const client = await connect(values, terminal)
    if (action === 'status') return await showStatus(client, values, terminal)
    if (action === 'history') {
      const found = await client.generations()
      terminal.out(values.json ? `${JSON.stringify(found)}\n` : describeHistory(found))
      return exitCode.done
    }
    const files = await siteFiles(action)
    const send = async () => client.sendFiles(files, (await client.status()).hash, whyOf(values))
    return await deployCandidate(client, send, stepsOf(values), terminal)
  },
}

export const rollback: Command = {
  summary: 'go back to an older configuration of an edge',
  usage: `usage: r-emsctl rollback [N] [--why TEXT] [--url URL] [--data-dir DIR] [--json]

Runs generation N again, or the confirmed one before what runs now, as a new generation of this edge.
${targetUsage}`,
  async run(args, terminal) {
    const { values, positionals } = parseCommandLine({
      args,
      options: { ...targetFlags, to: options.to, why: options.why, json: options.json },
      strict: true,
      allowPositionals: true,
    })
    const [number, ...more] = positionals
    const to = number === undefined ? undefined : Number(number)
    if (more.length > 0 || (to !== undefined && !Number.isInteger(to)))
      throw new UsageError('give one generation number')
    const client = await connect(values, terminal)
    const done = await client.rollback({
      ...(to !== undefined && { to }),
      ...(values.why !== undefined && { why: values.why }),
    })
    terminal.out(
      values.json
        ? `${JSON.stringify(done)}\n`
        : `generation ${done.restores} runs again as generation ${done.generation}\n`,
    )
    return exitCode.done
  },
}

async function connect(
  values: Pick<Values, 'to' | 'url' | 'data-dir'>,
  { environment }: Terminal,
): Promise<DeploymentClient> {
  const elsewhere = values.to === undefined || values.to === 'local' ? undefined : values.to
  // The token of this machine is new when the service was started anew.
  const ask = elsewhere?.startsWith('http://')
    ? await openService({ ...values, url: elsewhere }, environment)
    : elsewhere === undefined
      ? await openService(values, environment)
      : await askPairedEdge(dataFolderOf(values, environment), elsewhere)
  return createDeploymentClient(ask, (delayMs, signal) => systemClock.sleep(delayMs, signal))
}

const stepsOf = (values: Values) => ({
  confirmedRaises: values.confirm ?? [],
  waived: values.waive ?? [],
  countdownS: countdownOf(values.countdown),
  despiteChecks: values['despite-checks'] ?? false,
  checkOnly: values['check-only'] ?? false,
  yes: values.yes ?? false,
  json: values.json ?? false,
})

function countdownOf(text: string | undefined): number {
  const seconds = Number(text ?? 120)
  if (!Number.isInteger(seconds) || seconds < 10 || seconds > 3600)
    throw new UsageError(`--countdown is 10 to 3600 seconds, not "${text ?? ''}"`)
  return seconds
}

const whyOf = (values: Values): string => values.why ?? `deployed by ${userInfo().username}`

function only(words: readonly string[], otherwise: string): string {
  const [word, ...more] = words
  if (word === undefined || more.length > 0) throw new UsageError(otherwise)
  return word
}

async function siteFiles(folder: string): Promise<SiteFiles> {
  const library = folderLibrary([entries.mapFolder])
  return completeSiteFiles(checkSiteFiles(await readSiteFolder(folder), library, (path) => `${folder}/${path}`))
}

async function showStatus(client: DeploymentClient, { json, out }: Values, terminal: Terminal): Promise<number> {
  const found = await client.status()
  if (out !== undefined) await writeFile(out, `${JSON.stringify(found, undefined, 2)}\n`)
  terminal.out(json ? `${JSON.stringify(found)}\n` : describeDeployment(found))
  return exitCode.done
}

async function exportBundle(folder: string, values: Values, terminal: Terminal): Promise<number> {
  const { for: target, out } = values
  if (target === undefined || out === undefined) throw new UsageError('export needs --for FILE and --out BUNDLE')
  const edge = deploymentStatus.safeParse(JSON.parse(await readFile(target, 'utf8')))
  if (!edge.success) throw new CommandFailure(exitCode.failed, `${target} is not of r-emsctl deploy status --out`)
  const files = await siteFiles(folder)
  const own = await ownKey(values, terminal)
  const nowMs = systemClock.nowMs()
  const { edgeId, siteName, nextVersion, hash } = edge.data
  const signed = makeBundle(
    {
      edgeId,
      siteName,
      version: nextVersion,
      prevHash: hash,
      notBeforeMs: nowMs - dayMs / 24,
      notAfterMs: nowMs + 30 * dayMs,
      by: `${userInfo().username} on ${hostname()}`.slice(0, 200),
      why: whyOf(values),
    },
    files,
    own,
  )
  await writeFile(out, formatBundleFile(signed), { flush: true })
  terminal.out(
    values.json
      ? `${JSON.stringify({ out, edgeId, version: nextVersion, keyId: own.keyId })}\n`
      : `${out}: generation ${nextVersion} for the edge ${edgeId}, valid for 30 days\nsigned with the key ${own.keyId.slice(0, 16)}; the edge has to know it: r-emsctl deploy key add ${own.publicKey} --owner NAME\n`,
  )
  return exitCode.done
}

async function readBundle(file: string): Promise<SignedBundle> {
  let bytes: Buffer
  try {
    bytes = await readFile(file)
  } catch (error) {
    throw new CommandFailure(exitCode.failed, `${file} cannot be read: ${(error as Error).message}`, { cause: error })
  }
  if (bytes.length > mostBundleBytes) throw new EdgeError('bundle.malformed', `${file} is larger than a bundle can be`)
  return parseBundleFile(bytes, file)
}

/** The key of whoever uses this machine, beside the journal of r-emsctl. */
function ownKey(values: Values, { environment }: Terminal): Promise<OwnKey> {
  return openSigningKey(openKeyFolder(dataFolderOf(values, environment)))
}

async function key(words: readonly string[], values: Values, terminal: Terminal): Promise<number> {
  const [action, word, ...more] = words
  const show = (value: object, text: string): void => terminal.out(values.json ? `${JSON.stringify(value)}\n` : text)
  if (action === undefined) {
    const { keyId, publicKey } = await ownKey(values, terminal)
    show({ keyId, publicKey }, `${publicKey}\n${keyId}\n`)
    return exitCode.done
  }
  const client = await connect(values, terminal)
  if (action === 'list' && word === undefined) {
    const found = await client.keys()
    show(found, found.keys.map(({ id, owner, addedBy }) => `${id.slice(0, 16)}  ${owner}  (${addedBy})\n`).join(''))
  } else if (action === 'add' && word !== undefined && values.owner !== undefined && more.length === 0) {
    const added = await client.addKey({ publicKey: word, owner: values.owner })
    show(added, `bundles of ${added.owner} are accepted from now on\n`)
  } else if (action === 'remove' && word !== undefined && more.length === 0) {
    const found = (await client.keys()).keys.filter(({ id }) => id.startsWith(word))
    if (found.length !== 1) throw new UsageError(`${found.length} keys begin with ${word}`)
    await client.removeKey(found[0]!.id)
    show({ removed: found[0]!.id }, `bundles of ${found[0]!.owner} are not accepted any more\n`)
  } else throw new UsageError('say key, key list, key add KEY --owner NAME, or key remove ID')
  return exitCode.done
}
