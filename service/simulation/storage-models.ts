import type { SiteDevice } from '#contract/site-device.ts'
import { batteryLimits, type BatteryParameters, type BatteryState, stepBattery } from '../drivers/simulated/battery.ts'
import { demoParameters } from '../drivers/simulated/plant-model.ts'
import { weatherAt } from '../drivers/simulated/weather.ts'
import type { Model, Readings } from './model.ts'
import type { Sampler } from './series.ts'
import { phaseIndex } from './topology.ts'

const nominalV = 230

/** Spreads a power over the phases the device is connected to. */
function spread(device: SiteDevice, phaseW: Float64Array, powerW: number): void {
  phaseW.fill(0)
  for (const phase of device.phases) phaseW[phaseIndex[phase]] = powerW / device.phases.length
}

export interface BatteryModel extends Model {
  readonly parameters: BatteryParameters
  state(): BatteryState
}

/** A battery with losses, a taper at both ends and a time constant of 0.3 s. */
export function createBatteryModel(
  device: SiteDevice,
  readings: Readings,
  options: { readonly hours: number; readonly socPercent: number; readonly temperatureC: Sampler },
): BatteryModel {
  const maxChargeW = device.battery?.maxChargeW ?? 0
  const maxDischargeW = device.battery?.maxDischargeW ?? 0
  const capacityWh = Math.max(1000, Math.max(maxChargeW, maxDischargeW) * options.hours)
  const parameters = { ...demoParameters.battery, capacityWh, maxChargeW, maxDischargeW, standbyW: capacityWh / 1000 }
  let state: BatteryState = {
    energyWh: (capacityWh * options.socPercent) / 100,
    powerW: 0,
    chargedWh: 0,
    dischargedWh: 0,
  }
  let targetW = 0
  const phaseW = new Float64Array(3)
  const slots = {
    powerW: readings.slot('powerW'),
    socPercent: readings.slot('socPercent'),
    setpointW: readings.slot('setpointW'),
    chargeLimitW: readings.slot('chargeLimitW'),
    dischargeLimitW: readings.slot('dischargeLimitW'),
    temperatureC: readings.slot('temperatureC'),
  }
  return {
    id: device.id,
    parameters,
    phaseW,
    readings: readings.map,
    state: () => state,
    advance(_atMs, dtS) {
      state = stepBattery(parameters, state, dtS, targetW)
      spread(device, phaseW, -state.powerW)
    },
    command(name, value) {
      if (name === 'setPowerW') targetW = value
      return name === 'setPowerW'
    },
    measure(atMs) {
      const limits = batteryLimits(parameters, state)
      slots.powerW.value = Math.round(state.powerW)
      slots.socPercent.value = Math.round((state.energyWh / capacityWh) * 10_000) / 100
      slots.setpointW.value = targetW
      slots.chargeLimitW.value = Math.round(limits.chargeLimitW)
      slots.dischargeLimitW.value = Math.round(limits.dischargeLimitW)
      slots.temperatureC.value = options.temperatureC.at(atMs) ?? 25
      readings.measuredAt(atMs)
    },
  }
}

export interface PvModel extends Model {
  powerW(): number
  /** What it would give without a limit. */
  availableW(): number
}

const weatherEveryMs = 5000

/** PV from a series, else from sun and clouds at the demo place. A limit acts with a time constant of 0.4 s. */
export function createPvModel(
  device: SiteDevice,
  readings: Readings,
  options: { readonly seed: number; readonly availableW: Sampler },
): PvModel {
  const ratedW = device.pv?.ratedPowerW ?? 10_000
  let limitW = Number.POSITIVE_INFINITY
  let powerW = 0
  let availableW = 0
  let weatherUntilMs = Number.NEGATIVE_INFINITY
  let modelledW = 0
  const phaseW = new Float64Array(3)
  const slots = {
    powerW: readings.slot('powerW'),
    setpointPercent: readings.slot('setpointPercent', 100),
    ratedPowerW: readings.slot('ratedPowerW', ratedW),
  }
  function modelled(atMs: number): number {
    if (atMs >= weatherUntilMs) {
      const weather = weatherAt(options.seed, atMs, demoParameters.place)
      const heat = 1 - 0.004 * (weather.moduleTemperatureC - 25)
      modelledW = Math.max(0, Math.min(ratedW, ratedW * 1.05 * (weather.planeIrradianceWm2 / 1000) * heat))
      weatherUntilMs = atMs + weatherEveryMs
    }
    return modelledW
  }
  return {
    id: device.id,
    phaseW,
    readings: readings.map,
    powerW: () => powerW,
    availableW: () => availableW,
    advance(atMs, dtS) {
      availableW = Math.max(0, options.availableW.at(atMs) ?? modelled(atMs))
      const wantedW = Math.min(availableW, limitW)
      powerW = Math.min(availableW, wantedW + (powerW - wantedW) * Math.exp(-dtS / 0.4))
      spread(device, phaseW, -powerW)
    },
    command(name, value) {
      if (name === 'limitPowerPercent') limitW = value >= 100 ? Number.POSITIVE_INFINITY : (value / 100) * ratedW
      else if (name === 'limitPowerW') limitW = value
      else return false
      return true
    },
    measure(atMs) {
      slots.powerW.value = Math.round(powerW)
      slots.setpointPercent.value = limitW >= ratedW ? 100 : (limitW / ratedW) * 100
      readings.measuredAt(atMs)
    },
  }
}

/** A load that draws what it is allowed to, at most what it wants. */
export interface LoadModel extends Model {
  powerW(): number
}

export function createLoadModel(device: SiteDevice, readings: Readings, wantsW: Sampler): LoadModel {
  const ratedW = device.load?.maxW ?? 0
  let allowedW = 0
  let powerW = 0
  const phaseW = new Float64Array(3)
  const slots = {
    powerW: readings.slot('powerW'),
    on: readings.slot('on'),
    setpointW: readings.slot('setpointW'),
    ratedPowerW: readings.slot('ratedPowerW', ratedW),
  }
  return {
    id: device.id,
    phaseW,
    readings: readings.map,
    powerW: () => powerW,
    advance(atMs) {
      powerW = Math.min(allowedW, wantsW.at(atMs) ?? ratedW)
      spread(device, phaseW, powerW)
    },
    command(name, value) {
      if (name === 'switchOn') allowedW = value === 1 ? ratedW : 0
      else if (name === 'limitPowerW' || name === 'setPowerW') allowedW = Math.min(ratedW, Math.max(0, value))
      else return false
      return true
    },
    measure(atMs) {
      slots.powerW.value = Math.round(powerW)
      slots.on.value = allowedW > 0 ? 1 : 0
      slots.setpointW.value = allowedW
      readings.measuredAt(atMs)
    },
  }
}

/** Readings that are given from outside: breakers, signals of the grid operator, weather. */
export function createSensorModel(
  id: string,
  readings: Readings,
  points: ReadonlyMap<string, { readonly sampler: Sampler; readonly otherwise: number | string }>,
): Model {
  const slots = [...points].map(([point, source]) => ({ slot: readings.slot(point, source.otherwise), ...source }))
  return {
    id,
    phaseW: new Float64Array(3),
    readings: readings.map,
    advance: () => undefined,
    command: () => false,
    measure(atMs) {
      for (const { slot, sampler, otherwise } of slots) slot.value = sampler.at(atMs) ?? otherwise
      readings.measuredAt(atMs)
    },
  }
}

export interface MeterModel extends Model {
  /** What it sees on each phase of its circuit, W; > 0 towards the loads. */
  readonly seesW: Float64Array
}

/** A meter of a circuit: powers with direction, currents without, as most meters have them. */
export function createMeterModel(device: SiteDevice, readings: Readings, voltageV = nominalV): MeterModel {
  const seesW = new Float64Array(3)
  const total = readings.slot('powerW')
  const perPhase = device.phases.map((phase, terminal) => ({
    at: phaseIndex[phase],
    // The device calls its first terminal L1, whichever phase of the grid is on it.
    powerW: readings.slot(`powerW.l${terminal + 1}`),
    currentA: readings.slot(`currentA.l${terminal + 1}`),
    voltageV: readings.slot(`voltageV.l${terminal + 1}`, voltageV),
  }))
  readings.slot('frequencyHz', 50)
  return {
    id: device.id,
    phaseW: new Float64Array(3),
    seesW,
    readings: readings.map,
    advance: () => undefined,
    command: () => false,
    measure(atMs) {
      let sum = 0
      for (const phase of perPhase) {
        const powerW = Math.round(seesW[phase.at]! * 10) / 10
        phase.powerW.value = powerW
        phase.currentA.value = Math.round(Math.abs(seesW[phase.at]! / voltageV) * 100) / 100
        sum += powerW
      }
      total.value = Math.round(sum * 10) / 10
      readings.measuredAt(atMs)
    },
  }
}
