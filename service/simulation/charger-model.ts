import type { SiteDevice } from '#contract/site-device.ts'
import {
  type ChargerParameters,
  type ChargerState,
  connectorStateOf,
  idleCharger,
  plugIn,
  stepCharger,
} from '../drivers/simulated/charger.ts'
import type { Model, Readings } from './model.ts'
import type { Session } from './series.ts'
import { phaseIndex } from './topology.ts'

export interface ChargerModel extends Model {
  readonly parameters: ChargerParameters
  /** Its energies may lag behind while nothing else changes. */
  state(): ChargerState
  /** Over all sessions that have ended. */
  finished(): { readonly sessions: number; readonly wantedWh: number; readonly missingWh: number }
}

/** A charging point with the vehicles that come to it. Told nothing, it offers its safe current. */
export function createChargerModel(
  device: SiteDevice,
  readings: Readings,
  sessions: readonly Session[],
  voltageV: number,
): ChargerModel {
  const settings = device.charger
  const parameters: ChargerParameters = {
    maxCurrentA: settings?.maxCurrentA ?? 16,
    phases: device.phases,
    responseS: 2,
    switchS: 5,
  }
  const volts = { l1: voltageV, l2: voltageV, l3: voltageV }
  let limitA = settings?.safeCurrentA ?? 0
  let phases: 1 | 3 = device.phases.length > 1 ? 3 : 1
  let state: ChargerState = { ...idleCharger, phases }
  let next = 0
  let untilMs = Number.NEGATIVE_INFINITY
  let wantedWh = 0
  /** Nothing changes but energy, which is added up here and given to the state when something does. */
  let settled = false
  let pendingWh = 0
  const finished = { sessions: 0, wantedWh: 0, missingWh: 0 }
  const phaseW = new Float64Array(3)
  const slots = {
    powerW: readings.slot('powerW'),
    currents: device.phases.map((phase, terminal) => ({ phase, slot: readings.slot(`currentA.l${terminal + 1}`) })),
    setpointA: readings.slot('setpointA'),
    phases: readings.slot('phases'),
    connectorState: readings.slot('connectorState', 'A'),
    plugged: readings.slot('plugged'),
    charging: readings.slot('charging'),
    sessionEnergyWh: readings.slot('sessionEnergyWh'),
    limitA: readings.slot('limitA', parameters.maxCurrentA),
  }

  function settle(): void {
    settled = false
    if (pendingWh === 0) return
    const { vehicle, energyWh, sessionWh } = state
    state = {
      ...state,
      vehicle: vehicle && { ...vehicle, wantedWh: Math.max(0, vehicle.wantedWh - pendingWh) },
      energyWh: energyWh + pendingWh,
      sessionWh: sessionWh + pendingWh,
    }
    pendingWh = 0
  }

  function comeAndGo(atMs: number): void {
    if (state.vehicle && atMs >= untilMs) {
      settle()
      finished.sessions += 1
      finished.wantedWh += wantedWh
      finished.missingWh += state.vehicle.wantedWh
      state = plugIn(state, undefined)
    }
    for (let session = sessions[next]; session && session.fromMs <= atMs && !state.vehicle; session = sessions[next]) {
      next += 1
      settled = false
      if (session.toMs <= atMs) continue
      untilMs = session.toMs
      wantedWh = session.wantedWh
      state = plugIn(state, { phases: session.phases, maxCurrentA: session.maxCurrentA, wantedWh })
    }
  }

  return {
    id: device.id,
    parameters,
    phaseW,
    readings: readings.map,
    state: () => state,
    finished: () => finished,
    advance(atMs, dtS) {
      comeAndGo(atMs)
      // Nobody there and nothing flows: most of the time of most chargers.
      if (!state.vehicle && state.currentA === 0 && state.phases === phases) return
      const stepWh = (state.powerW * dtS) / 3600
      if (settled && (stepWh === 0 || pendingWh + stepWh < (state.vehicle?.wantedWh ?? 0))) {
        pendingWh += stepWh
        return
      }
      settle()
      const before = state
      state = stepCharger(parameters, state, dtS, { limitA, phases }, volts)
      settled = state.currentA === before.currentA && state.phases === phases && state.switchingS === 0
      phaseW[0] = state.phaseW.l1
      phaseW[1] = state.phaseW.l2
      phaseW[2] = state.phaseW.l3
    },
    command(name, value) {
      settle()
      if (name === 'setCurrentA') limitA = value
      else if (name === 'setPhases') phases = value === 1 ? 1 : 3
      else return false
      return true
    },
    measure(atMs) {
      slots.powerW.value = Math.round(state.powerW)
      for (const { phase, slot } of slots.currents)
        slot.value = Math.round((phaseW[phaseIndex[phase]]! / voltageV) * 100) / 100
      slots.setpointA.value = limitA
      slots.phases.value = phases
      slots.connectorState.value = connectorStateOf(state)
      slots.plugged.value = state.vehicle ? 1 : 0
      slots.charging.value = state.currentA > 0 ? 1 : 0
      slots.sessionEnergyWh.value = Math.round(state.sessionWh + pendingWh)
      readings.measuredAt(atMs)
    },
  }
}
