import { isIPv4 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { EdgeError } from '#contract/errors.ts'

/** Neighbouring IPv4 addresses, as numbers. */
export interface AddressRange {
  /** Canonical: 192.168.1.0/24. */
  readonly text: string
  readonly first: number
  readonly last: number
}

/** A network that this machine is part of. */
export interface OwnNetwork {
  readonly cidr: string
  /** On this machine only, as 127.0.0.0/8. */
  readonly internal: boolean
}

/** Longer ranges take minutes and are rarely meant. */
const mostAddresses = 256
const shortestPrefix = 24

export const ownNetworks = (): OwnNetwork[] =>
  Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .flatMap(({ family, cidr, internal }) => (family === 'IPv4' && cidr !== null ? [{ cidr, internal }] : []))

/**
 * Reads 192.168.1.0/24, or one address. Throws workbench.refused with one sentence for what is no range, is too long, or
 * belongs to no network of this machine and is not explicitly wanted.
 */
export function parseRange(
  text: string,
  { foreign = false, networks = ownNetworks() }: { foreign?: boolean; networks?: readonly OwnNetwork[] } = {},
): AddressRange {
  const range = read(text)
  if (!range) throw refused(`"${text}" is not a range of IPv4 addresses, such as 192.168.1.0/24`)
  const size = range.last - range.first + 1
  if (size > mostAddresses)
    throw refused(
      `${range.text} has ${size} addresses, and a scan takes at most ${mostAddresses} (/${shortestPrefix}); name the part that is meant`,
    )
  const own = networks.flatMap(({ cidr }) => read(cidr) ?? [])
  if (!foreign && !own.some(({ first, last }) => first <= range.first && range.last <= last)) {
    const known = networks.filter(({ internal }) => !internal).flatMap(({ cidr }) => read(cidr)?.text ?? [])
    throw refused(
      `${range.text} is not on a network of this machine (${known.join(', ') || 'it has none'}); such a network is only scanned when that is said explicitly`,
    )
  }
  return range
}

/** The address of this machine in the network that a range belongs to; undefined for a network of others. */
export function ownAddressIn(range: AddressRange, networks: readonly OwnNetwork[] = ownNetworks()): string | undefined {
  const own = networks.find(({ cidr }) => {
    const network = read(cidr)
    return network && network.first <= range.first && range.last <= network.last
  })
  return own?.cidr.split('/')[0]
}

/** The networks of this machine, each cut to the 256 addresses around its own one. */
export function ownRanges(networks: readonly OwnNetwork[] = ownNetworks()): AddressRange[] {
  const ranges = networks
    .filter(({ internal }) => !internal)
    .flatMap(({ cidr }) => {
      const [host = '', prefix = '32'] = cidr.split('/')
      return read(`${host}/${Math.max(shortestPrefix, Number(prefix))}`) ?? []
    })
  return [...new Map(ranges.map((range) => [range.text, range])).values()]
}

/** Every address of the ranges that a device can have, once. */
export function hostsOf(ranges: readonly AddressRange[]): string[] {
  const hosts = new Set<string>()
  for (const { first, last } of ranges) {
    // The first address names the network and the last one reaches everybody, in all but the smallest networks.
    const margin = last - first >= 3 ? 1 : 0
    for (let address = first + margin; address <= last - margin; address++) hosts.add(textOf(address))
  }
  return [...hosts]
}

function read(text: string): AddressRange | undefined {
  const [, host = '', digits = '32'] = /^([\d.]+)(?:\/(\d{1,2}))?$/.exec(text.trim()) ?? []
  const prefix = Number(digits)
  if (!isIPv4(host) || prefix > 32) return undefined
  const size = 2 ** (32 - prefix)
  const value = host.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
  const first = value - (value % size)
  return { text: `${textOf(first)}/${prefix}`, first, last: first + size - 1 }
}

const textOf = (address: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.')

const refused = (message: string): EdgeError => new EdgeError('workbench.refused', message)
