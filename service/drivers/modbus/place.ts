import { lookup } from 'node:dns/promises'
import { realpath } from 'node:fs/promises'
import type { BusAddress } from './address.ts'

/** Everything a bus may be reached by: one device file has many names, and so has a host. */
export async function placesOf(address: BusAddress): Promise<string[]> {
  if (address.kind === 'rtu') return [await realpath(address.path).catch(() => address.path)]
  const { host, port } = address
  const found = await lookup(host, { all: true }).catch(() => [])
  return [host, ...found.map((entry) => entry.address)].map((name) => `${name} ${port}`)
}

/** True when both lead to the same port or connection, whatever the settings. */
export async function samePlace(one: BusAddress, other: BusAddress): Promise<boolean> {
  if ((one.kind === 'rtu') !== (other.kind === 'rtu')) return false
  const [here, there] = await Promise.all([placesOf(one), placesOf(other)])
  return here.some((place) => there.includes(place))
}
