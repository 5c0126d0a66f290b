import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { spawnPlant } from '../../../service/drivers/simulated/spawn-plant.ts'
import { plantArguments } from '../../../service/runtime/plant-arguments.ts'
import { depotSite, homeSite } from '../simulation/sites.ts'

const reachedBy = (site: typeof homeSite, names: readonly string[]) => ({
  ...site,
  devices: site.devices.map((device, index) => ({ ...device, connection: `demo://${names[index] ?? ''}` })),
})

test('the demo site needs no more than the plant has anyway', () => {
  expect(plantArguments(reachedBy(homeSite, ['meter', 'inverter', 'battery', 'weather', 'meter']))).toEqual([])
  expect(plantArguments(homeSite)).toEqual([])
})

test('a plant has the chargers, feeders and the heater that a site names', async () => {
  const names = ['meter', 'charger-3', 'charger-12', 'feeder-2', 'heater']
  const args = plantArguments(reachedBy(depotSite(4, 100), names))
  await using plant = await spawnPlant({
    entry: resolve(import.meta.dirname, '../../../service/plant.ts'),
    nodePath: process.execPath,
    args,
  })
  expect(Object.keys(plant.devices).toSorted()).toEqual(names.toSorted())
})
