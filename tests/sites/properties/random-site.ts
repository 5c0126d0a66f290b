import fc from 'fast-check'
import { type Circuit, type Site, site as siteSchema } from '#contract/site.ts'
import type { PlantDevice, PlantState } from '../support/plant.ts'

/**
 * Random sites as trees of circuits at most four deep, with the state of their plant. Everything is drawn as flat lists of
 * small numbers, so that a failing site shrinks to few circuits and devices.
 */
export interface World {
  readonly site: Site
  readonly plant: PlantState
}

export interface Shape {
  readonly roles: readonly Role[]
  readonly maxDevices: number
  /** Settings of the site that must not vary in a property; merged last. */
  readonly calm?: boolean
}

type Role = 'charger' | 'battery' | 'load' | 'pv'

const circuitDraw = fc.record({
  parent: fc.nat(7),
  fuseA: fc.option(fc.integer({ min: 12, max: 125 }), { freq: 5, nil: undefined }),
  metered: fc.boolean(),
  maxImportW: fc.option(fc.integer({ min: 0, max: 60_000 }), { freq: 2, nil: undefined }),
  maxExportW: fc.option(fc.integer({ min: 0, max: 30_000 }), { freq: 2, nil: undefined }),
  maxUnbalanceA: fc.option(fc.integer({ min: 5, max: 40 }), { freq: 1, nil: undefined }),
  house: fc.tuple(fc.integer({ min: -5, max: 40 }), fc.integer({ min: -5, max: 40 }), fc.integer({ min: -5, max: 40 })),
})

const wirings = [['l1', 'l2', 'l3'], ['l2', 'l3', 'l1'], ['l3', 'l1', 'l2'], ['l1'], ['l2'], ['l3']] as const

const deviceDraw = (roles: readonly Role[]) =>
  fc.record({
    role: fc.constantFrom(...roles),
    circuit: fc.nat(7),
    wiring: fc.constantFrom(...wirings),
    size: fc.integer({ min: 1, max: 4 }),
    level: fc.integer({ min: 0, max: 100 }),
    socPercent: fc.integer({ min: 0, max: 100 }),
    priority: fc.constantFrom(1, 5, 5, 5, 9),
    mode: fc.constantFrom('fast', 'fast', 'fast', 'surplus', 'off'),
    flag: fc.boolean(),
    second: fc.boolean(),
    carPhases: fc.constantFrom(1, 3, 3),
    plugged: fc.constantFrom(true, true, true, false),
  })

type CircuitDraw = typeof circuitDraw extends fc.Arbitrary<infer T> ? T : never
type DeviceDraw = ReturnType<typeof deviceDraw> extends fc.Arbitrary<infer T> ? T : never

export function worlds({ roles, maxDevices, calm = false }: Shape): fc.Arbitrary<World> {
  return fc
    .record({
      circuits: fc.array(circuitDraw, { minLength: 1, maxLength: 7 }),
      devices: fc.array(deviceDraw(roles), { minLength: 1, maxLength: maxDevices }),
      importPrice: fc.constantFrom(0.1, 0.3),
      chargeBelow: fc.constantFrom(undefined, undefined, 0.15),
      peakImportW: fc.constantFrom(undefined, undefined, 12_000),
    })
    .map(({ circuits, devices, ...economics }) => assemble(circuits, devices, economics, calm))
}

const deepest = 4

interface Node {
  readonly id: string
  readonly at: number
  readonly draw: CircuitDraw
  readonly depth: number
  readonly children: Node[]
}

function assemble(draws: CircuitDraw[], deviceDraws: DeviceDraw[], economics: object, calm: boolean): World {
  const nodes: Node[] = []
  for (const [at, draw] of draws.entries()) {
    const parents = nodes.filter(({ depth }) => depth < deepest)
    const parent = at === 0 ? undefined : parents[draw.parent % parents.length]
    if (at > 0 && !parent) continue
    const node: Node = { id: `c${at}`, at, draw, depth: (parent?.depth ?? 0) + 1, children: [] }
    parent?.children.push(node)
    nodes.push(node)
  }
  const occupied = new Set(deviceDraws.map(({ circuit }) => nodes[circuit % nodes.length]!.id))
  // A limit needs a meter, or a sum of which every part is measured.
  const isMetered = ({ at, draw, children, id }: Node): boolean =>
    at === 0 || draw.metered || (children.length === 0 ? !occupied.has(id) : !children.every(isMeasured))
  const isMeasured = (node: Node): boolean =>
    isMetered(node) || (node.children.length > 0 ? node.children.every(isMeasured) : occupied.has(node.id))
  const house: PlantState['house'] = {}
  const meters: object[] = []
  const circuitOf = (node: Node): Circuit => {
    const { at, id, draw } = node
    const metered = isMetered(node)
    if (metered) {
      meters.push({
        id: `m${at}`,
        name: `m${at}`,
        role: at === 0 ? 'grid-meter' : 'meter',
        map: 'eastron/sdm630',
        connection: `tcp://10.1.0.${at + 1}`,
        circuit: id,
      })
      // What is not measured cannot be known: only measured circuits have a load that is no device.
      house[id] = draw.house
    }
    return {
      id,
      name: `Circuit ${at}`,
      circuits: node.children.map(circuitOf),
      ...((at === 0 || draw.fuseA !== undefined) && { fuseA: draw.fuseA ?? 63 }),
      ...(!calm && draw.maxImportW !== undefined && { maxImportW: draw.maxImportW }),
      ...(!calm && draw.maxExportW !== undefined && { maxExportW: draw.maxExportW }),
      ...(!calm && draw.maxUnbalanceA !== undefined && { maxUnbalanceA: draw.maxUnbalanceA }),
      ...(metered && { meter: `m${at}` }),
    }
  }
  const connection = circuitOf(nodes[0]!)
  const devices: object[] = meters
  const states: Record<string, PlantDevice> = {}
  for (const [at, draw] of deviceDraws.entries()) {
    const id = `${draw.role}-${at}`
    const circuit = nodes[draw.circuit % nodes.length]!.id
    devices.push({
      id,
      name: `Device ${at}`,
      role: draw.role,
      map: 'r-ems/demo-battery',
      connection: `tcp://10.2.0.${at + 1}`,
      circuit,
      phases: [...draw.wiring],
      ...settingsOf(draw),
    })
    states[id] = stateOf(draw)
  }
  const site = siteSchema.parse({
    version: 3,
    name: 'Random',
    grids: [{ id: 'grid', name: 'Grid', connection }],
    economics: calm ? {} : economics,
    devices,
  })
  return { site, plant: { house, devices: states } }
}

function settingsOf({ role, size, priority, mode, flag, second, socPercent, wiring }: DeviceDraw): object {
  switch (role) {
    case 'charger':
      return {
        charger: {
          maxCurrentA: [10, 16, 20, 32][size - 1],
          switchesPhases: flag && wiring.length === 3,
          mode,
          priority,
          ...(second && { minOnS: 0, minOffS: 0, dwellS: 0 }),
        },
      }
    case 'battery':
      return {
        battery: {
          maxChargeW: size * 3000,
          maxDischargeW: size * 4000,
          chargeFromGrid: flag,
          supportsChargers: second,
          minSocPercent: 10,
          maxSocPercent: socPercent % 2 === 0 ? 90 : 100,
          rampWPerS: second ? 500 : 1_000_000,
        },
      }
    case 'load':
      return {
        load: {
          kind: flag ? 'switched' : 'modulating',
          maxW: size * 1500,
          mode,
          priority,
          ...(second && { minOnS: 0, minOffS: 0, dwellS: 0 }),
        },
      }
    case 'pv':
      return { pv: { ratedPowerW: size * 4000, curtailable: flag } }
    default:
      return role satisfies never
  }
}

function stateOf({ role, size, level, socPercent, flag, carPhases, plugged, wiring }: DeviceDraw): PlantDevice {
  const share = level / 100
  switch (role) {
    case 'charger': {
      const offered = Math.round(share * [10, 16, 20, 32][size - 1]!)
      const most = wiring.length === 1 ? 1 : 3
      return {
        setpointA: offered < 6 ? 0 : offered,
        plugged,
        ...(most === 3 && { phases: 3, carPhases: carPhases === 1 ? 1 : 3 }),
      }
    }
    case 'battery': {
      const powerW = Math.round(share * size * 7000 - size * 3000)
      return { powerW, setpointW: powerW, socPercent }
    }
    case 'load':
      return { powerW: flag ? (share > 0.5 ? size * 1500 : 0) : Math.round(share * size * 1500), wantsW: size * 1500 }
    case 'pv': {
      const powerW = Math.round(share * size * 4000)
      return { powerW, availableW: powerW }
    }
    default:
      return role satisfies never
  }
}

/** A random change of what nobody controls, between two cycles. */
export const houseChange = fc.record({
  circuit: fc.nat(7),
  house: fc.tuple(fc.integer({ min: -5, max: 40 }), fc.integer({ min: -5, max: 40 }), fc.integer({ min: -5, max: 40 })),
})

export function withHouse(plant: PlantState, change: { circuit: number; house: [number, number, number] }): PlantState {
  const ids = Object.keys(plant.house)
  const id = ids[change.circuit % ids.length]
  return id === undefined ? plant : { ...plant, house: { ...plant.house, [id]: change.house } }
}
