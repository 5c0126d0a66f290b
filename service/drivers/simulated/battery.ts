export interface BatteryParameters {
  readonly capacityWh: number
  readonly maxChargeW: number
  readonly maxDischargeW: number
  /** Each way, 0 to 1. */
  readonly efficiency: number
  /** Taken from the cells all the time, until they are empty. */
  readonly standbyW: number
  /** Time constant of the answer to a setpoint. */
  readonly responseS: number
}

export interface BatteryState {
  /** In the cells, 0 to capacity. */
  readonly energyWh: number
  /** At the AC terminals, > 0 discharge. */
  readonly powerW: number
  readonly chargedWh: number
  readonly dischargedWh: number
}

export interface BatteryLimits {
  readonly chargeLimitW: number
  readonly dischargeLimitW: number
}

/** What the battery accepts and delivers now: tapered over the last 3 % at either end of its state of charge. */
export function batteryLimits(parameters: BatteryParameters, state: BatteryState): BatteryLimits {
  const soc = state.energyWh / parameters.capacityWh
  return {
    chargeLimitW: parameters.maxChargeW * taper((1 - soc) / 0.03),
    dischargeLimitW: parameters.maxDischargeW * taper(soc / 0.03),
  }
}

/** Never quite zero before the end, or the end would never be reached. */
const taper = (x: number): number => (x <= 0 ? 0 : Math.min(1, 0.05 + x))

/**
 * One step of `dtS` seconds towards `targetW` (> 0 discharge). The new power holds over the whole step, so that energy is
 * conserved exactly: cells change by charge x efficiency - discharge / efficiency - standby.
 */
export function stepBattery(
  parameters: BatteryParameters,
  state: BatteryState,
  dtS: number,
  targetW: number,
): BatteryState {
  const hours = dtS / 3600
  const { capacityWh, efficiency, standbyW, responseS } = parameters
  const standbyWh = Math.min(state.energyWh, standbyW * hours)
  const restWh = state.energyWh - standbyWh
  const limits = batteryLimits(parameters, state)
  const wanted = clamp(targetW, -limits.chargeLimitW, limits.dischargeLimitW)
  const settled = wanted + (state.powerW - wanted) * Math.exp(-dtS / responseS)
  const powerW = clamp(settled, -(capacityWh - restWh) / efficiency / hours, (restWh * efficiency) / hours)
  const dischargeWh = Math.max(0, powerW) * hours
  const chargeWh = Math.max(0, -powerW) * hours
  return {
    energyWh: clamp(restWh + chargeWh * efficiency - dischargeWh / efficiency, 0, capacityWh),
    powerW,
    chargedWh: state.chargedWh + chargeWh,
    dischargedWh: state.dischargedWh + dischargeWh,
  }
}

export const clamp = (value: number, min: number, max: number): number => Math.min(max, Math.max(min, value))
