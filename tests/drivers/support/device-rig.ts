import type { SafeSetpoint } from '#contract/setpoint.ts'
import { parseBusAddress } from '../../../service/drivers/modbus/address.ts'
import { createArmedBus, createReadOnlyBus } from '../../../service/drivers/modbus/bus.ts'
import { createModbusDevice } from '../../../service/drivers/modbus/device.ts'
import type { SunspecModels } from '../../../service/pointmap/sunspec/models.ts'
import { realClock } from './clock.ts'
import { mapFrom } from './maps.ts'
import { createTestUnit, type TestUnit } from './test-device.ts'
import { startTestServer } from './test-server.ts'

const battery = mapFrom(`
format: 1
maker: Test
model: Battery
kind: battery
quirks: { timeoutMs: 100 }
poll: { normalMs: 600000 }
points:
  powerW: { address: 0, type: int32, scale: -1, pollGroup: fast }
  socPercent: { address: 2, type: uint16, scale: 0.1, sentinels: [0xFFFF], pollGroup: fast }
  setpointW: { address: 10, type: int16, pollGroup: fast }
  voltageV: { address: 20, type: uint16, scale: 0.1, pollGroup: normal }
  temperatureC: { address: 40, type: int16, pollGroup: normal }
  serial: { address: 60, type: 'string:4', pollGroup: once }
derived:
  dc.powerW: { sum: [{ point: powerW, factor: 2 }] }
commands:
  setPowerW:
    unit: W
    limits: { min: -5000, max: 5000 }
    writes:
      - { address: 11, type: uint16, value: $expiryS }
      - { address: 10, type: int16, value: $value, with: multiple }
    release:
      - { address: 11, type: uint16, value: 0 }
    readBack: { point: setpointW, tolerance: 1, withinMs: 300 }
    expiry: { kind: reversion, seconds: 30, fallback: standby }
    safeValue: release
    storage: volatile
`)

/** Four registers of text. */
export const text = (value: string): number[] =>
  Array.from({ length: 4 }, (_, i) => Buffer.from(value.padEnd(8, '\0')).readUInt16BE(2 * i))

function batteryUnit(): TestUnit {
  const unit = createTestUnit({ 0: 0xffff, 1: 0xfc18, 2: 553, 10: 0, 11: 0, 20: 4012, 40: 0xfff6 })
  for (const [i, word] of text('SN-1').entries()) unit.holding.set(60 + i, word)
  // Registers that the map does not name, but that exist.
  for (let address = 3; address < 10; address++) unit.holding.set(address, 0)
  return unit
}

/** A battery, its bus and its driver; or another device with another map. */
export async function rig(
  options: { unit?: TestUnit; map?: typeof battery; readOnly?: boolean; models?: SunspecModels } = {},
) {
  const unit = options.unit ?? batteryUnit()
  const server = await startTestServer('tcp', { 1: unit })
  const address = parseBusAddress(server.url)
  const make = options.readOnly ? createReadOnlyBus : createArmedBus
  const bus = make({ address, clock: realClock })
  const log: string[] = []
  const note = (fields: object, message: string): void => void log.push(message)
  const device = createModbusDevice({
    id: 'battery',
    unitId: 1,
    map: options.map ?? battery,
    bus,
    clock: realClock,
    cycleMs: 100,
    ...(options.models ? { sunspecModels: options.models } : {}),
    log: { info: note, warn: note },
  })
  return {
    unit,
    server,
    bus,
    device,
    log,
    value: (name: string) => device.readings().get(name)?.value,
    async [Symbol.asyncDispose]() {
      await device[Symbol.asyncDispose]()
      await bus[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

/** What only the limiter may make elsewhere. */
export const setpoint = (value: number, command = 'setPowerW') =>
  ({ deviceId: 'battery', command, value, relieves: false }) as unknown as SafeSetpoint
