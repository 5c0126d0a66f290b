import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Mode } from '#contract/api.ts'
import type { MapCommand } from '#contract/point-map.ts'
import { safeSetpoint } from '../../../service/control/limits.ts'
import type { Device, WriteOutcome } from '../../../service/drivers/driver.ts'
import { createGuard, type WriteRecord } from '../../../service/runtime/guard.ts'

const wide = { min: -1e9, max: 1e9 }
const setpoint = (value: number, command = 'setPowerW') => safeSetpoint('battery', command, value, false, wide)

const command: MapCommand = {
  unit: 'W',
  limits: { min: -5000, max: { point: 'dischargeLimitW' } },
  writes: [{ address: 1, value: '$value' }],
  expiry: { kind: 'reversion', seconds: 30, fallback: '0 W' },
  safeValue: 0,
  storage: 'volatile',
}

/** A device that only counts what would go out; what the wire does is proven in the driver's own tests. */
function countingDevice(outcome: WriteOutcome = { result: 'confirmed', frames: ['aa'] }) {
  const sent: number[] = []
  const device: Device = {
    id: 'battery',
    poll: () => Promise.resolve(),
    readings: () => new Map([['dischargeLimitW', { value: 4000, quality: 'good', atMs: 0, monotonicMs: 0 }]]),
    link: () => ({ state: 'online', requests: 0, failures: 0 }),
    points: () => [],
    pollGroups: () => [],
    bound: () => undefined,
    pollDurationMs: () => 0,
    write: ({ value }) => {
      sent.push(value)
      return Promise.resolve(outcome)
    },
    writeByHand: (_command, value) => {
      sent.push(value)
      return Promise.resolve(outcome)
    },
    encode: () => ({ frames: ['aa'] }),
    release: () => {
      sent.push(NaN)
      return Promise.resolve(outcome)
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
  return { device, sent }
}

function guardWith(options: {
  mode?: Mode
  desktop?: boolean
  simulated?: boolean
  enabled?: boolean
  dryRun?: boolean
  controlled?: boolean
  diskFull?: boolean
  unverified?: string
  unsafeForEver?: string
  armed?: boolean
}) {
  const { device, sent } = countingDevice()
  const records: WriteRecord[] = []
  const guard = createGuard({
    mode: options.mode ?? 'production',
    desktop: options.desktop ?? false,
    targets: new Map([
      [
        'battery',
        {
          device,
          simulated: options.simulated ?? false,
          commands: new Map([['setPowerW', command]]),
          unverified: () => options.unverified,
          unsafeForEver: () => options.unsafeForEver,
        },
      ],
    ]),
    control: () => ({ enabled: options.enabled ?? true, dryRun: options.dryRun ?? false, reason: 'as set' }),
    journal: (record) => records.push(record),
    journalDurable: (record) => {
      if (options.diskFull) return Promise.reject(new Error('the disk is full'))
      expect(sent).toEqual([])
      records.push(record)
      return Promise.resolve()
    },
    controlled: () => options.controlled ?? false,
  })
  const byHand = {
    principal: 'cli:maria',
    deviceId: 'battery',
    simulated: options.simulated ?? false,
    armed: options.armed ?? true,
  }
  const manual = (value: number, name = 'setPowerW') =>
    guard.manual({
      ...byHand,
      value,
      action: {
        kind: 'command',
        command: name,
        device,
        commands: new Map([['setPowerW', command]]),
      },
    })
  const register = (value: number, given: { min?: number; max?: number; declaredBy?: string } = {}) =>
    guard.manual({
      ...byHand,
      value,
      action: {
        kind: 'register',
        register: 'holding 7 (FC06)',
        min: 0,
        max: 10,
        ...given,
        encode: () => ['bb'],
        send() {
          sent.push(value)
          return Promise.resolve({ result: 'written', frames: ['bb'] })
        },
      },
    })
  return { guard, sent, records, manual, register }
}

describe('guard', () => {
  const bits = [false, true]
  const table = bits.flatMap((simulated) =>
    bits.flatMap((enabled) =>
      bits.flatMap((dryRun) =>
        bits.flatMap((desktop) =>
          (['production', 'simulation', 'hybrid', 'replay'] as const).map((mode) => ({
            simulated,
            enabled,
            dryRun,
            desktop,
            mode,
          })),
        ),
      ),
    ),
  )
  it.each(table)(
    'S1: mode $mode, simulated $simulated, enabled $enabled, dry run $dryRun, desktop $desktop',
    async (given) => {
      const { guard, sent, records } = guardWith(given)
      const { outcome } = await guard.write(setpoint(100), 'test', false)
      const elsewhere = given.mode === 'simulation' || given.desktop
      const reachable = given.mode !== 'replay' && (given.simulated || !elsewhere)
      const expected = !given.enabled || !reachable ? 'refused' : given.dryRun ? 'recorded' : 'confirmed'
      expect(outcome).toBe(expected)
      expect(sent).toEqual(expected === 'confirmed' ? [100] : [])
      expect(records.at(-1)?.outcome).toBe(expected)
    },
  )

  it('S1: never sends a value outside the limits of the map', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: -20_000, max: 20_000 }), async (value) => {
        const { guard, sent } = guardWith({})
        const { outcome } = await guard.write(setpoint(value), 'test', false)
        const inside = value >= -5000 && value <= 4000
        expect(outcome).toBe(inside ? 'confirmed' : 'refused')
        expect(sent).toEqual(inside ? [value] : [])
      }),
    )
  })

  it('S1: refuses a command that the map does not declare', async () => {
    const { guard, sent } = guardWith({})
    await expect(guard.write(setpoint(1, 'switchOn'), 'test', false)).resolves.toMatchObject({ outcome: 'refused' })
    expect(sent).toEqual([])
  })

  it('S12: sends nothing automatically that is not verified for this site', async () => {
    const { guard, sent } = guardWith({ unverified: 'the command setPowerW is not verified for this site' })
    await expect(guard.write(setpoint(100), 'test', false)).resolves.toEqual({
      outcome: 'refused',
      reason: 'the command setPowerW is not verified for this site',
    })
    expect(sent).toEqual([])
  })

  it('S11: records what rests on a simulated reading, and sends it to a simulated device only', async () => {
    for (const simulated of bits) {
      const { guard, sent, records } = guardWith({ mode: 'hybrid', simulated })
      const { outcome } = await guard.write(setpoint(100), 'test', true)
      expect(outcome).toBe(simulated ? 'confirmed' : 'recorded')
      expect(sent).toEqual(simulated ? [100] : [])
      if (!simulated) expect(records).toMatchObject([{ outcome: 'recorded', frames: ['aa'] }])
    }
  })

  it('S3: refuses what a device would hold for ever and is not safe for that', async () => {
    const { guard, sent } = guardWith({ unsafeForEver: 'the device would hold 100 W for ever' })
    await expect(guard.write(setpoint(100), 'test', false)).resolves.toMatchObject({ outcome: 'refused' })
    expect(sent).toEqual([])
  })

  it('S1: by hand: nothing without Armed, whatever the state of control', async () => {
    for (const kind of ['manual', 'register'] as const) {
      const { sent, records, ...rig } = guardWith({ armed: false, enabled: false })
      const { outcome, reason: why } = await rig[kind](5)
      expect([outcome, why]).toEqual(['refused', 'a write by hand needs Armed: arm yourself first'])
      expect(sent).toEqual([])
      expect(records.map((record) => record.outcome)).toEqual(['refused'])
    }
  })

  it('S2: journals the attempt with its bytes before the wire, and the result after', async () => {
    const { guard, records } = guardWith({})
    await guard.write(setpoint(250), 'covers import', false)
    expect(records.map(({ outcome }) => outcome)).toEqual(['attempt', 'confirmed'])
    expect(records[0]).toMatchObject({
      deviceId: 'battery',
      command: 'setPowerW',
      value: 250,
      frames: ['aa'],
      detail: 'covers import',
    })
  })

  it('S2: dry run records the bytes and sends nothing, not even a release', async () => {
    const { guard, sent, records } = guardWith({ dryRun: true })
    await guard.write(setpoint(250), 'covers import', false)
    await guard.release('battery', 'setPowerW', 'stop')
    expect(sent).toEqual([])
    expect(records.map(({ outcome }) => outcome)).toEqual(['recorded', 'recorded'])
    expect(records[0]?.frames).toEqual(['aa'])
  })

  const manualTable = bits.flatMap((simulated) =>
    bits.flatMap((enabled) =>
      bits.flatMap((dryRun) =>
        bits.flatMap((desktop) =>
          bits.flatMap((controlled) =>
            (['production', 'simulation', 'hybrid', 'replay'] as const).map((mode) => ({
              simulated,
              enabled,
              dryRun,
              desktop,
              controlled,
              mode,
            })),
          ),
        ),
      ),
    ),
  )
  it.each(manualTable)(
    'S1, S9: by hand: mode $mode, simulated $simulated, enabled $enabled, dry run $dryRun, desktop $desktop, controlled $controlled',
    async (given) => {
      for (const kind of ['manual', 'register'] as const) {
        const rig = guardWith(given)
        const { outcome } = await rig[kind](5)
        const fought = given.controlled && given.enabled && !given.dryRun
        const reachable = given.mode !== 'replay' && (given.simulated || given.mode !== 'simulation')
        const allowed = reachable && !fought
        expect(outcome).toBe(allowed ? (kind === 'manual' ? 'confirmed' : 'written') : 'refused')
        expect(rig.sent).toEqual(allowed ? [5] : [])
        expect(rig.records.at(-1)).toMatchObject({ principal: 'cli:maria', outcome })
      }
    },
  )

  it('S1: by hand: never sends a value outside the limits of the map, and keeps the value as it is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.double({ min: -20_000, max: 20_000 }), async (value) => {
        const { manual, sent } = guardWith({})
        const { outcome } = await manual(value)
        const inside = value >= -5000 && value <= 4000
        expect(outcome).toBe(inside ? 'confirmed' : 'refused')
        expect(sent).toEqual(inside ? [value] : [])
      }),
    )
  })

  it.each([
    ['below the limits', -1, {}, 'outside the limits that were given, 0 to 10'],
    ['above the limits', 11, {}, 'outside the limits'],
    ['with limits that are none', 5, { min: 6, max: 4 }, 'are no limits'],
    ['with a limit that is no number', 5, { min: Number.NaN }, 'are no limits'],
    ['that belongs to a command', 5, { declaredBy: 'setPowerW' }, 'setPowerW'],
  ] as const)('S1: by hand: no register %s', async (_, value, given, words) => {
    const { register, sent, records } = guardWith({})
    const outcome = await register(value, given)
    expect(outcome).toMatchObject({ outcome: 'refused', frames: [] })
    expect(outcome.reason).toContain(words)
    expect(sent).toEqual([])
    expect(records.map((record) => record.outcome)).toEqual(['refused'])
  })

  it('S1: by hand: no command that the map does not declare', async () => {
    const { manual, sent } = guardWith({})
    await expect(manual(1, 'switchOn')).resolves.toMatchObject({ outcome: 'refused' })
    expect(sent).toEqual([])
  })

  it('S2: by hand: on the disk before the wire, and not on the wire when it cannot be', async () => {
    const good = guardWith({})
    await good.register(5)
    expect(good.records).toMatchObject([
      { outcome: 'attempt', command: 'holding 7 (FC06)', value: 5, frames: ['bb'], detail: 'limits given: 0 to 10' },
      { outcome: 'written', frames: ['bb'] },
    ])
    for (const kind of ['manual', 'register'] as const) {
      const full = guardWith({ diskFull: true })
      const outcome = await full[kind](5)
      expect(outcome).toMatchObject({ outcome: 'refused' })
      expect(outcome.reason).toContain('the disk is full')
      expect(full.sent).toEqual([])
    }
  })
})
