import { EdgeError } from '#contract/errors.ts'
import type { Lease } from '#contract/workbench.ts'
import { type BusAddress, formatBusAddress, parseBusAddress } from '../../drivers/modbus/address.ts'
import type { ArmedBus, ReadOnlyBus } from '../../drivers/modbus/bus.ts'
import { placesOf, samePlace } from '../../drivers/modbus/place.ts'

/** A port or connection that work is to be done on. */
export interface WorkPlace {
  readonly address: BusAddress
  /** Everything it is known by, so that two jobs cannot use it under two names. */
  readonly names: readonly string[]
  /** The bus of the site at the same place. */
  readonly held: ArmedBus | undefined
}

/** Finds out what the service itself does at an address. */
export async function findPlace(address: BusAddress, buses: ReadonlyMap<string, ArmedBus>): Promise<WorkPlace> {
  const names = await placesOf(address)
  for (const held of buses.values()) {
    if (await samePlace(address, parseBusAddress(held.name))) return { address, names: [...names, held.name], held }
  }
  return { address, names, held: undefined }
}

export const serialPlace = (path: string, buses: ReadonlyMap<string, ArmedBus>): Promise<WorkPlace> =>
  findPlace({ kind: 'rtu', path, baud: 9600, parity: 'none', stopBits: 1 }, buses)

/** Throws workbench.refused when the service itself uses the place and it was not borrowed. */
export function needForItself({ held }: WorkPlace, leaseOf: (bus: string) => Lease | undefined, what: string): void {
  if (!held || leaseOf(held.name)) return
  throw new EdgeError('workbench.refused', `the service polls ${held.name}; ${what} needs it alone: borrow it first`)
}

/**
 * The bus of the site for reading, whatever else it can do. Questions wait for the gaps that control leaves. The needs of
 * the devices that are polled on it stay as they are.
 */
export function readOnlyView(bus: ArmedBus, polled: readonly number[]): ReadOnlyBus {
  const { name, costs, stats, tap, watch } = bus
  return {
    name,
    costs,
    stats,
    tap,
    watch,
    access: 'read-only',
    unit(unitId, quirks) {
      const { ask, preview, stats: unitStats } = bus.unit(unitId, polled.includes(unitId) ? undefined : quirks)
      return {
        unitId,
        preview,
        stats: unitStats,
        ask: (request, how) => ask(request, { ...how, priority: 'scan' }),
      }
    },
    // The service goes on using it.
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

export const busText = (address: BusAddress): string =>
  address.kind === 'rtu' ? address.path : formatBusAddress(address).replace(/^(tcp|rtutcp):\/\//, '')
