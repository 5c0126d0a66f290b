import { hostname, networkInterfaces } from 'node:os'
import { isIP } from 'node:net'

const hostName = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/
const mostNames = 50

/**
 * Every name and address that this machine can be asked for now, host name first; `more` are those that it cannot know
 * of, such as a name in DNS.
 */
export function edgeNames(more: readonly string[] = []): string[] {
  const host = hostname().toLowerCase()
  const named = hostName.test(host) ? [host, ...(host.includes('.') ? [] : [`${host}.local`])] : []
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    // Link-local addresses need a zone, which no certificate can hold.
    .filter(({ address }) => !/^fe80:/i.test(address) && isIP(address) !== 0)
    .map(({ address }) => address.toLowerCase())
  return [...new Set([...named, 'localhost', ...more, ...addresses, '127.0.0.1', '::1'])].slice(0, mostNames)
}

/** Whether a text can stand in a certificate as the name or address of an edge. */
export function isEdgeName(text: string): boolean {
  return isIP(text) !== 0 || (text.length <= 253 && hostName.test(text))
}
