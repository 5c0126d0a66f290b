import { resolve } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { parseBusAddress } from '../../../service/drivers/modbus/address.ts'
import { createReadOnlyBus } from '../../../service/drivers/modbus/bus.ts'
import { identifyBus } from '../../../service/drivers/modbus/identify-auto.ts'
import { identifyUnit } from '../../../service/drivers/modbus/identify.ts'
import { listMaps, loadPointMap } from '../../../service/pointmap/load.ts'
import { loadSunspecModels } from '../../../service/pointmap/sunspec/models.ts'
import { startSimulatedPlant } from '../../../service/drivers/simulated/simulated-plant.ts'
import { realClock } from '../../drivers/support/clock.ts'
import { mapFrom } from '../../drivers/support/maps.ts'
import { pymodbusMissing, startPymodbus } from '../../drivers/support/pymodbus.ts'
import { createTestUnit, type TestUnit } from '../../drivers/support/test-device.ts'
import { frameFor, startTestServer, type TestServer } from '../../drivers/support/test-server.ts'

const folder = resolve(import.meta.dirname, '../../../pointmaps')
const library = listMaps(folder).map((id) => loadPointMap(id, [folder]))
const sunspecModels = loadSunspecModels(resolve(folder, 'sunspec/models'))

function optionsFor(url: string, maps = library) {
  const bus = createReadOnlyBus({ address: parseBusAddress(url), clock: realClock })
  onTestFinished(() => bus[Symbol.asyncDispose]())
  return { bus, clock: realClock, maps, sunspecModels }
}

async function serve(units: Record<number, TestUnit>): Promise<TestServer> {
  const server = await startTestServer('tcp', units)
  onTestFinished(() => server[Symbol.asyncDispose]())
  return server
}

/** The likeliest candidate. */
async function best(options: ReturnType<typeof optionsFor>, unitId: number) {
  const found = await identifyUnit(options, unitId)
  return found.kind === 'present' ? found.candidates[0] : undefined
}

const words = (text: string, count: number): number[] =>
  Array.from({ length: count }, (_, i) => Buffer.from(text.padEnd(2 * count, '\0')).readUInt16BE(2 * i))
const at = (address: number, list: readonly number[]): Record<number, number> =>
  Object.fromEntries(list.map((word, i) => [address + i, word]))

/** Everything that a Huawei inverter is recognised by. */
const huawei = () => createTestUnit({ ...at(30_000, words('SUN2000-10KTL-M1', 15)), ...at(30_070, [410]) })

describe('identify', () => {
  it('ranks the devices of the simulated plant, with serial numbers and firmware', async () => {
    await using plant = await startSimulatedPlant({ clock: realClock })
    const expected = {
      inverter: { map: 'sunspec/inverter', serial: 'SIM-PV-0001', firmware: '1.0.0' },
      battery: { map: 'r-ems/demo-battery', serial: 'SIM-BAT-0001', firmware: '1.0.0' },
      meter: { map: 'eastron/sdm630', serial: '24001337' },
      weather: { map: 'r-ems/demo-weather', serial: 'SIM-WX-0001', firmware: '1.0.0' },
    }
    for (const [name, device] of Object.entries(expected)) {
      const { host, port } = plant.devices[name as keyof typeof expected]!
      const found = await identifyUnit(optionsFor(`tcp://${host}:${port}`), 1)
      if (found.kind !== 'present') throw new Error(`${name} does not answer`)
      expect(found.candidates[0]).toMatchObject(device)
      expect(found.candidates[0]!.confidence).toBeGreaterThan(0.4)
      expect(found.candidates[0]!.evidence.length).toBeGreaterThan(1)
      const order = found.candidates.map(({ confidence }) => confidence)
      expect(order).toEqual(order.toSorted((a, b) => b - a))
    }
  })

  it('sends nothing that could write, and asks for no register twice', async () => {
    const server = await serve({ 1: huawei() })
    expect(await best(optionsFor(server.url), 1)).toMatchObject({ map: 'huawei/sun2000', model: 'SUN2000-10KTL-M1' })
    const functions = new Set(server.seen.map(({ pdu }) => pdu[0]))
    expect([...functions].filter((fn) => ![1, 2, 3, 4, 17, 43].includes(fn!))).toEqual([])
    const reads = server.seen
      .filter(({ pdu }) => pdu[0]! <= 4)
      .map(({ unitId, pdu }) => `${unitId} ${pdu.toString('hex')}`)
    expect(reads.filter((request, index) => reads.indexOf(request) !== index)).toEqual([])
    expect(server.seen.length).toBeLessThan(100)
  })

  it('leaves the gap that a likely family needs between its requests', async () => {
    const server = await serve({ 1: huawei() })
    await identifyUnit(optionsFor(server.url), 1)
    const last = server.seen.slice(-3)
    expect(last[2]!.atMs - last[1]!.atMs).toBeGreaterThanOrEqual(45)
  })

  it('asks a probe under the unit ID that it names', async () => {
    const station = createTestUnit({ ...at(117, words('Alfen NV', 5)), ...at(100, words('ALF_1000', 17)) })
    const server = await serve({ 1: createTestUnit({ 344: 0, 345: 0 }), 200: station })
    expect(await best(optionsFor(server.url), 1)).toMatchObject({ unitId: 1, map: 'alfen/eve' })
  })

  it('tells siblings apart by what the device is set to', async () => {
    const sibling = (model: string, value: number) =>
      mapFrom(`
format: 1
maker: Acme
model: ${model}
kind: meter
points: { powerW: { address: 1, type: int16 } }
identify:
  - { address: 10, type: 'string:2', equals: ACME, weight: 0.6, evidence: 'it calls itself {value}' }
  - { address: 12, type: uint16, equals: ${value}, weight: 0.2, evidence: 'its order is {value}' }
`)
    const little = { ...sibling('little', 0), id: 'acme/little' }
    const big = { ...sibling('big', 1), id: 'acme/big' }
    const server = await serve({ 1: createTestUnit({ 1: 500, ...at(10, words('ACME', 2)), 12: 1 }) })
    const found = await identifyUnit(optionsFor(server.url, [little, big]), 1)
    expect(found).toMatchObject({ candidates: [{ map: 'acme/big' }, { map: 'acme/little' }] })
    if (found.kind === 'present') expect(found.candidates[1]!.evidence).toContain('but holding 12 reads 1')
  })

  it('shows what a device says of itself when no map fits', async () => {
    const server = await serve({ 1: createTestUnit() })
    const found = await best(optionsFor(server.url), 1)
    expect(found).toMatchObject({ vendor: 'Acme', model: 'X1', confidence: 0.3 })
    expect(found?.map).toBeUndefined()
  })

  it('says that nobody answers', async () => {
    const server = await serve({ 1: createTestUnit() })
    const options = optionsFor(server.url)
    options.bus.unit(9, { timeoutMs: 50 })
    await expect(identifyUnit(options, 9)).resolves.toMatchObject({ kind: 'silent', unitId: 9 })
    const gateway = await serve({ 1: createTestUnit() })
    gateway.respond = ({ request, send }) =>
      send(frameFor('tcp', request.frame, request.unitId, Buffer.from([request.pdu[0]! | 0x80, 11])))
    await expect(identifyUnit(optionsFor(gateway.url), 1)).resolves.toMatchObject({
      kind: 'silent',
      reason: expect.stringContaining('gateway'),
    })
  })

  it('still finds a device that ignores every question it does not understand', async () => {
    const server = await serve({ 1: createTestUnit({ 0: 0, 1: 0, ...at(11, [1651]), 40_960: 7 }) })
    server.respond = ({ honest, send }) => {
      if ((honest[7]! & 0x80) === 0 && honest[7] !== 43 && honest[7] !== 17) send(honest)
    }
    const maps = library.filter(({ id }) => /^(carlo-gavazzi|eastron|keba)/.test(id))
    const options = optionsFor(server.url, maps)
    options.bus.unit(1, { timeoutMs: 50 })
    expect(await best(options, 1)).toMatchObject({ map: 'carlo-gavazzi/em24-e1' })
  })

  it('comes to an end with a device that sends its identification for ever, or with lengths that are lies', async () => {
    const endless = await serve({ 1: huawei() })
    endless.respond = ({ request, honest, send }) => {
      if (request.pdu[0] !== 43) return send(honest)
      const object = Buffer.from([0, 4, 0x41, 0x63, 0x6d, 0x65])
      send(
        frameFor(
          'tcp',
          request.frame,
          1,
          Buffer.concat([Buffer.from([43, 14, request.pdu[2]!, 0x83, 0xff, 0, 1]), object]),
        ),
      )
    }
    expect(await best(optionsFor(endless.url), 1)).toMatchObject({ map: 'huawei/sun2000' })
    expect(endless.seen.filter(({ pdu }) => pdu[0] === 43).length).toBeLessThan(6)

    const liar = await serve({ 1: huawei() })
    liar.respond = ({ request, honest, send }) => {
      if (request.pdu[0] !== 43) return send(honest)
      send(frameFor('tcp', request.frame, 1, Buffer.from([43, 14, request.pdu[2]!, 0x81, 0, 0, 3, 0, 200, 0x41])))
    }
    expect(await best(optionsFor(liar.url), 1)).toMatchObject({ map: 'huawei/sun2000' })
  })

  it.skipIf(pymodbusMissing)('reads the identification of an independent server', async () => {
    const identity = { vendor: 'Eastron', product: 'SDM630-MCT', revision: '2.7' }
    await using peer = await startPymodbus({ unit_id: 7, registers: { 'HR:0': [1] }, identity })
    const found = await best(optionsFor(peer.url), 7)
    expect(found).toMatchObject({ map: 'eastron/sdm630', model: 'SDM630-MCT', firmware: '2.7' })
    expect(found?.evidence).toEqual(
      expect.arrayContaining(['FC 43/14 names the manufacturer Eastron', 'FC 43/14 names the model SDM630-MCT']),
    )
  })
})

describe('identify with any unit ID', () => {
  it('finds the units of a gateway, each once', async () => {
    const other = createTestUnit({ ...at(30_000, words('SUN2000-5KTL-L1', 15)) })
    const server = await serve({ 3: huawei(), 100: other })
    server.respond = ({ request, honest, send }) =>
      send(
        honest.length > 0
          ? honest
          : frameFor('tcp', request.frame, request.unitId, Buffer.from([request.pdu[0]! | 0x80, 11])),
      )
    const maps = library.filter(({ id }) => id.startsWith('huawei/'))
    const { candidates, unitIds, notes } = await identifyBus(optionsFor(server.url, maps))
    expect(unitIds).toEqual([3, 100])
    expect(candidates.map(({ unitId, model }) => [unitId, model])).toEqual(
      expect.arrayContaining([
        [3, 'SUN2000-10KTL-M1'],
        [100, 'SUN2000-5KTL-L1'],
      ]),
    )
    expect(notes).toEqual([])
    const nobody = server.seen.filter(({ unitId }) => ![3, 100].includes(unitId))
    expect(Math.max(...nobody.map(({ unitId }) => nobody.filter((seen) => seen.unitId === unitId).length))).toBe(1)
  })

  it('lists a device that answers to any unit ID once', async () => {
    const server = await serve(Object.fromEntries(Array.from({ length: 256 }, (_, id) => [id, huawei()])))
    const maps = library.filter(({ id }) => id.startsWith('huawei/'))
    const { unitIds, notes } = await identifyBus(optionsFor(server.url, maps))
    expect(unitIds).toEqual([1])
    expect(notes[0]).toContain('answers to any unit ID')
  })

  it('says why nobody was found', async () => {
    const { candidates, notes } = await identifyBus(optionsFor('tcp://127.0.0.1:1'))
    expect(candidates).toEqual([])
    expect(notes[0]).toContain('refuses the connection')
  })
})
