import type { Clock } from '../../domain/clock.ts'
import { batteryLimits, type BatteryParameters } from './battery.ts'
import type { Fault } from './faults.ts'
import type { PlantState } from './plant-model.ts'
import type { RegisterField } from './register-bank.ts'
import { createTimedSetpoint } from './timed-setpoint.ts'
import { field, fromI32, i16, i32, text, u16, u32 } from './words.ts'

/** The battery as the wire sees it, and what it was told. */
export interface BatteryDevice {
  readonly fields: RegisterField[]
  /** > 0 discharge; 0 in standby. */
  targetW(): number
}

const none = (): Fault => ({ fault: 'none' })

/** Without a time of its own no setpoint is held for ever. */
const defaultReversionS = 60
const operatingState = { standby: 0, charging: 1, discharging: 2 }

/**
 * Registers of the battery. The device counts charging as positive, against the sign used inside. Writing 1 to the enable
 * register (203) puts the setpoint last written (200) in force for the time last written (202); when it runs out, the
 * battery goes to standby by itself. Register 200 reads the setpoint in force, 204 the seconds it has left.
 */
export function createBatteryDevice(
  clock: Clock,
  parameters: BatteryParameters,
  read: () => PlantState,
  fault: () => Fault = none,
): BatteryDevice {
  const setpoint = createTimedSetpoint(clock, () => fault().fault !== 'no-reversion')
  let preparedW = 0
  let reversionS = defaultReversionS
  const limits = () => batteryLimits(parameters, read().battery)
  const socPercent = () => (read().battery.energyWh / parameters.capacityWh) * 100
  const chargeW = () => (fault().fault === 'sign-flipped' ? 1 : -1) * read().battery.powerW
  const voltageV = () => 380 + 0.4 * socPercent() + chargeW() / 1500
  const state = () => {
    if (Math.abs(chargeW()) < 1) return operatingState.standby
    return chargeW() > 0 ? operatingState.charging : operatingState.discharging
  }

  const input = (address: number, words: () => number[]) => field('input', address, words)
  return {
    targetW: () => (fault().fault === 'no-effect' ? 0 : 0 - (setpoint.value() ?? 0)),
    fields: [
      input(0, () => text('R-EMS', 8)),
      input(8, () => text('DEMO-BATTERY-15', 8)),
      input(16, () => text('SIM-BAT-0001', 8)),
      input(24, () => text('1.0.0', 4)),
      input(100, () => u16(state())),
      input(101, () => u16(socPercent() * 100)),
      input(102, () => u16(9850)),
      input(103, () => i32(chargeW())),
      input(105, () => u16(voltageV() * 10)),
      input(106, () => i16((chargeW() / voltageV()) * 10)),
      input(107, () => i16((read().weather.temperatureC + 4 + Math.abs(chargeW()) / 1000) * 10)),
      input(108, () => u32(limits().chargeLimitW)),
      input(110, () => u32(limits().dischargeLimitW)),
      input(112, () => u32(parameters.capacityWh)),
      input(114, () => u32(read().battery.chargedWh)),
      input(116, () => u32(read().battery.dischargedWh)),
      field('holding', 200, () => i32(setpoint.value() ?? 0), {
        accepts: (words) => -parameters.maxDischargeW <= fromI32(words) && fromI32(words) <= parameters.maxChargeW,
        apply: (words) => {
          preparedW = fromI32(words)
        },
      }),
      field('holding', 202, () => u16(reversionS), {
        accepts: ([seconds = 0]) => seconds >= 1 && seconds <= 3600,
        apply: ([seconds = 0]) => {
          reversionS = seconds
        },
      }),
      field('holding', 203, () => u16(setpoint.value() === undefined ? 0 : 1), {
        accepts: ([on = 0]) => on <= 1,
        apply: ([on = 0]) => (on === 1 ? setpoint.set(preparedW, reversionS) : setpoint.clear()),
      }),
      field('holding', 204, () => u16(setpoint.remainingS())),
    ],
  }
}
