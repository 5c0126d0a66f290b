import { describe, expect, it } from 'vitest'
import type { MapCommand } from '#contract/point-map.ts'
import type { Reading } from '#contract/reading.ts'
import { safeSetpoint } from '../../../service/control/limits.ts'
import type { Device } from '../../../service/drivers/driver.ts'
import { type WriteRecord, createGuard, outsideLimits } from '../../../service/runtime/guard.ts'

const command = (limits: MapCommand['limits']): MapCommand => ({
  unit: 'W',
  limits,
  writes: [{ address: 1, value: '$value' }],
  expiry: { kind: 'reversion', seconds: 30, fallback: '0 W' },
  safeValue: 0,
  storage: 'volatile',
})

type Parts = Partial<Pick<Device, 'readings' | 'write' | 'writeByHand' | 'encode'>>

const deviceWith = (parts: Parts): Device => ({
  id: 'battery',
  poll: () => Promise.resolve(),
  readings: () => new Map(),
  link: () => ({ state: 'online', requests: 0, failures: 0 }),
  points: () => [],
  pollGroups: () => [],
  bound: () => undefined,
  pollDurationMs: () => 0,
  write: () => Promise.resolve({ result: 'confirmed', frames: [] }),
  writeByHand: () => Promise.resolve({ result: 'confirmed', frames: [] }),
  encode: () => ({ frames: [] }),
  release: () => Promise.resolve({ result: 'confirmed', frames: [] }),
  [Symbol.asyncDispose]: () => Promise.resolve(),
  ...parts,
})

const measuring = (point: string, reading: Pick<Reading, 'quality'> & Partial<Reading>): Device =>
  deviceWith({ readings: () => new Map([[point, { atMs: 0, monotonicMs: 0, ...reading }]]) })

describe('limits of the map', () => {
  const between = command({ min: -100, max: 200 })

  it.each([-100, 0, 200])('takes %s, which is inside or at the end', (value) => {
    expect(outsideLimits(between, value, undefined)).toBeUndefined()
  })

  it.each([-100.001, 200.001, Number.NaN, Infinity, -Infinity])('refuses %s with both ends in words', (value) => {
    expect(outsideLimits(between, value, undefined)).toContain('-100 to 200 W')
  })

  it('multiplies a measured limit with its factor', () => {
    const half = command({ min: { point: 'chargeLimitW', factor: -0.5 }, max: 10 })
    const device = measuring('chargeLimitW', { quality: 'good', value: 3000 })
    expect(outsideLimits(half, -1500, device)).toBeUndefined()
    expect(outsideLimits(half, -1501, device)).toContain('-1500 to 10 W')
  })

  it('believes a measured limit that is only stale, and none that is bad or no number', () => {
    const own = command({ min: 0, max: { point: 'limitW' } })
    expect(outsideLimits(own, 5, measuring('limitW', { quality: 'stale', value: 10 }))).toBeUndefined()
    for (const reading of [
      { quality: 'bad', value: 10 },
      { quality: 'good', value: 'ten' },
      { quality: 'good' },
    ] as const)
      expect(outsideLimits(own, 5, measuring('limitW', reading))).toContain('not measured')
    expect(outsideLimits(own, 5, undefined)).toContain('not measured')
    expect(outsideLimits(command({ min: { point: 'limitW' }, max: 9 }), 5, undefined)).toContain('not measured')
  })
})

function guardOf(device: Device, enabled = true) {
  const records: WriteRecord[] = []
  const commands = new Map([['setPowerW', command({ min: -100, max: 200 })]])
  const guard = createGuard({
    mode: 'production',
    desktop: false,
    targets: new Map([
      ['battery', { device, simulated: false, commands, unverified: () => undefined, unsafeForEver: () => undefined }],
    ]),
    control: () => ({ enabled, dryRun: false, reason: 'switched off by maria' }),
    journal: (record) => records.push(record),
    journalDurable: (record) => Promise.resolve(records.push(record)),
    controlled: () => true,
  })
  return { guard, records, commands }
}

const setpoint = (value: number, deviceId = 'battery') =>
  safeSetpoint(deviceId, 'setPowerW', value, false, { min: -1e6, max: 1e6 })

describe('what the journal keeps of a write that goes wrong', () => {
  it('keeps a value outside the limits of the map, with the limits', async () => {
    const { guard, records } = guardOf(deviceWith({}))
    const { outcome } = await guard.write(setpoint(201), 'why', false)
    expect(outcome).toBe('refused')
    expect(records).toEqual([
      expect.objectContaining({ outcome: 'refused', value: 201, detail: expect.stringContaining('-100 to 200') }),
    ])
  })

  it('keeps an automatic write that the driver gave up', async () => {
    const { guard, records } = guardOf(deviceWith({ write: () => Promise.reject(new Error('the bus is gone')) }))
    expect(await guard.write(setpoint(50), 'why', false)).toEqual({ outcome: 'failed', reason: 'the bus is gone' })
    expect(records.map(({ outcome, detail }) => [outcome, detail])).toEqual([
      ['attempt', 'why'],
      ['failed', 'the bus is gone'],
    ])
  })

  it('keeps a thrown value that is no error as text', async () => {
    // Libraries below the drivers reject with whatever they like.
    const { guard } = guardOf(
      deviceWith({ write: () => Promise.reject(Object.assign(Object.create(null), { toString: () => 'odd' })) }),
    )
    expect(await guard.write(setpoint(50), 'why', false)).toEqual({ outcome: 'failed', reason: 'odd' })
  })

  it('keeps a write to a device that does not exist', async () => {
    const { guard, records } = guardOf(deviceWith({}))
    expect(guard.obstacle('heater', 'setPowerW', false)).toEqual({
      outcome: 'refused',
      reason: 'there is no device "heater"',
    })
    const released = await guard.release('heater', 'setPowerW', 'stop')
    expect(released).toEqual({ outcome: 'refused', reason: 'there is no device "heater"' })
    expect(records).toEqual([expect.objectContaining({ kind: 'release', outcome: 'refused' })])
  })

  it('keeps why control is off in the words of its state, and why a mode writes nothing in those of the table', async () => {
    const { guard } = guardOf(deviceWith({}), false)
    expect(guard.obstacle('battery', 'setPowerW', false)?.reason).toBe('switched off by maria')
  })

  it('keeps a write by hand that the driver gave up, with the limits that held', async () => {
    const device = deviceWith({ writeByHand: () => Promise.reject(new Error('the bus is gone')) })
    const { guard, records, commands } = guardOf(device, false)
    const outcome = await guard.manual({
      principal: 'cli:maria',
      deviceId: 'battery',
      simulated: false,
      armed: true,
      value: 50,
      action: { kind: 'command', command: 'setPowerW', device, commands },
    })
    expect(outcome).toEqual({ outcome: 'failed', reason: 'the bus is gone', frames: [] })
    expect(records.map(({ outcome, detail, command: name }) => [outcome, detail, name])).toEqual([
      ['attempt', 'by hand', 'setPowerW'],
      ['failed', 'the bus is gone', 'setPowerW'],
    ])
  })

  it('keeps a register written by hand at the very ends of the limits that were typed', async () => {
    const { guard, records } = guardOf(deviceWith({}), false)
    const register = (value: number) =>
      guard.manual({
        principal: 'cli:maria',
        deviceId: 'battery',
        simulated: false,
        armed: true,
        value,
        action: {
          kind: 'register',
          register: 'holding 7 (FC06)',
          min: 0,
          max: 10,
          encode: () => ['bb'],
          send: () => Promise.resolve({ result: 'written', frames: ['bb'] }),
        },
      })
    for (const value of [0, 10]) expect((await register(value)).outcome).toBe('written')
    for (const value of [-0.5, 10.5]) expect((await register(value)).outcome).toBe('refused')
    expect(records[0]).toMatchObject({ command: 'holding 7 (FC06)', detail: 'limits given: 0 to 10' })
  })
})
