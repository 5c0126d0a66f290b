import type { Site } from '#contract/site.ts'
import { compileSite } from '../../../service/domain/site-model.ts'
import { initialState, step } from '../../../service/control/step.ts'
import type { StepInput, StepResult } from '../../../service/control/types.ts'
import { type PlantState, follow, plantReadings } from '../support/plant.ts'

export type State = ReturnType<typeof initialState>
export type Result = StepResult<State>
/** The step of a site with one grid, or a broken copy of it that a property must catch. */
export type SiteStep = (state: State | undefined, input: StepInput) => Result
export type StepFor = (site: Site) => SiteStep

export const realStep: StepFor = (site) => {
  const model = compileSite(site)
  const grid = site.grids[0]!.id
  return (state, input) => step(model, grid, state ?? initialState(model, grid), input)
}

export const noon = Date.parse('2026-03-02T12:00:00Z')

export function inputOf(site: Site, plant: PlantState, more: Partial<StepInput> = {}): StepInput {
  const atMs = more.atMs ?? noon
  return { atMs, elapsedS: 1, readings: plantReadings(site, plant, atMs), wishes: [], plan: [], ...more }
}

/** The plant after every device has done what it was told. */
export function afterwards(site: Site, plant: PlantState, result: Result): PlantState {
  const devices = { ...plant.devices }
  for (const { setpoint } of result.decisions) {
    const device = site.devices.find(({ id }) => id === setpoint.deviceId)!
    devices[device.id] = follow(device, devices[device.id] ?? {}, setpoint.command, setpoint.value)
  }
  return { house: plant.house, devices }
}

/** Cycles of a long time, so that every waiting time passes, and then of a second, so that nobody's turn ends meanwhile. */
const longCycles = 4
const shortCycles = 12

/** Runs steps until the setpoints have settled, with what is measured following them. */
export function settled(
  site: Site,
  plant: PlantState,
  stepFor: StepFor,
  more: Partial<StepInput> = {},
): { plant: PlantState; result: Result } {
  const next = stepFor(site)
  let now = plant
  let result: Result | undefined
  for (let cycle = 0; cycle < longCycles + shortCycles; cycle += 1) {
    result = next(result?.state, inputOf(site, now, { elapsedS: cycle < longCycles ? 1000 : 1, ...more }))
    now = afterwards(site, now, result)
  }
  return { plant: now, result: result! }
}

/** Number of random cases; the long campaign asks for more. */
export const runs = (normal: number): number => Number(process.env['R_EMS_PROPERTY_RUNS'] ?? normal)
