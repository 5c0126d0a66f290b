import { EdgeError } from '#contract/errors.ts'
import type { Job, Lease, Workbench, WorkbenchPort } from '#contract/workbench.ts'
import type { WorkbenchSources } from '../../../service/api/workbench-sources.ts'
import type { MapFileSources } from '../../../service/api/map-file-sources.ts'
import { fakeMaps } from './fake-maps.ts'
import { fakeRegisters } from './fake-registers.ts'

const atMs = 1_772_366_400_000
const bus = 'rtu:///dev/ttyUSB0?baud=9600&parity=N&stopbits=1'

export const finishedJob: Job = {
  id: '20260301-120000-units',
  request: { kind: 'units', bus, thorough: false },
  place: '/dev/ttyUSB0',
  state: 'done',
  startedBy: 'api',
  startedAtMs: atMs,
  endedAtMs: atMs + 15_000,
  progress: { phase: 'units', done: 247, total: 247, leftMs: 0, text: '5 found', elapsedMs: 15_000, floorMs: 13_000 },
  resumable: false,
  requests: 260,
}

const port: WorkbenchPort = {
  path: '/dev/ttyUSB0',
  byIdPath: null,
  kind: 'usb',
  vendorId: '0403',
  productId: '6001',
  vendor: 'FTDI',
  product: 'FT232R USB UART',
  serial: 'A1',
  driver: 'ftdi_sio',
  settings: null,
  latencyMs: 16,
  present: true,
  manual: false,
  heldAs: null,
}

const lease: Lease = {
  id: 'lease-1',
  bus,
  reason: 'a scan',
  heldBy: 'api',
  sinceMs: atMs,
  untilMs: atMs + 600_000,
  renewByMs: atMs + 30_000,
  released: ['battery'],
}

/** A workbench with one job and one lease, which answers as the real one does. */
export function fakeWorkbench(): WorkbenchSources {
  const overview = (): Workbench => ({
    folder: '/site/workbench',
    jobs: [summary()],
    leases: [lease],
    heldBuses: [{ bus, devices: ['meter'], notLendable: 'Grid meter guards the main fuse' }],
    found: [],
    likelySettings: [{ baud: 9600, parity: 'none', stopBits: 1 }],
  })
  const summary = () => {
    const { result: _result, ...rest } = finishedJob
    return rest
  }
  function known(id: string): void {
    if (id !== finishedJob.id) throw new EdgeError('workbench.unknown', 'there is no such job')
  }
  return {
    health: {
      read: () => ({ nowMs: atMs, buses: [] }),
      async counters(request) {
        if (request.bus !== bus) throw new EdgeError('bus.unknown', 'this service does not hold the bus')
        return {
          unitId: request.unitId,
          atMs,
          counters: [{ code: 11, value: 7 }, { code: 12 }],
          reason: 'illegal function',
        }
      },
    },
    overview,
    ports: async () => ({ ports: [port] }),
    addPort: async () => ({ ports: [port] }),
    async removePort(path) {
      if (path !== port.path) throw new EdgeError('workbench.unknown', `${path} was not typed in`)
      return { ports: [] }
    },
    async lowerLatency(path) {
      if (path !== port.path) throw new EdgeError('workbench.unknown', `there is no ${path}`)
      return { latencyMs: 1, lowered: true, text: 'it is 1 ms now' }
    },
    async start(request) {
      if (request.kind === 'units' && request.bus.startsWith('tcp:'))
        throw new EdgeError('workbench.busy', 'in use by units')
      return { ...summary(), request }
    },
    async resume(id) {
      known(id)
      throw new EdgeError('workbench.refused', 'it has come to its end')
    },
    async stop(id) {
      known(id)
      return summary()
    },
    async remove(id) {
      known(id)
    },
    async job(id) {
      known(id)
      return finishedJob
    },
    recentJob: (id) => (id === finishedJob.id ? finishedJob : undefined),
    async table(id) {
      known(id)
      return 'unit,status\r\n1,present\r\n'
    },
    async capture(id) {
      known(id)
      return Buffer.from('0a0d0d0a', 'hex')
    },
    replay: async (file) => ({ ...summary(), request: { kind: 'replay', file } }),
    accept: async () => overview(),
    async forget(_bus, unitId) {
      if (unitId !== 1) throw new EdgeError('workbench.unknown', `unit ${unitId} was not accepted`)
      return overview()
    },
    async borrow({ minutes, reason }) {
      if (minutes > 30) throw new EdgeError('workbench.refused', 'Grid meter guards the main fuse')
      return { ...lease, reason }
    },
    renewLease(id) {
      if (id !== lease.id) throw new EdgeError('workbench.unknown', 'this lease has ended')
      return lease
    },
    async endLease(id) {
      if (id !== lease.id) throw new EdgeError('workbench.unknown', 'this lease has ended')
    },
    maps: fakeMaps(),
    mapFiles: fakeMapFiles,
    registers: fakeRegisters(),
  }
}

/** Knows one file. */
const fakeMapFiles: MapFileSources = {
  importMap: async ({ name, bytes }) => ({
    verdict: 'refused',
    place: name,
    reason: bytes.length === 0 ? 'the file is empty' : 'it is no map',
  }),
  async exportMap({ name }) {
    if (name !== 'meter.yaml') throw new EdgeError('api.invalid', `${name}:1:1: this is no map`)
    return { name: 'test-meter.csv', text: 'name\r\n', left: [] }
  },
}
