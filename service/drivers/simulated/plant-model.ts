import { phases } from '#contract/metrics.ts'
import { type BatteryParameters, type BatteryState, clamp, stepBattery } from './battery.ts'
import { type ChargerInput, type ChargerParameters, type ChargerState, idleCharger, stepCharger } from './charger.ts'
import { loadAt } from './load.ts'
import { smoothNoise } from './noise.ts'
import { eachPhase, sumPhases, type ThreePhase } from './phases.ts'
import { type Place, type Weather, weatherAt } from './weather.ts'

export interface PlantParameters {
  readonly seed: number
  readonly place: Place
  /** Of the modules under standard test conditions. */
  readonly pvPeakW: number
  /** AC rating of the PV inverter; its limit in percent refers to this. */
  readonly inverterRatedW: number
  readonly battery: BatteryParameters
  /** Between the transformer and the grid connection, per phase. */
  readonly lineOhm: number
  readonly chargers: readonly ChargerParameters[]
  /** A building that draws this and nothing else, W, instead of one that is lived in. */
  readonly steadyLoadW?: number
}

/** What the devices of the plant are told from outside in this step. */
export interface PlantInputs {
  /** 0 to 1 of the inverter's rating. */
  readonly pvLimit: number
  readonly pvConnected: boolean
  /** > 0 discharge; 0 in standby. */
  readonly batteryTargetW: number
  /** On top of the building's own load. */
  readonly extraLoadW: ThreePhase
  /** One for each charger. */
  readonly chargers: readonly ChargerInput[]
  readonly heaterW: number
  /** How many times more slowly they follow than they should. Default 1. */
  readonly slower?: { readonly pv: number; readonly battery: number }
}

export interface PvState {
  /** What the sun would give. */
  readonly availableW: number
  /** At the AC terminals, >= 0. */
  readonly powerW: number
  readonly energyWh: number
}

export interface GridState {
  /** > 0 import. */
  readonly phaseW: ThreePhase
  readonly phaseVar: ThreePhase
  readonly powerW: number
  readonly voltageV: ThreePhase
  /** Magnitude, never negative. */
  readonly currentA: ThreePhase
  readonly frequencyHz: number
  /** Counts the sum over the phases, as utility meters do. */
  readonly importWh: number
  readonly exportWh: number
}

export interface PlantState {
  /** Simulated time, ms since 1970. */
  readonly atMs: number
  readonly weather: Weather
  readonly pv: PvState
  readonly battery: BatteryState
  readonly chargers: readonly ChargerState[]
  readonly heaterW: number
  /** Of the building, without chargers and heater. */
  readonly loadW: ThreePhase
  readonly grid: GridState
}

/** 50° N 10° E, 12 kWp to the south, 15 kWh and 6 kW of battery. */
export const demoParameters: PlantParameters = {
  seed: 1,
  place: { latitudeDeg: 50, longitudeDeg: 10, tiltDeg: 30, azimuthDeg: 180 },
  pvPeakW: 12_000,
  inverterRatedW: 12_000,
  battery: {
    capacityWh: 15_000,
    maxChargeW: 6000,
    maxDischargeW: 6000,
    efficiency: 0.96,
    standbyW: 18,
    responseS: 0.3,
  },
  lineOhm: 0.12,
  chargers: [],
}

/** A car park with so many three-phase chargers, their terminals connected in rotation, at a stiff connection. */
export function depotParameters(parameters: PlantParameters, chargers: number): PlantParameters {
  return {
    ...parameters,
    lineOhm: 0.004,
    chargers: Array.from({ length: chargers }, (_, index) => ({
      maxCurrentA: 32,
      phases: phases.map((_phase, terminal) => phases[(terminal + index) % phases.length] ?? 'l1'),
      responseS: 2,
      switchS: 5,
    })),
  }
}

/** 20 May, about 10:30 local solar time at the demo place: sun, whatever time of day the demo is started. */
export const demoStartMs = Date.UTC(2026, 4, 20, 9, 47)

export const idleInputs: PlantInputs = {
  pvLimit: 1,
  pvConnected: true,
  batteryTargetW: 0,
  extraLoadW: { l1: 0, l2: 0, l3: 0 },
  chargers: [],
  heaterW: 0,
}

const pvResponseS = 0.4
const loadReactiveShare = 0.25
const channel = { voltage: 80, frequency: 90 }

/** Longest step the model is accurate for; `advancePlant` divides longer ones. */
const maxStepS = 1

/** A plant that has run for some years: its counters do not start at zero. */
export function createPlantState(parameters: PlantParameters, atMs: number, socPercent: number): PlantState {
  const battery: BatteryState = {
    energyWh: (parameters.battery.capacityWh * clamp(socPercent, 0, 100)) / 100,
    powerW: 0,
    chargedWh: 2_914_000,
    dischargedWh: 2_655_000,
  }
  const weather = weatherAt(parameters.seed, atMs, parameters.place)
  const availableW = availablePvW(parameters, weather)
  const pv: PvState = { availableW, powerW: availableW, energyWh: 21_480_000 }
  const loadW = ownLoadW(parameters, atMs)
  const chargers = parameters.chargers.map(() => idleCharger)
  const counters = { importWh: 4_210_000, exportWh: 9_630_000 }
  const grid = gridState(parameters, atMs, { loadW, pvW: pv.powerW, batteryW: 0, counters })
  return { atMs, weather, pv, battery, chargers, heaterW: 0, loadW, grid }
}

/** One step of the plant. Pure: the same arguments give the same state. */
export function stepPlant(
  parameters: PlantParameters,
  state: PlantState,
  dtS: number,
  inputs: PlantInputs,
): PlantState {
  const atMs = state.atMs + dtS * 1000
  const hours = dtS / 3600
  const weather = weatherAt(parameters.seed, atMs, parameters.place)
  const pv = stepPv(parameters, state.pv, weather, dtS, inputs)
  const responseS = parameters.battery.responseS * (inputs.slower?.battery ?? 1)
  const battery = stepBattery({ ...parameters.battery, responseS }, state.battery, dtS, inputs.batteryTargetW)
  const ownW = ownLoadW(parameters, atMs)
  const loadW = eachPhase((phase) => Math.max(0, ownW[phase] + inputs.extraLoadW[phase]))
  const chargers = parameters.chargers.map((charger, index) =>
    stepCharger(
      charger,
      state.chargers[index] ?? idleCharger,
      dtS,
      inputs.chargers[index] ?? { limitA: 0, phases: 3 },
      state.grid.voltageV,
    ),
  )
  const grid = gridState(parameters, atMs, {
    loadW: eachPhase((phase) =>
      chargers.reduce((sum, { phaseW }) => sum + phaseW[phase], loadW[phase] + inputs.heaterW / 3),
    ),
    reactiveLoadW: loadW,
    pvW: pv.powerW,
    batteryW: battery.powerW,
    counters: state.grid,
  })
  return {
    atMs,
    weather,
    pv,
    battery,
    chargers,
    heaterW: inputs.heaterW,
    loadW,
    grid: {
      ...grid,
      importWh: grid.importWh + Math.max(0, grid.powerW) * hours,
      exportWh: grid.exportWh + Math.max(0, -grid.powerW) * hours,
    },
  }
}

/** Any span of time in equal steps of at most `maxStepS`. */
export function advancePlant(
  parameters: PlantParameters,
  state: PlantState,
  spanS: number,
  inputs: PlantInputs,
): PlantState {
  const steps = Math.ceil(spanS / maxStepS)
  let next = state
  for (let step = 0; step < steps; step++) next = stepPlant(parameters, next, spanS / steps, inputs)
  return next
}

function availablePvW(parameters: PlantParameters, weather: Weather): number {
  const heat = 1 - 0.004 * (weather.moduleTemperatureC - 25)
  const dcW = parameters.pvPeakW * (weather.planeIrradianceWm2 / 1000) * heat
  return clamp(dcW * 0.95, 0, parameters.inverterRatedW)
}

function stepPv(
  parameters: PlantParameters,
  state: PvState,
  weather: Weather,
  dtS: number,
  inputs: PlantInputs,
): PvState {
  const availableW = availablePvW(parameters, weather)
  const wantedW = inputs.pvConnected ? Math.min(availableW, inputs.pvLimit * parameters.inverterRatedW) : 0
  const settledW = wantedW + (state.powerW - wantedW) * Math.exp(-dtS / (pvResponseS * (inputs.slower?.pv ?? 1)))
  const powerW = Math.min(settledW, availableW)
  return { availableW, powerW, energyWh: state.energyWh + (powerW * dtS) / 3600 }
}

function ownLoadW(parameters: PlantParameters, atMs: number): ThreePhase {
  const { steadyLoadW } = parameters
  if (steadyLoadW !== undefined) return eachPhase(() => steadyLoadW / 3)
  return loadAt(parameters.seed, atMs, parameters.place.longitudeDeg)
}

interface GridParts {
  readonly loadW: ThreePhase
  /** The part of it that draws reactive power as well; all by default. */
  readonly reactiveLoadW?: ThreePhase
  readonly pvW: number
  readonly batteryW: number
  readonly counters: { readonly importWh: number; readonly exportWh: number }
}

/** What flows through the grid connection: load - PV - battery on every phase, PV and battery being balanced. */
function gridState(parameters: PlantParameters, atMs: number, parts: GridParts): GridState {
  const timeS = atMs / 1000
  const { seed, lineOhm } = parameters
  const phaseW = eachPhase((phase) => parts.loadW[phase] - (parts.pvW + parts.batteryW) / 3)
  const reactiveW = parts.reactiveLoadW ?? parts.loadW
  const phaseVar = eachPhase((phase) => reactiveW[phase] * loadReactiveShare)
  const voltageV = eachPhase((phase) => {
    const sourceV = 231 + 4 * (smoothNoise(seed, channel.voltage + phase.charCodeAt(1), timeS, 120) - 0.5)
    return sourceV - (lineOhm * phaseW[phase]) / sourceV
  })
  return {
    phaseW,
    phaseVar,
    powerW: sumPhases(phaseW),
    voltageV,
    currentA: eachPhase((phase) => Math.hypot(phaseW[phase], phaseVar[phase]) / voltageV[phase]),
    frequencyHz: 50 + 0.06 * (smoothNoise(seed, channel.frequency, timeS, 12) - 0.5),
    importWh: parts.counters.importWh,
    exportWh: parts.counters.exportWh,
  }
}
