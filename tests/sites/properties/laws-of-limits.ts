import fc from 'fast-check'
import type { Site } from '#contract/site.ts'
import { type PlantState, circuitsBelow, consumptionW } from '../support/plant.ts'
import { type Law, everything, fail, roundingW, wishDraw, wishesFor } from './law.ts'
import { excesses } from './oracle.ts'
import { houseChange, withHouse, worlds } from './random-site.ts'
import { leastExcessW } from './relief.ts'
import { type Result, afterwards, inputOf, noon } from './run.ts'

const sumOf = (list: readonly { excessW: number }[]) => list.reduce((sum, { excessW }) => sum + excessW, 0)
const fuseExcessW = (site: Site, plant: PlantState) =>
  sumOf(excesses(site, plant).filter(({ kind }) => kind === 'fuse'))

/**
 * After one step, and after each further one while the house load jumps, no fuse of the tree carries more than its rating,
 * unless no setpoint could have helped: then the sum of all excesses or the largest of them, over the ratings or over the 97 %
 * that control plans with, is the least that a mixed-integer program finds (within 2 W per device), with loads and chargers between off and their
 * power, plants down to zero, and batteries anywhere inside their limits. This contains the relief in the same cycle.
 */
export const fuses: Law = {
  name: 'no fuse is exceeded by what control can influence, in the very cycle in which the load jumps',
  property: (stepFor) =>
    fc.property(worlds(everything), fc.array(houseChange, { maxLength: 3 }), ({ site, plant }, changes) => {
      const next = stepFor(site)
      let now = plant
      let state: Result['state'] | undefined
      for (const change of [undefined, ...changes]) {
        if (change) now = withHouse(now, change)
        const result = next(state, inputOf(site, now))
        const after = afterwards(site, now, result)
        const allowedW = roundingW * site.devices.length
        const isLeast = (fuses: Site) =>
          fuseExcessW(fuses, after) <= leastExcessW(fuses, now, after, 'sum') + allowedW ||
          largestExcessW(fuses, after) <= leastExcessW(fuses, now, after, 'largest') + allowedW
        if (fuseExcessW(site, after) > allowedW && !isLeast(site) && !isLeast(planned(site)))
          fail('fuses are exceeded', {
            excessW: fuseExcessW(site, after),
            leastW: leastExcessW(site, now, after, 'sum'),
          })
        now = after
        state = result.state
      }
    }),
}

const largestExcessW = (site: Site, plant: PlantState) =>
  Math.max(0, ...excesses(site, plant).map(({ kind, excessW }) => (kind === 'fuse' ? excessW : 0)))

/** The same site without economic preferences. */
const indifferent = (site: Site): Site => ({
  ...site,
  economics: { currency: 'EUR', importPrice: 0, exportPrice: 0, wearPrice: 0 },
})

/**
 * Whatever is wished for and whatever power costs: the fuses are exceeded by no more, and the limits of import, export and
 * unbalance by no more, than they are without wish, plan and price. Consumers that a wish stops are no help against export in
 * either case, because nobody can make a vehicle charge.
 */
export const tiers: Law = {
  name: 'economics worsens no limit of a higher tier',
  property: (stepFor) =>
    fc.property(
      worlds(everything),
      fc.array(wishDraw, { maxLength: 4 }),
      fc.array(fc.tuple(fc.nat(20), fc.float({ min: -1, max: 1, noNaN: true })), { maxLength: 3 }),
      ({ site, plant }, draws, worths) => {
        const slots = (price: number) => [{ fromMs: 0, toMs: noon * 2, worth: [{ socPercent: 50, price }] }]
        const batteries = site.devices.filter(({ role }) => role === 'battery')
        const plan =
          batteries.length === 0
            ? []
            : worths.map(([at, price]) => ({ device: batteries[at % batteries.length]!.id, slots: slots(price) }))
        const wanting = stepFor(site)(undefined, inputOf(site, plant, { wishes: wishesFor(site, draws), plan }))
        const neutral = stepFor(indifferent(site))(undefined, inputOf(site, plant))
        const allowedW = roundingW * site.devices.length
        const wanted = afterwards(site, plant, wanting)
        const withWishes = excesses(site, wanted)
        const without = excesses(site, withoutHelp(site, afterwards(site, plant, neutral), wanted))
        for (const physical of [true, false]) {
          const part = (list: typeof without) => sumOf(list.filter(({ kind }) => (kind === 'fuse') === physical))
          if (part(withWishes) > part(without) + allowedW && (physical || part(withWishes) > 0))
            fail('an economic wish worsens a limit', { physical, withWishes, without })
        }
      },
    ),
}

/** Consumers as in another plant, where they take less there. */
function withoutHelp(site: Site, plant: PlantState, other: PlantState): PlantState {
  const devices = { ...plant.devices }
  for (const device of site.devices) {
    if (!device.charger && !device.load) continue
    const [here, there] = [plant, other].map(({ devices: all }) => {
      const perPhase = consumptionW(device, all[device.id] ?? {}, site.grids[0]!.nominalVoltageV)
      return perPhase.l1 + perPhase.l2 + perPhase.l3
    })
    if (there! < here!) devices[device.id] = other.devices[device.id] ?? {}
  }
  return { ...plant, devices }
}

/** A battery at its reserve or of unknown charge discharges no more than the fuses need, and never for the sake of money. */
export const reserve: Law = {
  name: 'the reserve is touched only where a fuse needs it',
  property: (stepFor) =>
    fc.property(worlds({ ...everything, calm: true }), fc.nat(10), fc.boolean(), ({ site, plant }, low, unknown) => {
      const batteries = site.devices.filter(({ role }) => role === 'battery')
      const devices = { ...plant.devices }
      for (const { id } of batteries) devices[id] = { ...devices[id], socPercent: unknown ? undefined : low }
      const empty = { ...plant, devices }
      const after = afterwards(site, empty, stepFor(site)(undefined, inputOf(site, empty)))
      const rested = { ...after, devices: { ...after.devices } }
      for (const { id } of batteries)
        rested.devices[id] = { ...rested.devices[id], powerW: Math.min(0, rested.devices[id]?.powerW ?? 0) }
      const discharges = batteries.some(({ id }) => (after.devices[id]?.powerW ?? 0) > 1)
      if (discharges && fuseExcessW(planned(site), rested) <= 0)
        fail('the reserve is touched without need', after.devices)
    }),
}

/** The site with 97 % of every fuse, which is what control plans with. */
function planned(site: Site): Site {
  const result = structuredClone(site)
  for (const grid of result.grids)
    for (const circuit of circuitsBelow(grid.connection)) if (circuit.fuseA !== undefined) circuit.fuseA *= 0.97
  return result
}
