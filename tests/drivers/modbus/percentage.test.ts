import { expect, test } from 'vitest'
import { rig, setpoint } from '../support/device-rig.ts'
import { mapFrom } from '../support/maps.ts'
import { createTestUnit } from '../support/test-device.ts'

const inverter = mapFrom(`
format: 1
maker: Test
model: Inverter that counts percent, with a direction
kind: hybrid-inverter
quirks: { timeoutMs: 100 }
points:
  battery.powerW: { address: 0, type: int16, pollGroup: fast }
  battery.ratedPowerW: { function: input, address: 30, type: uint16, scale: 100, pollGroup: slow }
commands:
  setPowerW:
    unit: W
    limits: { min: -5000, max: 5000 }
    writes:
      - { address: 10, type: uint16, value: $magnitude, percentOf: battery.ratedPowerW }
      - { address: 11, type: uint16, value: 1, when: [negative] }
      - { address: 11, type: uint16, value: 2, when: [positive] }
      - { address: 11, type: uint16, value: 0, when: [zero] }
    expiry: { kind: none }
    safeValue: 0
    storage: volatile
`)

test('a command in percent of a rating, with a direction, reaches the registers', async () => {
  const unit = createTestUnit({ 0: 0, 10: 0, 11: 0, 30: 100 })
  await using rigged = await rig({ unit, map: inverter })
  await rigged.device.poll()
  for (const [value, percent, direction] of [
    [-2500, 25, 1],
    [4000, 40, 2],
    [0, 0, 0],
  ] as const) {
    expect(rigged.device.encode(setpoint(value)).frames).toHaveLength(2)
    expect(await rigged.device.write(setpoint(value))).toMatchObject({ result: 'written' })
    expect([unit.holding.get(10), unit.holding.get(11)]).toEqual([percent, direction])
  }
})
