import type { AnnouncedService, NetworkScan, ScannedEndpoint } from '#contract/workbench-scan.ts'
import type { TcpAddress } from '../../drivers/modbus/address.ts'
import { createReadOnlyBus } from '../../drivers/modbus/bus.ts'
import { type AddressRange, hostsOf } from './address-range.ts'
import type { Announcements } from './announced.ts'
import { lookAtEndpoint } from './endpoint.ts'
import type { ScanLibrary } from './identify-units.ts'
import type { ScanTools } from './scan-line.ts'
import { scanUnits, tellingIds } from './scan-units.ts'

export interface NetworkScanOptions {
  readonly ranges: readonly AddressRange[]
  /** Default: 502. */
  readonly ports?: readonly number[]
  /** Host and port of connections that this program holds, as 192.168.1.5:502; they are not touched. */
  readonly held?: ReadonlySet<string>
  /** Also looks for units behind each device: the usual IDs, or all. Default: usual. */
  readonly units?: 'none' | 'usual' | 'all'
  readonly library?: ScanLibrary
  /** Most connections at once. Default: 64. */
  readonly parallel?: number
  /** Most connections begun per second. Default: 200. */
  readonly perS?: number
  /** Time for a connection to come about. Default: 500. */
  readonly connectMs?: number
  /** What hosts say about themselves, listened to while the others are asked. */
  readonly announcements?: Announcements
  readonly previous?: NetworkScan
}

/** Ports other than 502 on which devices are known to talk Modbus; only asked when they are named. */
export const otherModbusPorts: readonly number[] = [1502, 6607, 8080, 8899]

/** To be read before a network is scanned. */
export const networkWarning =
  'A connection can displace the client of a device that serves only one, such as another energy manager. What this service uses itself is left out.'

const usualIds = [...tellingIds, 3, 71, 126, 200]

const mostAnnounced = 400

type FoundUnits = NetworkScan['units']

/**
 * Looks for Modbus devices at every address of the ranges, many at once, and lets go of each at once. Only reads, and never
 * rejects for what happens on the network.
 */
export async function scanNetwork(options: NetworkScanOptions, tools: ScanTools<NetworkScan>): Promise<NetworkScan> {
  const { ranges, ports = [502], held = new Set(), units = 'usual', library, announcements, previous } = options
  const { parallel = 64, perS = 200, connectMs = 500 } = options
  const { clock, signal } = tools
  const startMs = clock.monotonicMs()
  const startedAtMs = clock.nowMs()
  const places = hostsOf(ranges).flatMap((host) => ports.map((port): TcpAddress => ({ kind: 'tcp', host, port })))
  const rankOf = (bus: string): number => places.findIndex(({ host, port }) => bus === `tcp://${host}:${port}`)
  const firstIndex = previous?.asked ?? 0
  // What was found beyond the first address that is still to be asked is found again.
  const before = ({ bus }: { readonly bus: string }): boolean => rankOf(bus) < firstIndex
  const endpoints: ScannedEndpoint[] = previous?.endpoints.filter(before) ?? []
  const found: FoundUnits = previous?.units.filter(before) ?? []
  const done = new Set<number>()
  let next = firstIndex
  let requests = 0
  let longestMs = 0
  let nextStartMs = startMs

  /** Places before which all are done. */
  function asked(): number {
    let index = firstIndex
    while (done.has(index)) index++
    return index
  }

  async function visit(address: TcpAddress): Promise<boolean> {
    const { host, port } = address
    if (held.has(`${host}:${port}`)) {
      const text = 'in use by this service'
      endpoints.push({ bus: `tcp://${host}:${port}`, host, port, status: 'held', latencyMs: null, text })
      return true
    }
    const fromMs = clock.monotonicMs()
    await using bus = createReadOnlyBus({ address, clock, connectTimeoutMs: connectMs })
    const endpoint = await lookAtEndpoint(bus, address, { clock, signal })
    let whole = !signal.aborted
    if (endpoint?.status === 'modbus' && units !== 'none') {
      const scan = await scanUnits(
        { bus, ...(units === 'usual' && { unitIds: usualIds }), ...(library && { library }) },
        { clock, signal },
      )
      whole = scan.state !== 'cancelled'
      if (whole) found.push(...scan.units.map((unit) => ({ ...unit, bus: bus.name })))
      requests += scan.requests
    }
    if (endpoint && whole) endpoints.push(endpoint)
    requests++
    if (endpoint) longestMs = Math.max(longestMs, clock.monotonicMs() - fromMs)
    return whole
  }

  async function work(): Promise<void> {
    while (next < places.length && !signal.aborted) {
      const index = next++
      const nowMs = clock.monotonicMs()
      nextStartMs = Math.max(nextStartMs + 1000 / perS, nowMs)
      progress()
      await clock.sleep(nextStartMs - nowMs, signal).catch(() => undefined)
      if (!signal.aborted && (await visit(places[index]!))) done.add(index)
    }
  }

  function progress(): void {
    const finished = firstIndex + done.size
    const perPlaceMs = (clock.monotonicMs() - startMs) / Math.max(1, done.size)
    const leftMs = done.size === 0 ? null : Math.round(perPlaceMs * (places.length - finished))
    const text = `${endpoints.length} found`
    tools.onProgress?.({ phase: 'network', done: finished, total: places.length, leftMs, text }, () =>
      resultOf('cancelled'),
    )
  }

  /** Of the runs before and of this one; what was said last counts. */
  function announced(): AnnouncedService[] {
    const all = [...(previous?.announced ?? []), ...(announcements?.found() ?? [])]
    const last = new Map(all.map((entry) => [`${entry.host}:${entry.port} ${entry.service} ${entry.name}`, entry]))
    const hostRank = (host: string): number => places.findIndex((place) => place.host === host)
    return [...last.values()].slice(-mostAnnounced).toSorted((a, b) => hostRank(a.host) - hostRank(b.host))
  }

  function resultOf(state: NetworkScan['state']): NetworkScan {
    // Empty addresses cost the time of a connection that does not come about; the rest is bound by the slowest device.
    const askedNow = done.size
    const floorMs = Math.max((askedNow * 1000) / perS, longestMs)
    return {
      kind: 'network',
      bus: ranges.map(({ text }) => text).join(', '),
      settings: null,
      state,
      reason: null,
      startedAtMs,
      elapsedMs: Math.round((previous?.elapsedMs ?? 0) + clock.monotonicMs() - startMs),
      floorMs: Math.round((previous?.floorMs ?? 0) + floorMs),
      requests: (previous?.requests ?? 0) + requests,
      notes: [],
      ranges: ranges.map(({ text }) => text),
      ports: [...ports],
      warning: networkWarning,
      endpoints: endpoints.toSorted((a, b) => rankOf(a.bus) - rankOf(b.bus)),
      units: found.toSorted((a, b) => rankOf(a.bus) - rankOf(b.bus) || a.unitId - b.unitId),
      announced: announced(),
      notExcluded: endpoints.filter(({ status }) => status === 'silent' || status === 'reset').map(({ bus }) => bus),
      asked: asked(),
      total: places.length,
    }
  }

  await Promise.all(Array.from({ length: Math.min(parallel, places.length) }, work))
  if (!signal.aborted) await announcements?.heardOut
  return resultOf(signal.aborted ? 'cancelled' : 'complete')
}
