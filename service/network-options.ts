import { isIP } from 'node:net'
import { parsePort, UsageError } from './args.ts'
import { isEdgeName } from './trust/edge-names.ts'

/** How the service is on the network. */
export interface NetworkOptions {
  readonly host: string
  readonly port: number
  /** For the certificate, besides those of this machine. */
  readonly names: readonly string[]
  readonly clientCertificates: 'off' | 'optional' | 'required'
}

/** Reads --listen and what belongs to it. Throws a usage error. */
export function networkOptions(texts: {
  readonly listen: string | undefined
  /** Where `listen` was set, when it is not the option. */
  readonly from?: string
  readonly names: readonly string[] | undefined
  readonly clientCertificates: string | undefined
}): NetworkOptions | undefined {
  const { listen, names = [], clientCertificates = 'off', from = '--listen' } = texts
  if (listen === undefined || listen === '') {
    if (names.length > 0 || clientCertificates !== 'off')
      throw new UsageError('--tls-name and --client-certificates belong to --listen')
    return undefined
  }
  const match = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+)):(\d+)$/i.exec(listen)
  const host = match?.[1] ?? match?.[2] ?? ''
  if (isIP(host) === 0)
    throw new UsageError(`${from} is ADDRESS:PORT, such as 0.0.0.0:8443 or [::]:8443, not "${listen}"`)
  const wrong = names.find((name) => !isEdgeName(name))
  if (wrong !== undefined) throw new UsageError(`--tls-name: "${wrong}" is no name or address (names in lower case)`)
  if (clientCertificates !== 'off' && clientCertificates !== 'optional' && clientCertificates !== 'required')
    throw new UsageError(`--client-certificates is off, optional or required, not "${clientCertificates}"`)
  return { host, port: parsePort(match?.[3] ?? '', from), names, clientCertificates }
}
