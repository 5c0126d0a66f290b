import { hostname } from 'node:os'
import { isIP } from 'node:net'
import { join } from 'node:path'
import type { Fault } from '#contract/api.ts'
import { EdgeError } from '#contract/errors.ts'
import type { Audit } from './access/audit.ts'
import type { SecureEndpoint, TrustAdministration } from './api/secure.ts'
import type { Clock } from './domain/clock.ts'
import type { NetworkOptions } from './network-options.ts'
import { createClientIdentities } from './trust/client-identity.ts'
import { edgeNames } from './trust/edge-names.ts'
import { keepRenewed } from './trust/keep-renewed.ts'
import { announce } from './trust/mdns.ts'
import { openSiteCa, type SiteCa } from './trust/site-ca.ts'

export interface NetworkParts {
  readonly options: NetworkOptions
  readonly dataFolder: string
  readonly builtAtMs: number
  readonly clock: Clock
  /** Changes of trust are recorded before they are made. */
  readonly audit: Pick<Audit, 'done'>
  readonly faults: {
    raise(key: string, fault: Omit<Fault, 'sinceMs'>): void
    clear(key: string, message: string): void
  }
}

export interface Network extends AsyncDisposable {
  readonly ca: SiteCa
  readonly endpoint: SecureEndpoint
  /** Tells the local network that the service listens; nothing on a loopback address. */
  announce(service: { readonly name: string; readonly port: number }): void
}

/**
 * Opens the CA of the site and keeps its certificates renewed. Undefined, with a fault, when the certificates are damaged:
 * control goes on, and this machine is served.
 */
export async function openNetwork(parts: NetworkParts): Promise<Network | undefined> {
  const { options, dataFolder, builtAtMs, clock, faults, audit } = parts
  const names = (): readonly string[] => edgeNames([...options.names, ...specific(options.host)])
  let ca: SiteCa
  try {
    ca = await openSiteCa({ folder: join(dataFolder, 'trust'), clock, builtAtMs, names })
  } catch (error) {
    if (!(error instanceof EdgeError)) throw error
    faults.raise('trust', { code: error.code, severity: 'error', message: error.message, action: error.action })
    return undefined
  }
  const stop = new AbortController()
  const renewed = keepRenewed(ca, clock, stop.signal, (problem) => {
    if (problem === undefined) return faults.clear('trust', 'the certificates are in order again')
    const { code, message, action } =
      problem instanceof EdgeError
        ? problem
        : new EdgeError(
            'trust.damaged',
            `a certificate could not be renewed: ${problem instanceof Error ? problem.message : 'unknown'}`,
            { cause: problem },
          )
    faults.raise('trust', { code, severity: 'error', message, action })
  })
  // Of the certificate, not of the machine: asked on every request, and a name without a certificate is of no use.
  let certified: readonly string[] = []
  const readNames = (): void => {
    certified = ca.info().certificates.find(({ use }) => use === 'device')?.names ?? []
  }
  readNames()
  ca.onChange(readNames)
  const announcements = new AsyncDisposableStack()
  return {
    ca,
    endpoint: {
      host: options.host,
      port: options.port,
      clientCertificates: options.clientCertificates,
      tls: () => ca.tls(),
      names: () => certified,
      administration: administrationOf(ca, audit),
      info: () => ca.info(),
      bundle: () => ca.bundle(),
      identify: createClientIdentities(ca, clock, builtAtMs),
      onChange: (listener) => ca.onChange(listener),
    },
    announce({ name, port }) {
      if (/^(?:127\.|::1$)/.test(options.host)) return
      const addresses = (): string[] => names().filter((one) => isIP(one) !== 0 && !/^(?:127\.|::1$)/.test(one))
      const hostName = `${hostname().toLowerCase().split('.', 1)[0]}.local`
      announcements.use(
        announce({ name, port, edgeId: ca.edgeId, hostName, addresses }, ({ message }) =>
          faults.raise('mdns', {
            code: 'trust.not-announced',
            severity: 'warning',
            message: `this edge does not show up on the local network: ${message}`,
            action: 'Connect by its address; stop the other program that uses UDP port 5353 if it should show up.',
          }),
        ),
      )
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await announcements.disposeAsync()
      await renewed
    },
  }
}

/** An address that stands for all is no name. */
function specific(host: string): string[] {
  return host === '0.0.0.0' || host === '::' ? [] : [host]
}

function administrationOf(ca: SiteCa, audit: Pick<Audit, 'done'>): TrustAdministration {
  return {
    async rotate(by) {
      await audit.done(by, 'trust', 'replaces the root CA')
      await ca.rotate()
      return ca.info()
    },
    clients: () => ca.clients(),
    async issueClient(by, name) {
      await audit.done(by, 'trust', `issues a client certificate for "${name}"`)
      return ca.issueClient(name)
    },
    async revoke(by, serial) {
      await audit.done(by, 'trust', `withdraws the certificate ${serial}`)
      await ca.revoke(serial)
    },
    async importAuthority(by, name, pem) {
      await audit.done(by, 'trust', `imports the CA "${name}"`)
      await ca.importIntegrator(name, pem)
      return ca.info()
    },
    async removeAuthority(by, name) {
      await audit.done(by, 'trust', `removes the CA "${name}"`)
      await ca.removeIntegrator(name)
      return ca.info()
    },
  }
}
