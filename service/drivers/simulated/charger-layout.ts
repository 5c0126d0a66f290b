import type { Clock } from '../../domain/clock.ts'
import { type ChargerInput, type ChargerParameters, type ChargerState, connectorStateOf } from './charger.ts'
import type { Fault } from './faults.ts'
import type { ThreePhase } from './phases.ts'
import type { RegisterField } from './register-bank.ts'
import { createTimedSetpoint } from './timed-setpoint.ts'
import { field, text, u16, u32 } from './words.ts'

/** A charger as the wire sees it, and what it was told. */
export interface ChargerDevice {
  readonly fields: RegisterField[]
  input(): ChargerInput
}

const stateNumber = { A: 0, B: 1, C: 2 }
const defaults = { failsafeA: 6, failsafeS: 30 }

/**
 * Registers of a charging point. The current written to 200 is in force for the seconds in 204, counted anew from each
 * write; then, and before the first write, the failsafe current in 203 is. Register 200 reads the current in force, 202 the
 * seconds it has left. 201 selects one or three phases and stays.
 */
export function createChargerDevice(options: {
  clock: Clock
  number: number
  parameters: ChargerParameters
  charger(): ChargerState
  voltageV(): ThreePhase
  fault?(): Fault
}): ChargerDevice {
  const { clock, number, parameters, charger, voltageV, fault = () => ({ fault: 'none' }) } = options
  const setpoint = createTimedSetpoint(clock, () => fault().fault !== 'no-reversion')
  let failsafeA = defaults.failsafeA
  let failsafeS = defaults.failsafeS
  let phases: 1 | 3 = 3
  const limitA = () => setpoint.value() ?? failsafeA
  const input = (address: number, words: () => number[]) => field('input', address, words)
  const centiamp = (words: readonly number[]) => (words[0] ?? 0) / 100
  const inRange = (words: readonly number[]) => centiamp(words) <= parameters.maxCurrentA
  const terminal = (index: number): keyof ThreePhase | undefined => parameters.phases[index]
  const perTerminal = (address: number, factor: number, values: () => ThreePhase) =>
    [0, 1, 2].map((index) =>
      input(address + index, () => {
        const phase = terminal(index)
        return u16(phase === undefined ? 0 : values()[phase] * factor)
      }),
    )
  return {
    input: () => ({ limitA: fault().fault === 'no-effect' ? failsafeA : limitA(), phases }),
    fields: [
      input(0, () => text('R-EMS', 8)),
      input(8, () => text('DEMO-CHARGER', 8)),
      input(16, () => text(`SIM-EV-${String(number).padStart(4, '0')}`, 8)),
      input(24, () => text('1.0.0', 4)),
      input(100, () => u16(stateNumber[connectorStateOf(charger())])),
      input(101, () => u16(charger().vehicle === undefined ? 0 : 1)),
      input(102, () => u16(charger().currentA > 0 ? 1 : 0)),
      ...perTerminal(104, 100, () => charger().phaseA),
      ...perTerminal(107, 10, voltageV),
      input(110, () => u32(charger().powerW)),
      input(112, () => u32(charger().energyWh)),
      input(114, () => u32(charger().sessionWh)),
      input(116, () => u16(parameters.maxCurrentA * 100)),
      field('holding', 200, () => u16(limitA() * 100), {
        accepts: inRange,
        apply: (words) => setpoint.set(centiamp(words), failsafeS),
      }),
      field('holding', 201, () => u16(phases), {
        accepts: ([value]) => value === 1 || value === 3,
        apply: ([value]) => {
          phases = value === 1 ? 1 : 3
        },
      }),
      field('holding', 202, () => u16(setpoint.remainingS())),
      field('holding', 203, () => u16(failsafeA * 100), {
        accepts: inRange,
        apply: (words) => {
          failsafeA = centiamp(words)
        },
      }),
      field('holding', 204, () => u16(failsafeS), {
        accepts: ([seconds = 0]) => seconds >= 1 && seconds <= 3600,
        apply: ([seconds = 0]) => {
          failsafeS = seconds
        },
      }),
    ],
  }
}
