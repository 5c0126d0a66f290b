import { site as siteSchema, type Site } from '#contract/site.ts'
import type { AgedReading, Readings } from '../../../service/domain/measured.ts'
import { compileSite } from '../../../service/domain/site-model.ts'
import { initialState, step } from '../../../service/control/step.ts'
import type { GridState } from '../../../service/control/state.ts'
import type { StepInput, StepResult } from '../../../service/control/types.ts'

export const atMs = Date.UTC(2026, 2, 2, 12)

export const reading = (value: number | string, ageMs = 0): AgedReading => ({
  value,
  quality: 'good',
  atMs: atMs - ageMs,
  ageMs,
})

/** Devices and their points, by name. */
export type Measurements = Readonly<Record<string, Readonly<Record<string, number | string>>>>

export const readingsOf = (measurements: Measurements): Readings =>
  new Map(
    Object.entries(measurements).map(([id, points]) => [
      id,
      new Map(Object.entries(points).map(([name, value]) => [name, reading(value)])),
    ]),
  )

/** A meter with these currents at 230 V, > 0 import. */
export const meter = (l1: number, l2: number, l3: number): Record<string, number> => ({
  powerW: (l1 + l2 + l3) * 230,
  ...Object.fromEntries(
    [l1, l2, l3].flatMap((ampere, at) => [
      [`powerW.l${at + 1}`, ampere * 230],
      [`currentA.l${at + 1}`, Math.abs(ampere)],
      [`voltageV.l${at + 1}`, 230],
    ]),
  ),
})

/** A charger whose vehicle takes what it is offered on each of its terminals. */
export const charger = (setpointA: number, terminals = 3): Record<string, number> => ({
  setpointA,
  plugged: 1,
  ...Object.fromEntries(Array.from({ length: terminals }, (_, at) => [`currentA.l${at + 1}`, setpointA])),
})

/** A site of one grid with one circuit of 25 A, unless told otherwise. */
export function siteOf(devices: readonly object[], rest: object = {}): Site {
  return siteSchema.parse({
    version: 3,
    name: 'Test',
    grids: [{ id: 'grid', name: 'Grid', connection: { id: 'main', name: 'Main', fuseA: 25, meter: 'meter' } }],
    ...rest,
    devices: [{ id: 'meter', name: 'Meter', role: 'grid-meter', map: 'a/b', connection: 'tcp://10.0.0.1' }, ...devices],
  })
}

let next = 2
export const device = (id: string, role: string, rest: object): object => ({
  id,
  name: id,
  role,
  map: 'a/b',
  connection: `tcp://10.0.0.${(next += 1)}`,
  ...rest,
})

export interface Run {
  cycle(measurements: Measurements, more?: Partial<StepInput>): StepResult<GridState>
  value(id: string, command: string): number | undefined
  reasons(id: string): readonly string[]
}

/** Runs the step over and over with its own state. */
export function running(site: Site, gridId = site.grids[0]!.id): Run {
  const model = compileSite(site)
  let state = initialState(model, gridId)
  let last: StepResult<GridState> | undefined
  return {
    cycle(measurements, more) {
      const input = { atMs, elapsedS: 1, readings: readingsOf(measurements), wishes: [], plan: [], ...more }
      last = step(model, gridId, state, input)
      state = last.state
      return last
    },
    value: (id, command) =>
      last?.decisions.find(({ setpoint }) => setpoint.deviceId === id && setpoint.command === command)?.setpoint.value,
    reasons: (id) =>
      last?.decisions.find(({ setpoint }) => setpoint.deviceId === id)?.reasons.map(({ rule }) => rule) ?? [],
  }
}
