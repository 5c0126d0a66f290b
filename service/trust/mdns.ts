import createMdns, { type FullPacket, type MulticastDNS, type Options } from 'multicast-dns'

/** DNS-SD name of the service (RFC 6763). */
const serviceType = '_r-ems._tcp.local'
const ttlS = 120
const longestText = 200

type Answer = NonNullable<FullPacket['answers']>[number]

/** For tests: one interface and another port instead of the real network. */
export interface MdnsPlace {
  readonly interface?: string
  readonly bind?: string
  readonly port?: number
}

export interface Announcement {
  /** Shown to people. */
  readonly name: string
  readonly port: number
  readonly edgeId: string
  /** Of this machine, in the domain local. */
  readonly hostName: string
  readonly addresses: () => readonly string[]
}

/** What somebody on the network claims. A hint only. */
export interface Sighting {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly edgeId?: string
}

/** Answers questions for R-EMS services until disposed. A network that does not let it is reported, never thrown. */
export function announce(
  announcement: Announcement,
  report: (error: Error) => void,
  place: MdnsPlace = {},
): AsyncDisposable {
  const { name, port, edgeId, hostName, addresses } = announcement
  const instance = `${name.replace(/[.\\]/g, ' ').slice(0, 60)}.${serviceType}`
  const mdns = open(place, report)
  const records = (ttl: number) => ({
    answers: [{ name: serviceType, type: 'PTR' as const, ttl, data: instance }],
    additionals: [
      { name: instance, type: 'SRV' as const, ttl, data: { target: hostName, port } },
      { name: instance, type: 'TXT' as const, ttl, data: [`id=${edgeId}`] },
      ...addresses().map((data) => ({
        name: hostName,
        type: data.includes(':') ? ('AAAA' as const) : ('A' as const),
        ttl,
        data,
      })),
    ],
  })
  mdns.on('query', ({ questions = [] }) => {
    if (questions.some(({ name }) => name.toLowerCase() === serviceType || name === instance))
      mdns.respond(records(ttlS))
  })
  mdns.once('ready', () => mdns.respond(records(ttlS)))
  return {
    async [Symbol.asyncDispose]() {
      // A last word with no time to live: browsers forget the service at once.
      await new Promise<void>((resolve) => mdns.respond(records(0), () => resolve()))
      await new Promise<void>((resolve) => mdns.destroy(resolve))
    },
  }
}

/** Asks who is there and listens until the signal; answers that make no sense are left out. */
export async function browse(signal: AbortSignal, place: MdnsPlace = {}): Promise<Sighting[]> {
  const found = new Map<string, Sighting>()
  const mdns = open(place, () => undefined)
  mdns.on('response', ({ answers = [], additionals = [] }) => {
    const records = [...answers, ...additionals]
    for (const record of records) {
      if (record.type !== 'SRV' || !record.name.toLowerCase().endsWith(`.${serviceType}`)) continue
      const { target, port } = record.data
      const host = addressOf(records, target) ?? target
      const edgeId = edgeIdOf(records, record.name)
      const name = record.name.slice(0, -serviceType.length - 1).slice(0, longestText)
      if (record.ttl === 0) found.delete(record.name)
      else if (found.size < 100 && port > 0)
        found.set(record.name, { name, host, port, ...(edgeId !== undefined && { edgeId }) })
    }
  })
  mdns.once('ready', () => mdns.query(serviceType, 'PTR'))
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
  await new Promise<void>((resolve) => mdns.destroy(resolve))
  return [...found.values()]
}

function open(place: MdnsPlace, report: (error: Error) => void): MulticastDNS {
  const options: Options & { bind?: string } = { ...place }
  const mdns = createMdns(options)
  // Without a listener, a taken port would end the process.
  mdns.on('error', report)
  mdns.on('warning', report)
  return mdns
}

function addressOf(records: readonly Answer[], host: string): string | undefined {
  for (const record of records)
    if ((record.type === 'A' || record.type === 'AAAA') && record.name === host) return record.data
  return undefined
}

function edgeIdOf(records: readonly Answer[], instance: string): string | undefined {
  for (const record of records) {
    if (record.type !== 'TXT' || record.name !== instance) continue
    for (const part of [record.data].flat()) {
      const id = /^id=([0-9a-f-]{36})$/.exec(part.toString())?.[1]
      if (id !== undefined) return id
    }
  }
  return undefined
}
