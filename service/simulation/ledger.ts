import type { Economics } from '#contract/economics.ts'
import type { Site } from '#contract/site.ts'
import { pricesAt } from '../control/tariff.ts'
import type { World } from './world.ts'

/** Energy by what it was for, Wh. */
export interface EnergyWh {
  import: number
  export: number
  pv: number
  /** What the sun offered and was not taken. */
  pvCurtailed: number
  batteryCharge: number
  batteryDischarge: number
  chargers: number
  loads: number
  /** What nobody controls. */
  house: number
}

export interface Costs {
  readonly currency: string
  readonly import: number
  /** Earned. */
  readonly export: number
  readonly wear: number
  /** Paid in the end. */
  readonly total: number
}

export interface Switching {
  /** Beginnings and ends of charging while a vehicle was plugged in and not full. */
  chargerStops: number
  phaseChanges: number
  loadSwitches: number
  batteryTurns: number
  /** Setpoints that were not those of the cycle before. */
  setpointChanges: number
}

const quarterMs = 900_000

/** Adds up what flowed, what it cost and what was switched. */
export function createLedger(site: Site, world: World) {
  const energy: EnergyWh = {
    import: 0,
    export: 0,
    pv: 0,
    pvCurtailed: 0,
    batteryCharge: 0,
    batteryDischarge: 0,
    chargers: 0,
    loads: 0,
    house: 0,
  }
  const switching: Switching = {
    chargerStops: 0,
    phaseChanges: 0,
    loadSwitches: 0,
    batteryTurns: 0,
    setpointChanges: 0,
  }
  const paid = { import: 0, export: 0 }
  const roots = [...world.topology.roots].map(([gridId, root]) => ({ gridId, at: 3 * root, quarterWh: 0, peakW: 0 }))
  let quarterUntilMs = Number.NEGATIVE_INFINITY
  const chargers = world.chargers.map((charger) => ({ charger, on: false, phases: charger.state().phases }))
  const loads = world.loads.map((load) => ({ load, on: false }))
  const batteries = world.batteries.map((battery) => ({ battery, direction: 0 }))

  function add(atMs: number, dtS: number): void {
    const hours = dtS / 3600
    const price = pricesAt(site.economics, atMs, site.timeZone)
    let exchangeW = 0
    if (atMs > quarterUntilMs) {
      for (const root of roots) {
        root.peakW = Math.max(root.peakW, root.quarterWh * 4)
        root.quarterWh = 0
      }
      quarterUntilMs = Math.ceil(atMs / quarterMs) * quarterMs
    }
    for (const root of roots) {
      const powerW = world.nodeW[root.at]! + world.nodeW[root.at + 1]! + world.nodeW[root.at + 2]!
      exchangeW += powerW
      if (powerW > 0) {
        energy.import += powerW * hours
        paid.import += (powerW * hours * price.importPrice) / 1000
        root.quarterWh += powerW * hours
      } else {
        energy.export -= powerW * hours
        paid.export -= (powerW * hours * price.exportPrice) / 1000
      }
    }
    let knownW = 0
    for (const pv of world.pvs) {
      energy.pv += pv.powerW() * hours
      energy.pvCurtailed += Math.max(0, pv.availableW() - pv.powerW()) * hours
      knownW -= pv.powerW()
    }
    for (const entry of batteries) {
      const { powerW } = entry.battery.state()
      if (powerW > 0) energy.batteryDischarge += powerW * hours
      else energy.batteryCharge -= powerW * hours
      knownW -= powerW
      const direction = Math.abs(powerW) < 50 ? 0 : Math.sign(powerW)
      if (direction !== 0 && direction === -entry.direction) switching.batteryTurns += 1
      if (direction !== 0) entry.direction = direction
    }
    for (const entry of chargers) {
      const state = entry.charger.state()
      energy.chargers += state.powerW * hours
      knownW += state.powerW
      const on = state.currentA > 0
      if (on !== entry.on && !on && state.vehicle && state.vehicle.wantedWh > 0) switching.chargerStops += 1
      if (state.phases !== entry.phases) switching.phaseChanges += 1
      entry.on = on
      entry.phases = state.phases
    }
    for (const entry of loads) {
      const powerW = entry.load.powerW()
      energy.loads += powerW * hours
      knownW += powerW
      if (powerW > 0 !== entry.on) switching.loadSwitches += 1
      entry.on = powerW > 0
    }
    energy.house += (exchangeW - knownW) * hours
  }

  const wearPrice = (economics: Economics): number => (energy.batteryDischarge / 1000) * economics.wearPrice
  return {
    add,
    energy,
    switching,
    /** Highest mean import of a quarter of an hour, by grid. */
    peaks: () => roots.map(({ gridId, quarterWh, peakW }) => ({ gridId, peakW: Math.max(peakW, quarterWh * 4) })),
    costs(): Costs {
      const wear = wearPrice(site.economics)
      return {
        currency: site.economics.currency,
        import: paid.import,
        export: paid.export,
        wear,
        total: paid.import - paid.export + wear,
      }
    },
  }
}
