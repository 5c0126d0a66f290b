import { EdgeError } from '#contract/errors.ts'
import type { KnobState } from '#contract/knob.ts'
import type { RegisterSnapshot, RegisterWatch, SnapshotSummary } from '#contract/workbench-registers.ts'
import type { RegisterSources } from '../../../service/api/register-sources.ts'

const atMs = 1_772_366_400_000

export const watch: RegisterWatch = {
  id: '0a1b2c3d',
  request: { bus: 'tcp://127.0.0.1:5020', unitId: 1, ranges: [{ fn: 3, address: 40, count: 2 }], everyMs: 1000 },
  startedBy: 'api',
  startedAtMs: atMs,
  shared: true,
  points: [
    {
      fn: 3,
      address: 40,
      count: 2,
      name: 'powerW',
      title: 'Active power',
      unit: 'W',
      type: 'int32',
      wordOrder: 'big',
      byteOrder: 'big',
      scale: 0.1,
      offset: 0,
    },
  ],
  latest: {
    id: '0a1b2c3d',
    state: 'reading',
    requests: 4,
    failures: 0,
    roundMs: 12,
    blocks: [{ fn: 3, address: 40, words: [9, 0x5ee8], atMs }],
    refused: [],
  },
}

const snapshot: RegisterSnapshot = {
  kind: 'snapshot',
  id: '20260301-120000-snapshot',
  name: 'before',
  bus: 'tcp://127.0.0.1:5020',
  unitId: 1,
  takenAtMs: atMs,
  takenBy: 'api',
  baseline: { readings: 9, overMs: 10_000 },
  tables: [{ fn: 3, words: { 40: 9, 41: 0x5ee8 }, moved: [41] }],
  refused: [],
}

const wizard: KnobState = {
  id: '0a1b2c3d',
  source: { kind: 'watch', id: '0a1b2c3d' },
  startedAtMs: atMs,
  step: 'ready',
  baselineMs: 10_000,
  baselineSoFarMs: 12_000,
  registers: 2,
  turns: [],
  culprits: [],
  hidden: 0,
  unmoved: 2,
  byChance: [],
}

/** One watch and one snapshot, which answer as the real ones do. */
export function fakeRegisters(): RegisterSources {
  function known(id: string): void {
    if (id !== watch.id && id !== snapshot.id) throw new EdgeError('workbench.unknown', 'there is no such thing')
  }
  const summary = (): SnapshotSummary => {
    const { tables: _tables, refused: _refused, ...rest } = snapshot
    return { ...rest, id: '20260301-120000-snapshot', registers: 2, moved: 1 }
  }
  function tapped(bus: string): void {
    if (bus !== snapshot.bus) throw new EdgeError('bus.unknown', `this service does not use the bus ${bus} now`)
  }
  return {
    candidates({ source, address }) {
      known(source.id)
      return { address, readings: 1, overMs: 0, candidates: [] }
    },
    startKnob({ source }) {
      known(source.id)
      return wizard
    },
    knob(id) {
      known(id)
      return wizard
    },
    turnKnob(id) {
      known(id)
      throw new EdgeError('workbench.refused', 'the time before the change is 4 s long so far; wait until it is 10 s')
    },
    endKnob: () => undefined,
    async startWatch(request) {
      if (request.unitId > 247) throw new EdgeError('workbench.full', '4 watches run already')
      return { ...watch, request }
    },
    watch(id) {
      known(id)
      return watch
    },
    renewWatch: known,
    endWatch: async (id) => known(id),
    recentWatch: (id) => (id === watch.id ? watch.latest : undefined),
    watchTable(id) {
      known(id)
      return 'address,raw\r\n'
    },
    snapshots: async () => ({ snapshots: [summary()] }),
    async takeSnapshot({ watch: id }) {
      known(id)
      return summary()
    },
    async snapshot(id) {
      known(id)
      return snapshot
    },
    removeSnapshot: async (id) => known(id),
    async snapshotTable(id) {
      known(id)
      return 'address,raw\r\n'
    },
    async changesTable(from, to) {
      known(from)
      known(to)
      return 'address,before,after\r\n'
    },
    tappedBuses: () => [snapshot.bus],
    frames(bus, after) {
      tapped(bus)
      const request = { atMs, endMs: atMs, framing: 'tcp', unitId: 1, fc: 3, address: 40, count: 2 } as const
      const frames = [{ number: 0, ...request, role: 'request', hex: '000100000006010300280002' } as const]
      return { bus, frames: frames.slice(after), next: 1, missed: 0 }
    },
    framesCapture(bus) {
      tapped(bus)
      return Buffer.from('0a0d0d0a', 'hex')
    },
  }
}
