import { gzipSync } from 'node:zlib'
import type { SiteLimit, SiteLimits } from '../../../service/contract/site-limits.ts'
import type { Principal } from '#contract/access.ts'
import type { ControlRequest, Device, PowerFlow, Status } from '#contract/api.ts'
import type { ArmedState, ControlWish, FailsafeEntry } from '#contract/control.ts'
import type { LicenseState } from '#contract/license.ts'
import { EdgeError } from '#contract/errors.ts'
import { fakeDeployment } from './fake-deployment.ts'
import { fakeEdges } from './fake-edges.ts'
import { fakeSetup } from './fake-setup.ts'
import type { Verification } from '#contract/verification.ts'
import { fakeChecks } from './fake-checks.ts'
import { fakeHandover } from './fake-handover.ts'
import { fakeWorkbench } from './fake-workbench.ts'
import type { MeasurementRange, Sources } from '../../../service/api/sources.ts'
import { manualTable, writeTable } from '../../../service/runtime/write-rules.ts'

const fuse: SiteLimit = {
  id: 'grids.0.connection.fuseA',
  owner: 'Grid connection',
  title: 'Fuse per phase',
  unit: 'A',
  tier: 'physical',
  value: 35,
  optional: true,
  min: 1,
  max: 10_000,
  looser: 'larger',
}
const siteLimits: SiteLimits = { revision: 'r1', kept: 'file', limits: [fuse] }

const verification: Verification = {
  kept: 'file',
  needed: 1,
  verified: 0,
  items: [
    {
      deviceId: 'battery',
      deviceName: 'Battery',
      kind: 'command',
      name: 'setPowerW',
      title: 'Power',
      needed: true,
      provenance: 'manual',
    },
  ],
}

export const nowMs = 1_772_366_400_000

const control = { enabled: true, dryRun: false, reason: 'demo site' }

export const meter: Device = {
  id: 'meter',
  name: 'Grid meter',
  role: 'grid-meter',
  map: 'eastron/sdm630',
  connection: 'tcp://127.0.0.1:5020',
  unitId: 1,
  bus: 'tcp://127.0.0.1:5020',
  simulated: true,
  vendor: 'Eastron',
  link: { state: 'online', latencyMs: 3, lastAnswerAtMs: nowMs, requests: 100, failures: 2 },
  pollGroups: [{ name: 'fast', everyMs: 1000, requests: [{ function: 'input', address: 0, count: 40 }] }],
  points: [
    {
      name: 'powerW',
      title: 'Active power',
      unit: 'W',
      address: 52,
      function: 'input',
      type: 'float32',
      pollGroup: 'fast',
      reading: { value: 1200, quality: 'good', atMs: nowMs, raw: [0x4496, 0] },
    },
    { name: 'currentA.l1', title: 'Current L1', unit: 'A', type: 'float32', pollGroup: 'fast' },
  ],
  commands: [],
}

export const battery: Device = {
  ...meter,
  id: 'battery',
  name: 'Battery',
  role: 'battery',
  link: { state: 'silent', reason: 'no answer', requests: 10, failures: 10 },
  points: [],
  commands: [{ name: 'setPowerW', title: 'Power', unit: 'W', min: -5000, max: 5000 }],
}

export const flow = (cycle: number): PowerFlow => ({
  atMs: nowMs,
  cycle,
  durationMs: 1.5,
  latenessMs: 0.2,
  grid: { powerW: 200, quality: 'good', deviceIds: ['meter'], atMs: nowMs, currentA: { l1: 1 }, voltageV: {} },
  pv: { quality: 'bad', reason: 'no answer', deviceIds: [] },
  battery: { powerW: 1000, quality: 'good', deviceIds: ['battery'], socPercent: 50 },
  load: { powerW: 1200, quality: 'good', deviceIds: [] },
  limits: [
    {
      id: 'fuse.l1',
      title: 'Main fuse L1',
      unit: 'A',
      value: 1,
      limit: 63,
      kind: 'ceiling',
      binding: false,
      violated: false,
    },
  ],
  setpoints: [
    {
      deviceId: 'battery',
      command: 'setPowerW',
      unit: 'W',
      value: 1000,
      outcome: 'confirmed',
      reasons: [{ rule: 'self-consumption', tier: 'economic', text: 'covers the load of 1,200 W' }],
    },
  ],
  control,
})

export const status: Status = {
  site: 'Demo',
  version: '0.1.0',
  mode: 'simulation',
  demo: true,
  startedAtMs: nowMs - 60_000,
  nowMs,
  control,
  cycle: {
    periodMs: 1000,
    count: 60,
    overruns: 0,
    latenessMs: { p50: 0.1, p99: 1, max: 2 },
    durationMs: { p50: 1, p99: 2, max: 3 },
  },
  devices: { total: 2, online: 1 },
  requestsPerS: 8,
  faults: [],
}

const failsafe: FailsafeEntry = {
  deviceId: 'battery',
  deviceName: 'Battery',
  command: 'setPowerW',
  title: 'Power',
  unit: 'W',
  kind: 'reversion',
  afterS: 30,
  fallback: 'standby',
  renewedEveryS: 10,
  text: 'If R-EMS stops: standby after at most 30 s.',
  proof: { state: 'not-proven' },
}

const noLicense: LicenseState = {
  standing: 'none',
  message: 'no licence is loaded',
  edgeId: '5b0d7c1e-51f2-4a53-9c57-0b6d2d1f3a10',
  clockBelieved: true,
  features: [
    { feature: 'economic-control', allowed: false, because: 'none', reason: 'economic control needs a licence' },
  ],
  usage: [{ limit: 'devices', used: 2 }],
  others: [],
}

const armedState = (armed: boolean): ArmedState => ({ armed, permissions: [], targets: [] })

/** A site with two devices that remembers what it was asked. */
export interface FakeSources extends Sources {
  readonly asked: MeasurementRange[]
  readonly controlled: { readonly request: ControlRequest; readonly principal: Principal }[]
}

export function fakeSources(overrides: Partial<Sources> = {}): FakeSources {
  const asked: MeasurementRange[] = []
  const wished = new Map<string, ControlWish>()
  const armed = new Set<string>()
  const controlled: { request: ControlRequest; principal: Principal }[] = []
  return {
    asked,
    controlled,
    nowMs: () => nowMs,
    health: () => ({ status: 'ok', version: '0.1.0', uptimeS: 60, faults: [] }),
    status: () => status,
    devices: () => [meter, battery],
    device: (id) => [meter, battery].find((device) => device.id === id),
    powerFlow: () => flow(60),
    async measurements(query) {
      if (query.device !== 'meter') throw new EdgeError('device.unknown', `there is no device "${query.device}"`)
      if (query.metric !== 'powerW') throw new EdgeError('metric.unknown', `meter has no point "${query.metric}"`)
      asked.push(query)
      const { device, metric, fromMs, toMs } = query
      return { device, metric, unit: 'W', fromMs, toMs, series: [{ atMs: fromMs, value: 1200 }] }
    },
    async events({ limit }) {
      const one = {
        id: 7,
        atMs: nowMs,
        severity: 'info',
        code: 'device.silent',
        message: 'battery went silent',
      } as const
      return { events: [one].slice(0, limit) }
    },
    async setControl(request, principal) {
      controlled.push({ request, principal })
      return { enabled: request.enabled, dryRun: request.dryRun, reason: request.reason }
    },
    auditEntries: async () => ({ entries: [] }),
    verifyAudit: async () => ({ ok: true, entries: 3, headSeq: 3, headHash: 'ab' }),
    async readBus({ bus, request }) {
      if (bus !== meter.bus) throw new EdgeError('bus.unknown', `this service does not hold the bus ${bus}`)
      return request.fn === 3 ? { kind: 'words', words: [1, 2] } : { kind: 'exception', code: 1 }
    },
    async writeBus({ write }) {
      if (write.value > 100) throw new EdgeError('write.refused', `${write.value} is outside the limits`)
      return { outcome: 'confirmed', frames: ['0106'], readBack: write.value }
    },
    async previewWrite({ write }) {
      if (write.kind === 'command') throw new EdgeError('write.refused', 'the map declares no such command')
      return {
        write,
        title: 'holding 1 (FC06)',
        unit: '',
        frames: ['0106'],
        before: 1,
        registers: [{ address: 1, before: 1, after: 2 }],
        wear: { storage: 'unknown', writesToday: 0 },
      }
    },
    ledger: async () => ({ entries: [] }),
    grids: () => [],
    cycles: () => ({ atMs: nowMs, epoch: 7, grids: [] }),
    failsafe: () => ({ devices: [failsafe] }),
    writeRules: () => ({ automatic: [...writeTable], manual: [...manualTable] }),
    async *capture() {
      yield gzipSync('{}\n')
    },
    async explain({ device, at = nowMs }) {
      if (device !== 'battery') throw new EdgeError('device.unknown', `there is no device "${device}"`)
      return { device, atMs: at, setpoints: [] }
    },
    wishes: () => [...wished.values()],
    async setWish(target, { value, reason, ttlS }, { name }) {
      if (target.deviceId !== 'battery')
        throw new EdgeError('device.unknown', `there is no device "${target.deviceId}"`)
      if (target.command !== 'setPowerW') throw new EdgeError('control.unknown', `battery has no ${target.command}`)
      if (Math.abs(value) > 5000) throw new EdgeError('control.outside', `${value} is outside the limits`)
      const times = { sinceMs: nowMs, untilMs: nowMs + ttlS * 1000, leftS: ttlS }
      const wish = { ...target, unit: 'W', value, reason, principal: name, ...times }
      wished.set(target.deviceId, wish)
      return wish
    },
    clearWish: ({ deviceId }) => void wished.delete(deviceId),
    armed: ({ id }) => armedState(armed.has(id)),
    async arm(_request, { id }) {
      armed.add(id)
      return armedState(true)
    },
    disarm({ id }) {
      armed.delete(id)
      return armedState(false)
    },
    limits: () => siteLimits,
    previewLimits({ revision }) {
      if (revision !== siteLimits.revision) throw new EdgeError('limits.changed', 'the limits were changed meanwhile')
      return { looser: [], limits: [], setpoints: [], violations: [] }
    },
    async changeLimits({ revision, changes }) {
      if (revision !== siteLimits.revision) throw new EdgeError('limits.changed', 'the limits were changed meanwhile')
      if (changes.some(({ id }) => id !== fuse.id)) throw new EdgeError('limits.invalid', 'there is no such limit')
      return siteLimits
    },
    backup: {
      state: () => ({ edgeId: noLicense.edgeId }),
      make: async () => Buffer.from('a backup'),
      async restore({ passphrase }) {
        if (passphrase !== 'the right passphrase')
          throw new EdgeError('backup.passphrase', 'the passphrase is not that of this backup')
        return { site: 'Depot', edgeId: noLicense.edgeId, createdAtMs: nowMs, message: 'the service restarts with it' }
      },
      confirmReplacement: async () => ({ edgeId: noLicense.edgeId }),
    },
    license: () => noLicense,
    async loadLicense(text) {
      if (text !== 'a licence') throw new EdgeError('license.refused', 'the licence is refused: it is incomplete')
      return noLicense
    },
    unloadLicense: async () => noLicense,
    workbench: fakeWorkbench(),
    setup: fakeSetup(),
    deployment: fakeDeployment(),
    edges: fakeEdges(),
    plausibility(deviceId) {
      if (deviceId !== 'meter') throw new EdgeError('device.unknown', `there is no device "${deviceId}"`)
      return { deviceId, atMs: nowMs, checks: [] }
    },
    verification: () => verification,
    async verify({ deviceId, name }) {
      if (deviceId !== 'battery') throw new EdgeError('device.unknown', `there is no device "${deviceId}"`)
      if (name !== 'setPowerW') throw new EdgeError('verify.unknown', `battery has no ${name}`)
      return verification
    },
    async unverify({ deviceId }) {
      if (deviceId !== 'battery') throw new EdgeError('device.unknown', `there is no device "${deviceId}"`)
      return verification
    },
    checks: fakeChecks(),
    handover: fakeHandover(),
    metrics: () => ({
      grids: [{ id: 'main', cycles: 60, overruns: 1, failures: 2 }],
      devices: [
        { id: 'meter', role: 'grid-meter', up: true, requests: 100, failures: 2 },
        { id: 'battery', role: 'battery', up: false, requests: 10, failures: 10 },
      ],
      gridW: 200,
      batteryW: 1000,
      loadW: 1200,
      batterySocPercent: 50,
      setpoints: [
        { deviceId: 'battery', command: 'setPowerW', unit: 'W', value: 1000 },
        { deviceId: 'inverter', command: 'limitPowerPercent', unit: '%', value: 60 },
        { deviceId: 'charger', command: 'setCurrentA', unit: 'A', value: 16 },
      ],
      controlEnabled: true,
      dryRun: false,
      storageQueue: 3,
    }),
    ...overrides,
  }
}
