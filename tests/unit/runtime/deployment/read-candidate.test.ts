import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { siteDevice } from '#contract/site-device.ts'
import type { DeviceToRead } from '../../../../service/deployment/changed-points.ts'
import { formatBusAddress } from '../../../../service/drivers/modbus/address.ts'
import { createArmedBus } from '../../../../service/drivers/modbus/bus.ts'
import { type SimulatedPlant, startSimulatedPlant } from '../../../../service/drivers/simulated/simulated-plant.ts'
import { entries } from '../../../../service/entries.ts'
import { loadPointMap } from '../../../../service/pointmap/load.ts'
import { readCandidate } from '../../../../service/runtime/deployment/read-candidate.ts'
import { realClock } from '../../../drivers/support/clock.ts'
import { countConnections, type CountingProxy } from '../../../service/r-emsctl.ts'

describe('the points of a candidate', () => {
  let plant: SimulatedPlant
  let proxy: CountingProxy

  beforeAll(async () => {
    plant = await startSimulatedPlant({ clock: realClock })
    proxy = await countConnections(plant.devices.battery!.port)
  })
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]()
    await plant[Symbol.asyncDispose]()
  })

  const wanted = (connection: string, points?: readonly string[]): DeviceToRead => ({
    device: siteDevice.parse({
      id: 'battery',
      name: 'Battery',
      role: 'battery',
      map: 'r-ems/demo-battery',
      connection,
      battery: { maxChargeW: 5000, maxDischargeW: 5000 },
    }),
    map: loadPointMap('r-ems/demo-battery', [entries.mapFolder]),
    points,
  })
  const read = (devices: readonly DeviceToRead[], buses: Parameters<typeof readCandidate>[0]['buses']) =>
    readCandidate({
      devices,
      buses,
      entries: [],
      sunspecModels: () => {
        throw new Error('no map here needs them')
      },
      clock: realClock,
      signal: new AbortController().signal,
      progress: () => undefined,
    })

  it('are read where the service holds the endpoint, under whatever name', async () => {
    const address = { kind: 'tcp', host: '127.0.0.1', port: proxy.port } as const
    await using bus = createArmedBus({ address, clock: realClock })
    const buses = new Map([[formatBusAddress(address), bus]])
    await bus.unit(1).ask({ fn: 4, address: 101, count: 1 })
    const found = await read([wanted(`tcp://localhost:${proxy.port}`, ['socPercent', 'voltageV'])], buses)
    expect(found.map(({ point, quality, value }) => [point, quality, typeof value])).toEqual([
      ['socPercent', 'good', 'number'],
      ['voltageV', 'good', 'number'],
    ])
    expect(proxy.accepted).toBe(1)
    // The same endpoint in another language cannot be tried while it is held.
    const [first] = await read([wanted(`rtutcp://127.0.0.1:${proxy.port}`)], buses)
    expect(first).toMatchObject({ quality: 'bad', reason: `the service holds this endpoint as ${bus.name}` })
    expect(proxy.accepted).toBe(1)
  })

  it('of a new endpoint are read over a connection that ends with it', async () => {
    const before = proxy.accepted
    const found = await read([wanted(`tcp://127.0.0.1:${proxy.port}`)], new Map())
    expect(found.length).toBeGreaterThan(10)
    expect(found.every(({ quality }) => quality === 'good')).toBe(true)
    expect(proxy.accepted).toBe(before + 1)
    while (proxy.open > 0) await realClock.sleep(5)
  })
})
