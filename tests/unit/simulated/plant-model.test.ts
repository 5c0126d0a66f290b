import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { batteryLimits, type BatteryState, stepBattery } from '../../../service/drivers/simulated/battery.ts'
import { sumPhases } from '../../../service/drivers/simulated/phases.ts'
import {
  advancePlant,
  createPlantState,
  demoParameters,
  demoStartMs,
  idleInputs,
  type PlantInputs,
  type PlantState,
  stepPlant,
} from '../../../service/drivers/simulated/plant-model.ts'
import { sunPosition } from '../../../service/drivers/simulated/sun.ts'

const midnightMs = Date.UTC(2026, 4, 20)
const phaseNames = ['l1', 'l2', 'l3'] as const

/** Setpoints that change all the time: every ten minutes another battery power and inverter limit. */
function busyInputs(state: PlantState): PlantInputs {
  const slot = Math.floor(state.atMs / 600_000)
  return { ...idleInputs, batteryTargetW: ((slot * 1700) % 14_000) - 7000, pvLimit: (slot % 5) / 4 }
}

test('the same seed gives the same plant, another seed another one', () => {
  const run = (seed: number) => {
    const parameters = { ...demoParameters, seed }
    return advancePlant(parameters, createPlantState(parameters, demoStartMs, 55), 900, idleInputs)
  }
  expect(run(7)).toStrictEqual(run(7))
  expect(run(7).grid.powerW).not.toBe(run(8).grid.powerW)
})

test('over a day every phase balances in every step, and the counters hold the sum', () => {
  let state = createPlantState(demoParameters, midnightMs, 40)
  const first = state
  let netWh = 0
  let brightestW = 0
  for (let second = 0; second < 86_400; second += 1) {
    state = stepPlant(demoParameters, state, 1, busyInputs(state))
    for (const phase of phaseNames) {
      const expected = state.loadW[phase] - (state.pv.powerW + state.battery.powerW) / 3
      if (Math.abs(state.grid.phaseW[phase] - expected) > 1e-9) expect(state.grid.phaseW[phase]).toBe(expected)
      if (state.loadW[phase] <= 0 || state.grid.voltageV[phase] < 220 || state.grid.voltageV[phase] > 242)
        expect.fail(`${phase} at ${new Date(state.atMs).toISOString()}: ${JSON.stringify(state.grid)}`)
    }
    const powerW = sumPhases(state.loadW) - state.pv.powerW - state.battery.powerW
    if (Math.abs(state.grid.powerW - powerW) > 1e-6) expect(state.grid.powerW).toBe(powerW)
    if (state.pv.powerW < 0 || state.pv.powerW > state.pv.availableW) expect.fail(`PV ${state.pv.powerW} W`)
    netWh += powerW / 3600
    brightestW = Math.max(brightestW, state.pv.availableW)
  }
  const countedWh = state.grid.importWh - first.grid.importWh - (state.grid.exportWh - first.grid.exportWh)
  expect(countedWh).toBeCloseTo(netWh, 3)
  expect(state.atMs - midnightMs).toBeCloseTo(86_400_000, 3)
  expect(brightestW).toBeGreaterThan(9000)
})

test('without battery and sun the load exceeds a 35 A fuse now and then, but not most of the time', () => {
  let state = createPlantState(demoParameters, midnightMs, 0)
  let over = 0
  for (let minute = 0; minute < 1440; minute += 1) {
    state = stepPlant(demoParameters, { ...state, atMs: midnightMs + minute * 60_000 }, 1, {
      ...idleInputs,
      pvConnected: false,
    })
    if (phaseNames.some((phase) => state.grid.currentA[phase] > 35)) over += 1
  }
  expect(over).toBeGreaterThan(5)
  expect(over).toBeLessThan(400)
})

test('the demo starts under a bright sky with more sun than load', () => {
  const { weather, pv, loadW } = createPlantState(demoParameters, demoStartMs, 55)
  expect(weather.sun.elevationDeg).toBeGreaterThan(50)
  expect(pv.powerW).toBeGreaterThan(sumPhases(loadW))
})

describe('sun position against tabulated values', () => {
  test.each([
    // Greenwich at the equinox of March 2026: noon near 12:07 UTC, height 90 - latitude.
    ['equinox, noon', Date.UTC(2026, 2, 20, 12, 7, 30), 51.48, 0, 38.5, 180],
    // Tropic of Cancer at the June solstice: overhead.
    ['June solstice, noon', Date.UTC(2026, 5, 21, 12, 2), 23.44, 0, 90, undefined],
    ['equinox, 18 h at the equator', Date.UTC(2026, 2, 20, 18, 7, 30), 0, 0, 0, 270],
  ])('%s', (_, atMs, latitudeDeg, longitudeDeg, elevationDeg, azimuthDeg) => {
    const sun = sunPosition(atMs, latitudeDeg, longitudeDeg)
    expect(Math.abs(sun.elevationDeg - elevationDeg)).toBeLessThan(0.3)
    if (azimuthDeg !== undefined) expect(Math.abs(sun.azimuthDeg - azimuthDeg)).toBeLessThan(0.5)
  })
})

test('a limited inverter stays below its limit and returns to the sun by itself', () => {
  let state = createPlantState(demoParameters, demoStartMs, 55)
  state = advancePlant(demoParameters, state, 10, { ...idleInputs, pvLimit: 0.25 })
  expect(state.pv.powerW).toBeLessThanOrEqual(3000.1)
  expect(state.pv.availableW).toBeGreaterThan(9000)
  state = advancePlant(demoParameters, state, 10, idleInputs)
  expect(state.pv.powerW / state.pv.availableW).toBeGreaterThan(0.999)
})

test('the battery conserves energy and never leaves 0 to 100 %, whatever is asked of it', () => {
  const parameters = demoParameters.battery
  const step = fc.record({
    targetW: fc.double({ min: -20_000, max: 20_000, noNaN: true }),
    dtS: fc.double({ min: 0.01, max: 600, noNaN: true }),
  })
  const start = fc.double({ min: 0, max: parameters.capacityWh, noNaN: true })
  fc.assert(
    fc.property(start, fc.array(step, { maxLength: 40 }), (energyWh, steps) => {
      let state: BatteryState = { energyWh, powerW: 0, chargedWh: 0, dischargedWh: 0 }
      for (const { targetW, dtS } of steps) {
        const before = state
        const limits = batteryLimits(parameters, before)
        state = stepBattery(parameters, before, dtS, targetW)
        expect(state.energyWh).toBeGreaterThanOrEqual(0)
        expect(state.energyWh).toBeLessThanOrEqual(parameters.capacityWh)
        expect(state.powerW).toBeLessThanOrEqual(Math.max(limits.dischargeLimitW, before.powerW) + 1e-6)
        expect(state.powerW).toBeGreaterThanOrEqual(Math.min(-limits.chargeLimitW, before.powerW) - 1e-6)
        const standbyWh = Math.min(before.energyWh, (parameters.standbyW * dtS) / 3600)
        const charged = (state.chargedWh - before.chargedWh) * parameters.efficiency
        const discharged = (state.dischargedWh - before.dischargedWh) / parameters.efficiency
        expect(state.energyWh - before.energyWh).toBeCloseTo(charged - discharged - standbyWh, 6)
      }
    }),
    { numRuns: 200 },
  )
})

test('the battery settles on its setpoint within two seconds', () => {
  const parameters = demoParameters.battery
  let state: BatteryState = { energyWh: 7500, powerW: 0, chargedWh: 0, dischargedWh: 0 }
  for (let tick = 0; tick < 20; tick += 1) state = stepBattery(parameters, state, 0.1, -4000)
  expect(state.powerW).toBeLessThan(-3980)
  expect(state.powerW).toBeGreaterThanOrEqual(-4000)
})
