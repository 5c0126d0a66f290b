import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import {
  clientCertificates,
  issuedClientCertificate,
  type CertificateInfo,
  type TrustInfo,
  trustInfo,
} from '#contract/trust.ts'
import { parseCommandLine, UsageError } from '../args.ts'
import type { Ask } from './ask-service.ts'
import { openService, targetFlags } from './edge-target.ts'
import { plural, table } from './table.ts'
import { type Command, CommandFailure, exitCode, type Terminal } from './terminal.ts'

const usage = `usage: r-emsctl trust show [--json]
       r-emsctl trust rotate
       r-emsctl trust clients [--json]
       r-emsctl trust issue NAME > NAME.pem
       r-emsctl trust withdraw SERIAL
       r-emsctl trust import NAME FILE
       r-emsctl trust remove NAME

The certificates of an edge that listens on the network; its service has to run.
  show       the CA and its fingerprint, the certificates, and until when they are valid
  rotate     start a new root CA; the old one stays trusted for half a year
  clients    client certificates that this edge has issued
  issue      a client certificate that signs in the user NAME; certificate and key are shown once
  withdraw   refuse a certificate of this edge from now on
  import     trust the client certificates of another CA: FILE holds its root, every CA below it and its revocation
             lists, as PEM; importing again under the same name replaces it
  remove     trust that CA no more
  --data-dir DIR   data folder of this edge (R_EMS_DATA_DIR; default /var/lib/r-ems)
  --url URL        address of its service (default: R_EMS_API_PORT or 8080 on this machine)
Device certificates renew themselves at two thirds of their life.
`

const words: Readonly<Record<string, number>> = {
  show: 1,
  rotate: 1,
  clients: 1,
  issue: 2,
  withdraw: 2,
  import: 3,
  remove: 2,
}

export const trust: Command = {
  summary: 'certificates of this edge, and the CAs it trusts',
  usage,
  async run(args, terminal) {
    const { values, positionals } = parseCommandLine({
      args,
      options: { ...targetFlags, json: { type: 'boolean' } },
      strict: true,
      allowPositionals: true,
    })
    const [action = '', name = '', file = ''] = positionals
    if (!Object.hasOwn(words, action)) throw new UsageError(`say ${Object.keys(words).join(', ')}`)
    if (positionals.length !== words[action]) throw new UsageError(`wrong number of words for ${action}`)
    const certificates = action === 'import' ? await readPem(file) : ''
    const ask = await openService(values, terminal.environment)
    return act(ask, terminal, { action, name, certificates, json: values.json ?? false })
  },
}

async function act(
  ask: Ask,
  { out }: Terminal,
  { action, name, certificates, json }: { action: string; name: string; certificates: string; json: boolean },
): Promise<number> {
  const authority = `/api/v1/trust/authorities/${encodeURIComponent(name)}`
  if (action === 'show') {
    const info = await ask('GET', '/api/v1/trust', trustInfo)
    out(json ? `${JSON.stringify(info)}\n` : described(info))
  } else if (action === 'clients') {
    const found = await ask('GET', '/api/v1/trust/clients', clientCertificates)
    if (json) out(`${JSON.stringify(found)}\n`)
    else if (found.certificates.length === 0) out('There are none. Issue one with: r-emsctl trust issue NAME\n')
    else
      out(
        table(
          found.certificates.map(({ serial, name: user, notAfterMs }) => [serial, user, `until ${day(notAfterMs)}`]),
        ),
      )
  } else if (action === 'issue') {
    const issued = await ask('POST', '/api/v1/trust/clients', issuedClientCertificate, { name })
    out(json ? `${JSON.stringify(issued)}\n` : `${issued.certificate}${issued.key}`)
  } else if (action === 'withdraw') {
    await ask('DELETE', `/api/v1/trust/certificates/${encodeURIComponent(name)}`, z.null())
    out(`Withdrew ${name}; it is refused from now on.\n`)
  } else if (action === 'import') {
    await ask('PUT', authority, trustInfo, { certificates })
    out(`Client certificates of "${name}" are trusted now.\n`)
  } else if (action === 'remove') {
    await ask('DELETE', authority, trustInfo)
    out(`Client certificates of "${name}" are trusted no more.\n`)
  } else {
    const { caFingerprint } = await ask('POST', '/api/v1/trust/rotation', trustInfo)
    out(`${caFingerprint}\nThe new CA. Paired apps follow when they connect while the old one is still trusted.\n`)
  }
  return exitCode.done
}

async function readPem(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new CommandFailure(exitCode.failed, `${file} cannot be read: ${(error as Error).message}`)
  }
}

function described({ edgeId, caFingerprint, clockKnown, certificates, revoked }: TrustInfo): string {
  const rows = certificates.map(({ use, subject, notAfterMs, ...rest }) => [
    use,
    subject,
    `until ${day(notAfterMs)}`,
    changeOf(rest),
  ])
  const clock = clockKnown ? '' : 'The clock of this edge is before the day its program was built: set it.\n'
  return `${caFingerprint}\nEdge ${edgeId}, ${plural(revoked, 'withdrawn certificate')}\n${clock}${table(rows)}`
}

function changeOf({ renewAtMs, retiredAtMs }: Pick<CertificateInfo, 'renewAtMs' | 'retiredAtMs'>): string {
  if (retiredAtMs !== undefined) return `replaced, trusted until ${day(retiredAtMs)}`
  return renewAtMs === undefined ? '' : `renewed on ${day(renewAtMs)}`
}

const day = (atMs: number): string => new Date(atMs).toISOString().slice(0, 10)
