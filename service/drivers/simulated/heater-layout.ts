import type { Clock } from '../../domain/clock.ts'
import type { RegisterField } from './register-bank.ts'
import { createTimedSetpoint } from './timed-setpoint.ts'
import { field, text, u16, u32 } from './words.ts'

/** A water heater as the wire sees it, and what it was told. */
export interface HeaterDevice {
  readonly fields: RegisterField[]
  /** Of its rated power, W. */
  targetW(): number
}

export const heaterRatedW = 6000
const holdS = 60

/**
 * Registers of a water heater. 200 sets its power for 60 s, 201 switches it on at rated power or off for as long; after that
 * it is off. It can hold any power.
 */
export function createHeaterDevice(clock: Clock, powerW: () => number): HeaterDevice {
  const setpoint = createTimedSetpoint(clock)
  const targetW = () => setpoint.value() ?? 0
  const input = (address: number, words: () => number[]) => field('input', address, words)
  return {
    targetW,
    fields: [
      input(0, () => text('R-EMS', 8)),
      input(8, () => text('DEMO-HEATER', 8)),
      input(16, () => text('SIM-HEAT-0001', 8)),
      input(100, () => u32(powerW())),
      input(102, () => u16(powerW() > 0 ? 1 : 0)),
      input(103, () => u32(heaterRatedW)),
      field('holding', 200, () => u16(targetW()), {
        accepts: ([value = 0]) => value <= heaterRatedW,
        apply: ([value = 0]) => setpoint.set(value, holdS),
      }),
      field('holding', 201, () => u16(targetW() > 0 ? 1 : 0), {
        accepts: ([value = 0]) => value <= 1,
        apply: ([value = 0]) => setpoint.set(value * heaterRatedW, holdS),
      }),
      field('holding', 202, () => u16(setpoint.remainingS())),
    ],
  }
}
