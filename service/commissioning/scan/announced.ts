import createMdns, { type MulticastDNS, type Options, type ResponsePacket } from 'multicast-dns'
import type { AnnouncedService } from '#contract/workbench-scan.ts'
import { type AddressRange, hostsOf, ownAddressIn } from './address-range.ts'

/** Types of services under which energy devices and what serves them announce themselves (DNS-SD, RFC 6763). */
export const energyServices: readonly string[] = [
  '_modbus._tcp',
  '_mbap._tcp',
  '_sunspec._tcp',
  '_victron-car-charger._tcp',
  '_r-ems._tcp',
  '_http._tcp',
]

/** What is heard on the network while it is searched. Hints: anybody can announce anything. */
export interface Announcements extends AsyncDisposable {
  found(): readonly AnnouncedService[]
  /** Ends as soon as whoever wants to answer had the time for it. */
  readonly heardOut: Promise<void>
}

/** For tests: another port instead of the one of mDNS. */
export interface AnnouncementPlace {
  readonly port?: number
}

const mostServices = 200
const mostHosts = 500
const longestName = 100
/** Answers to a question for everybody come within 120 ms (RFC 6762, 6); this leaves time for two questions. */
const heardOutMs = 1000
const askAgainMs = 400

/**
 * Asks the networks of these ranges who offers a service, until disposed, and keeps what hosts of the ranges announce. A
 * network that does not let it only leaves nothing to be found.
 */
export function listenForServices(ranges: readonly AddressRange[], place: AnnouncementPlace = {}): Announcements {
  const hosts = new Set(hostsOf(ranges))
  /** By instance name. */
  const services = new Map<string, { readonly service: string; readonly target: string; readonly port: number }>()
  const addresses = new Map<string, string>()
  const asked = new Set<string>()
  const stop = new AbortController()

  function heard({ answers = [], additionals = [] }: ResponsePacket, mdns: MulticastDNS): void {
    for (const record of [...answers, ...additionals]) {
      const service = energyServices.find((type) => record.name.toLowerCase().endsWith(`${type}.local`))
      if (record.type === 'A' && addresses.size < mostHosts) addresses.set(record.name.toLowerCase(), record.data)
      else if (record.type === 'PTR' && service !== undefined) follow(mdns, record.data, 'SRV')
      else if (record.type === 'SRV' && service !== undefined) {
        const { target, port } = record.data
        if (record.ttl === 0) services.delete(record.name)
        else if (port > 0 && services.size < mostServices) services.set(record.name, { service, target, port })
        if (!addresses.has(target.toLowerCase())) follow(mdns, target, 'A')
      }
    }
  }

  /** Most devices tell all at once; the others are asked once for what is missing. */
  function follow(mdns: MulticastDNS, name: string, type: 'SRV' | 'A'): void {
    if (services.has(name) || asked.has(name) || asked.size >= mostServices || stop.signal.aborted) return
    asked.add(name)
    mdns.query(name, type)
  }

  const sockets = [...new Set(ranges.flatMap((range) => ownAddressIn(range) ?? []))].map((address) => {
    // Bound to its address, a socket would not hear what is sent to all.
    const options: Options & { bind: string } = { ...place, interface: address, bind: '0.0.0.0' }
    const mdns = createMdns(options)
    const ask = (): void => mdns.query(energyServices.map((type) => ({ name: `${type}.local`, type: 'PTR' })))
    // Without a listener, a taken port would end the process.
    mdns.on('error', () => undefined)
    mdns.on('warning', () => undefined)
    mdns.on('response', (packet) => heard(packet, mdns))
    mdns.once('ready', ask)
    const again = setTimeout(ask, askAgainMs)
    return { mdns, again }
  })
  const heardOut = sockets.length === 0 ? Promise.resolve() : wait(heardOutMs, stop.signal)

  return {
    heardOut,
    found: () =>
      [...services].flatMap(([instance, { service, target, port }]) => {
        const host = addresses.get(target.toLowerCase())
        if (host === undefined || !hosts.has(host)) return []
        return [{ name: readable(instance.slice(0, -`.${service}.local`.length)), service, host, port }]
      }),
    async [Symbol.asyncDispose]() {
      stop.abort()
      for (const { again } of sockets) clearTimeout(again)
      await Promise.all(sockets.map(({ mdns }) => new Promise<void>((resolve) => mdns.destroy(resolve))))
    },
  }
}

function wait(forMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, forMs)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

/** Names come from strangers: nothing in them moves a cursor or turns the direction of writing. */
const readable = (name: string): string => name.replace(/[\p{Cc}\p{Cf}]/gu, ' ').slice(0, longestName)
