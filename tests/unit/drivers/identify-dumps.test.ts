import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseBusAddress } from '../../../service/drivers/modbus/address.ts'
import { createReadOnlyBus } from '../../../service/drivers/modbus/bus.ts'
import { identifyUnit } from '../../../service/drivers/modbus/identify.ts'
import { listMaps, loadPointMap } from '../../../service/pointmap/load.ts'
import { loadSunspecModels } from '../../../service/pointmap/sunspec/models.ts'
import { realClock } from '../../drivers/support/clock.ts'
import { type Dump, pymodbusMissing, startPymodbus } from '../../drivers/support/pymodbus.ts'

const dumps = resolve(import.meta.dirname, '../../../../shared/data/registers')
const missing = existsSync(dumps) ? pymodbusMissing : `${dumps} is missing`
const folder = resolve(import.meta.dirname, '../../../pointmaps')
const maps = listMaps(folder).map((id) => loadPointMap(id, [folder]))
const sunspecModels = loadSunspecModels(join(folder, 'sunspec/models'))

/** Registers of real devices, served by an independent implementation, and the map that must come first. */
describe.skipIf(missing)(`identify among all maps${missing === undefined ? '' : ` (${missing})`}`, () => {
  it.each([
    ['givenergy-hybrid-gen1-inverter', 'givenergy/hybrid-1p', 'SA1234G567'],
    ['givenergy-hv-bcu', 'givenergy/hv-bcu', undefined],
    ['goodwe-GEH10_1U_10', 'goodwe/geh', '00000HSB00000000'],
    ['goodwe-GW20KAU_DT', 'goodwe/dt', '0000KDTA00000000'],
    ['goodwe-GW8K_DT', 'goodwe/dt', '00000DTS00000000'],
    ['goodwe-GW29K9_ET', 'goodwe/et-15-50', '929K9ETT00CW0000'],
    ['goodwe-GW5000_MS', 'goodwe/ms', '00000MSU00000000'],
    ['sunspec-fixture-test_inverter_1', 'sunspec/inverter', 'sn-123456789'],
    ['sunspec-fixture-test_inverter_3', 'sunspec/inverter-multi-mppt', 'sn-123456789'],
  ])('%s is %s', async (name, map, serial) => {
    const dump = JSON.parse(readFileSync(join(dumps, `${name}.json`), 'utf8')) as Dump
    await using peer = await startPymodbus(dump)
    await using bus = createReadOnlyBus({ address: parseBusAddress(peer.url), clock: realClock })
    const found = await identifyUnit({ bus, clock: realClock, maps, sunspecModels }, dump.unit_id)
    if (found.kind !== 'present') throw new Error(found.reason)
    const [first, second] = found.candidates
    expect(first).toMatchObject({ map, ...(serial && { serial }) })
    expect(first!.confidence).toBeGreaterThan(second?.confidence ?? 0)
  })
})
