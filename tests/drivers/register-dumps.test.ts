import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseBusAddress } from '../../service/drivers/modbus/address.ts'
import { createReadOnlyBus } from '../../service/drivers/modbus/bus.ts'
import { createModbusDevice } from '../../service/drivers/modbus/device.ts'
import { loadPointMap } from '../../service/pointmap/load.ts'
import { needsSunspecWalk, resolveMap } from '../../service/pointmap/resolve.ts'
import { loadSunspecModels } from '../../service/pointmap/sunspec/models.ts'
import { walkSunspec } from '../../service/pointmap/sunspec/walk.ts'
import { pointmaps } from '../unit/pointmap/helpers.ts'
import { realClock } from './support/clock.ts'
import { hasSocat, openPtyPair } from './support/pty.ts'
import { pymodbusMissing, startPymodbus } from './support/pymodbus.ts'
import { problemWith } from './support/register-compare.ts'
import { dumpsMissing, loadDump, subjects } from './support/register-facts.ts'

const models = loadSunspecModels(join(pointmaps, 'sunspec', 'models'))
const why = dumpsMissing ?? pymodbusMissing ?? (hasSocat ? undefined : 'socat is not installed')

const infoPoints = {
  serial_number: 'serial',
  model_name: 'model',
  rated_power: 'ratedPowerW',
  modbus_version: 'vendor.modbusVersion',
  dsp1_version: 'vendor.dsp1Version',
  dsp2_version: 'vendor.dsp2Version',
  dsp_svn_version: 'vendor.dspSvnVersion',
  arm_version: 'vendor.armVersion',
  arm_svn_version: 'vendor.armSvnVersion',
  arm_firmware: 'vendor.armFirmware',
}

/** Reads the device behind a bus address through its map, and holds every expected value against the readings. */
async function check(url: string, { file, map: id }: (typeof subjects)[number]) {
  const dump = loadDump(file)
  const map = loadPointMap(id, [pointmaps])
  await using bus = createReadOnlyBus({ address: parseBusAddress(url), clock: realClock })
  await using device = createModbusDevice({
    id: 'subject',
    unitId: dump.unit_id,
    map,
    sunspecModels: models,
    bus,
    clock: realClock,
    cycleMs: 1000,
  })
  await device.poll()
  const layout = needsSunspecWalk(map)
    ? await walkSunspec(async (address, count) => {
        const words = Array.from({ length: count }, (_, index) => dump.word('holding', address + index))
        return words.every((word) => word !== undefined) ? words : undefined
      })
    : undefined
  const resolved = resolveMap(map, layout, models)
  const problems = dump.facts.flatMap((fact) => problemWith(fact, dump, resolved, device.readings(), layout) ?? [])
  return { problems, matched: dump.facts.length - problems.length, readings: device.readings(), link: device.link() }
}

describe.skipIf(why !== undefined)(
  `register dumps of real devices, served by pymodbus${why ? ` (${why})` : ''}`,
  () => {
    test.concurrent.each(subjects)('$file over TCP', { timeout: 40_000 }, async (subject) => {
      await using peer = await startPymodbus(loadDump(subject.file))
      const { problems, matched, link } = await check(peer.url, subject)
      expect(problems).toEqual([])
      expect(matched).toBe(subject.values)
      expect(link.state).toBe('online')
    })

    test('goodwe: what the source says about the devices themselves', async () => {
      const described = subjects.filter(({ file }) => Object.keys(loadDump(file).info).length > 0)
      expect(described).toHaveLength(6)
      for (const subject of described) {
        const { info, unit_id: unitId, registers } = loadDump(subject.file)
        await using peer = await startPymodbus({ unit_id: unitId, registers })
        const { readings } = await check(peer.url, subject)
        for (const [name, point] of Object.entries(infoPoints))
          // 65535 and an empty text are not available.
          if (info[name] !== undefined && info[name] !== '' && info[name] !== 65_535)
            expect([subject.file, name, readings.get(point)?.value]).toEqual([subject.file, name, info[name]])
      }
    })

    test('sunspec: the common model of a device that has no other', async () => {
      const subject = subjects.find(({ values }) => values === 0)!
      await using peer = await startPymodbus(loadDump(subject.file))
      const { readings } = await check(peer.url, subject)
      const said = ['vendor', 'model', 'vendor.options', 'firmware', 'serial'].map((name) => readings.get(name)?.value)
      expect(said).toEqual(['SunSpecTest', 'TestDevice-2', 'opt_a_b_c', '1.2.3', 'sn-123456789'])
    })

    test.concurrent.each(subjects)('$file over RTU', { timeout: 40_000 }, async (subject) => {
      await using line = await openPtyPair()
      await using _peer = await startPymodbus(loadDump(subject.file), line.device)
      const { problems, matched, link } = await check(`rtu://${line.client}?baud=9600`, subject)
      expect(problems).toEqual([])
      expect(matched).toBe(subject.values)
      expect(link.state).toBe('online')
    })
  },
)
