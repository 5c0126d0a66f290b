import fc from 'fast-check'
import type { Site } from '#contract/site.ts'
import type { Phase } from '#contract/metrics.ts'
import { circuitFlows, circuitsBelow } from '../support/plant.ts'
import { type Law, everything, fail } from './law.ts'
import { type World, houseChange, withHouse, worlds } from './random-site.ts'
import { type Result, afterwards, inputOf } from './run.ts'

/** Limits are shown with the flows that the tree really has: house, devices and child circuits add up in every node. */
export const balance: Law = {
  name: 'the powers balance in every node of the tree',
  property: (stepFor) =>
    fc.property(worlds(everything), ({ site, plant }) => {
      const { limits } = stepFor(site)(undefined, inputOf(site, plant))
      for (const [id, { circuit, powerW, grid }] of circuitFlows(site, plant)) {
        if (circuit.fuseA === undefined) continue
        for (const phase of ['l1', 'l2', 'l3'] as const) {
          const shown = limits.find((limit) => limit.id === `${id}.fuse.${phase}`)
          const ampere = Math.abs(powerW[phase]) / grid.nominalVoltageV
          if (shown?.value === undefined || Math.abs(shown.value - ampere) > 0.01)
            fail('a current is not the sum of its parts', { id, phase, shown, ampere })
          if (shown.violated !== ampere > circuit.fuseA + 1e-9) fail('violated is wrong', { id, phase, shown, ampere })
        }
      }
    }),
}

/** Chargers that differ in nothing but their name. */
const twins = fc.record({
  world: worlds({ roles: ['battery', 'load', 'pv'], maxDevices: 4 }),
  count: fc.integer({ min: 2, max: 6 }),
  circuit: fc.nat(7),
  setpointA: fc.integer({ min: 6, max: 32 }),
  wiring: fc.constantFrom<Phase[][]>(['l1', 'l2', 'l3'], ['l3', 'l1', 'l2'], ['l2']),
})

function withTwins({
  world,
  count,
  circuit,
  setpointA,
  wiring,
}: typeof twins extends fc.Arbitrary<infer T> ? T : never): World & { names: string[] } {
  const { site, plant } = world
  const circuits = [...circuitsBelow(site.grids[0]!.connection)].filter(({ meter }) => meter !== undefined)
  const names = Array.from({ length: count }, (_, at) => `twin-${at}`)
  const devices: Site['devices'] = names.map((id, at) => ({
    id,
    name: id,
    role: 'charger',
    map: 'r-ems/demo-charger',
    connection: `tcp://10.3.0.${at}`,
    unitId: 1,
    circuit: circuits[circuit % circuits.length]!.id,
    phases: [...wiring],
    charger: {
      minCurrentA: 6,
      maxCurrentA: 32,
      mode: 'fast',
      switchesPhases: false,
      safeCurrentA: 0,
      minOnS: 60,
      minOffS: 60,
      dwellS: 10,
      rampAPerS: 4,
      priority: 5,
      dimmable: false,
    },
  }))
  const states = Object.fromEntries(names.map((id) => [id, { setpointA }]))
  return {
    site: { ...site, devices: [...site.devices, ...devices] },
    plant: { ...plant, devices: { ...plant.devices, ...states } },
    names,
  }
}

/** Chargers that run get the same current, and none waits while those that run could leave it the lowest one. */
export const shares: Law = {
  name: 'equal claims get equal shares',
  property: (stepFor) =>
    fc.property(twins, (draw) => {
      const { site, plant, names } = withTwins(draw)
      const result = stepFor(site)(undefined, inputOf(site, plant))
      const currents = names.map(
        (id) =>
          result.decisions.find(({ setpoint }) => setpoint.deviceId === id && setpoint.command === 'setCurrentA')
            ?.setpoint.value ?? Number.NaN,
      )
      const running = currents.filter((ampere) => ampere > 0)
      const spread = Math.max(...running) - Math.min(...running)
      if (currents.some((ampere) => Number.isNaN(ampere)) || spread > 0.11)
        fail('equal chargers get different currents', { currents })
      const each = running.reduce((sum, ampere) => sum + ampere, 0) / names.length
      if (running.length > 0 && running.length < names.length && each >= 6.1)
        fail('one waits without need', { currents })
    }),
}

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const part of value instanceof Map ? value.values() : Object.values(value)) frozen(part)
  }
  return value
}

/** Equal inputs give equal bytes, with inputs that cannot be changed; and a step of no time changes no setpoint. */
export const repeats: Law = {
  name: 'the step is deterministic and idempotent',
  property: (stepFor) =>
    fc.property(worlds(everything), fc.array(houseChange, { maxLength: 2 }), ({ site, plant }, changes) => {
      let now = plant
      let state: Result['state'] | undefined
      const next = stepFor(site)
      const other = stepFor(structuredClone(site))
      for (const change of [undefined, ...changes]) {
        if (change) now = withHouse(now, change)
        const input = frozen(inputOf(site, now))
        const result = frozen(next(state, input))
        const same = other(state === undefined ? undefined : structuredClone(state), input)
        if (JSON.stringify(result) !== JSON.stringify(same))
          fail('equal inputs give different results', { result, same })
        const again = next(result.state, { ...input, elapsedS: 0 })
        const values = (list: Result) =>
          JSON.stringify(list.decisions.map(({ setpoint: { deviceId, command, value } }) => [deviceId, command, value]))
        if (values(result) !== values(again))
          fail('a step of no time moves', { first: values(result), again: values(again) })
        now = afterwards(site, now, result)
        state = result.state
      }
    }),
}
