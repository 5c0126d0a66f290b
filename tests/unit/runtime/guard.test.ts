import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { MapCommand } from '#contract/point-map.ts'
import { safeSetpoint } from '../../../service/control/limits.ts'
import type { Device, WriteOutcome } from '../../../service/drivers/driver.ts'
import { createGuard, type Mode, type WriteRecord } from '../../../service/runtime/guard.ts'

const reason = { rule: 'test', tier: 'physical', text: '' } as const
const wide = { min: -1e9, max: 1e9, minRule: reason, maxRule: reason }
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
    pollDurationMs: () => 0,
    write: ({ value }) => {
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
}) {
  const { device, sent } = countingDevice()
  const records: WriteRecord[] = []
  const guard = createGuard({
    mode: options.mode ?? 'production',
    desktop: options.desktop ?? false,
    targets: new Map([
      ['battery', { device, simulated: options.simulated ?? false, commands: new Map([['setPowerW', command]]) }],
    ]),
    control: () => ({ enabled: options.enabled ?? true, dryRun: options.dryRun ?? false, reason: 'as set' }),
    journal: (record) => records.push(record),
  })
  return { guard, sent, records }
}

describe('guard', () => {
  const bits = [false, true]
  const table = bits.flatMap((simulated) =>
    bits.flatMap((enabled) =>
      bits.flatMap((dryRun) =>
        bits.flatMap((desktop) =>
          (['production', 'simulation'] as const).map((mode) => ({ simulated, enabled, dryRun, desktop, mode })),
        ),
      ),
    ),
  )
  it.each(table)(
    'S1: mode $mode, simulated $simulated, enabled $enabled, dry run $dryRun, desktop $desktop',
    async (given) => {
      const { guard, sent, records } = guardWith(given)
      const { outcome } = await guard.write(setpoint(100), 'test')
      const reachable = given.simulated || (given.mode === 'production' && !given.desktop)
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
        const { outcome } = await guard.write(setpoint(value), 'test')
        const inside = value >= -5000 && value <= 4000
        expect(outcome).toBe(inside ? 'confirmed' : 'refused')
        expect(sent).toEqual(inside ? [value] : [])
      }),
    )
  })

  it('S1: refuses a command that the map does not declare', async () => {
    const { guard, sent } = guardWith({})
    await expect(guard.write(setpoint(1, 'switchOn'), 'test')).resolves.toMatchObject({ outcome: 'refused' })
    expect(sent).toEqual([])
  })

  it('S2: journals the attempt with its bytes before the wire, and the result after', async () => {
    const { guard, records } = guardWith({})
    await guard.write(setpoint(250), 'covers import')
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
    await guard.write(setpoint(250), 'covers import')
    await guard.release('battery', 'setPowerW', 'stop')
    expect(sent).toEqual([])
    expect(records.map(({ outcome }) => outcome)).toEqual(['recorded', 'recorded'])
    expect(records[0]?.frames).toEqual(['aa'])
  })
})
