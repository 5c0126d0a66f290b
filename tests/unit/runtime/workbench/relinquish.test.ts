import { expect, onTestFinished, test } from 'vitest'
import { parseBusAddress } from '../../../../service/drivers/modbus/address.ts'
import { createArmedBus } from '../../../../service/drivers/modbus/bus.ts'
import { createModbusDevice } from '../../../../service/drivers/modbus/device.ts'
import type { GuardedOutcome } from '../../../../service/runtime/guard.ts'
import type { SiteDeviceEntry } from '../../../../service/runtime/site-runtime.ts'
import { createRelinquish } from '../../../../service/runtime/workbench/relinquish.ts'
import { realClock } from '../../../drivers/support/clock.ts'
import { mapFrom } from '../../../drivers/support/maps.ts'
import { createTestUnit } from '../../../drivers/support/test-device.ts'
import { startTestServer } from '../../../drivers/support/test-server.ts'

const mapWith = (safeValue: string, release: string) =>
  mapFrom(`
format: 1
maker: Test
model: Battery
kind: battery
points:
  setpointW: { address: 10, type: int16, pollGroup: fast }
commands:
  setPowerW:
    unit: W
    limits: { min: -5000, max: 5000 }
    writes:
      - { address: 10, type: int16, value: $value }
${release}
    readBack: { point: setpointW, tolerance: 1, withinMs: 300 }
    expiry: { kind: none }
    safeValue: ${safeValue}
    storage: volatile
`)

const withRelease = '    release:\n      - { address: 11, type: uint16, value: 0 }'

/** A battery whose command was written, with a guard that answers as told; its registers are really read. */
async function bench(options: {
  safeValue: string
  release: string
  enabled: number
  write?: GuardedOutcome
  released?: GuardedOutcome
}) {
  const { safeValue, release, enabled, write = { outcome: 'confirmed' }, released = { outcome: 'written' } } = options
  const server = await startTestServer('tcp', { 1: createTestUnit({ 10: 0, 11: enabled }) })
  const bus = createArmedBus({ address: parseBusAddress(server.url), clock: realClock })
  const map = mapWith(safeValue, release)
  const device = createModbusDevice({ id: 'battery', unitId: 1, map, bus, clock: realClock, cycleMs: 1000 })
  onTestFinished(async () => {
    await device[Symbol.asyncDispose]()
    await bus[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
  })
  const entry: SiteDeviceEntry = {
    config: {
      id: 'battery',
      name: 'B',
      role: 'battery',
      map: 'test/b',
      connection: server.url,
      unitId: 1,
      phases: ['l1', 'l2', 'l3'],
    },
    device,
    map,
    replaceMap: () => Promise.resolve(),
    leaveAlone: () => () => undefined,
    bus: bus.name,
    simulated: false,
  }
  const done: string[] = []
  const relinquish = createRelinquish({
    entries: [entry],
    buses: new Map([[bus.name, bus]]),
    guard: {
      async write({ value }) {
        done.push(`write ${value}`)
        return write
      },
      async release() {
        done.push('release')
        return released
      },
    },
    outputs: {
      pause: async () => [{ deviceId: 'battery', command: 'setPowerW' }],
      unpause: () => void done.push('unpause'),
    },
    sunspecModels: () => new Map(),
  })
  return { relinquish, done }
}

test('the safe value is confirmed, control released, and the release read back', async () => {
  const { relinquish, done } = await bench({ safeValue: '0', release: withRelease, enabled: 0 })
  expect(await relinquish.give(['battery'], 'a test')).toEqual(['battery'])
  expect(done).toEqual(['write 0', 'release'])
})

test('a device that has no safe value is released, and that is read back', async () => {
  const { relinquish, done } = await bench({ safeValue: 'release', release: withRelease, enabled: 0 })
  expect(await relinquish.give(['battery'], 'a test')).toEqual(['battery'])
  expect(done).toEqual(['release'])
})

test.each([
  ['did not take the safe value', { write: { outcome: 'failed', reason: 'no answer' } as const }, 'no answer'],
  ['was written but not read back', { write: { outcome: 'written' } as const }, 'was not read back at 0 W'],
  ['refused to be released', { released: { outcome: 'failed', reason: 'illegal value' } as const }, 'illegal value'],
  ['still says that it is controlled', { enabled: 1 }, 'register 11 reads 1'],
])('control goes on where a device %s', async (_, change, reason) => {
  const { relinquish, done } = await bench({ safeValue: '0', release: withRelease, enabled: 0, ...change })
  await expect(relinquish.give(['battery'], 'a test')).rejects.toMatchObject({
    code: 'workbench.refused',
    message: expect.stringContaining(reason),
  })
  expect(done.at(-1)).toBe('unpause')
})

test('in dry run nothing was sent, so that nothing has to be given back', async () => {
  const recorded = { outcome: 'recorded', reason: 'dry run' } as const
  const { relinquish } = await bench({ safeValue: '0', release: withRelease, enabled: 1, write: recorded })
  expect(await relinquish.give(['battery'], 'a test')).toEqual(['battery'])
})
