import { expect, onTestFinished, test } from 'vitest'
import type { MapValue } from '#contract/map-editor.ts'
import type { RegisterSnapshot } from '#contract/workbench-registers.ts'
import { parseBusAddress } from '../../../../service/drivers/modbus/address.ts'
import { createArmedBus } from '../../../../service/drivers/modbus/bus.ts'
import { createModbusDevice } from '../../../../service/drivers/modbus/device.ts'
import { resolveMap } from '../../../../service/pointmap/resolve.ts'
import type { SiteDeviceEntry } from '../../../../service/runtime/site-runtime.ts'
import { createLastRegisters } from '../../../../service/runtime/workbench/maps/last-registers.ts'
import { valuesOf } from '../../../../service/runtime/workbench/maps/map-values.ts'
import { mapFrom } from '../../../drivers/support/maps.ts'
import { createTestUnit, ramp } from '../../../drivers/support/test-device.ts'
import { startTestServer } from '../../../drivers/support/test-server.ts'
import { manualClock } from '../manual-clock.ts'

const head = 'format: 1\nmaker: Test\nmodel: Meter\nkind: meter\ndefaults: { type: int16 }\n'
const inUse = mapFrom(`${head}points:
  powerW: { address: 0, pollGroup: fast }
  currentA.l1: { address: 4, pollGroup: fast }
`)
const edited = mapFrom(`${head}points:
  powerW: { address: 0, scale: 10, pollGroup: fast }
  voltageV.l1: { address: 2, pollGroup: fast }
  frequencyHz: { address: 90, pollGroup: fast }
  reactivePowerVar: { address: 300, pollGroup: fast }
derived:
  apparentPowerVa: { product: [powerW, voltageV.l1] }
`)

/** One device on a real connection, read by the map in use; its registers hold their own addresses and 100. */
async function bench() {
  const server = await startTestServer('tcp', { 1: createTestUnit(ramp(50, 100)) })
  const clock = manualClock()
  const bus = createArmedBus({ address: parseBusAddress(server.url), clock })
  const device = createModbusDevice({ id: 'one', unitId: 1, map: inUse, bus, clock, cycleMs: 1000 })
  const registers = createLastRegisters({ clock, buses: new Map([[bus.name, bus]]) })
  onTestFinished(async () => {
    registers[Symbol.dispose]()
    await device[Symbol.asyncDispose]()
    await bus[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
  })
  const config = { id: 'one', name: 'Device', role: 'meter', map: 'test/meter', connection: server.url } as const
  const entry: SiteDeviceEntry = {
    config: { ...config, unitId: 1, phases: ['l1', 'l2', 'l3'] },
    device,
    map: inUse,
    replaceMap: () => Promise.resolve(),
    leaveAlone: () => () => undefined,
    bus: bus.name,
    simulated: false,
  }
  const ask = (snapshot?: RegisterSnapshot) => valuesOf({ map: resolveMap(edited), entry, registers, snapshot, clock })
  const of = (name: string, snapshot?: RegisterSnapshot): MapValue | undefined =>
    ask(snapshot).values.find((value) => value.name === name)
  return { server, clock, device, bus, ask, of }
}

test('come from the bytes that the device sends anyway, gaps between its points included', async () => {
  const { server, device, ask, of } = await bench()
  expect(ask()).toMatchObject({ from: 'nothing', measured: [] })
  await device.poll()
  const asked = server.seen.length
  expect(of('powerW')).toMatchObject({ value: 1000, quality: 'good', raw: [100] })
  expect(of('voltageV.l1')).toMatchObject({ value: 102, quality: 'good' })
  expect(of('frequencyHz')).toMatchObject({ quality: 'not-read', reason: 'register 90 was not read yet' })
  expect(of('apparentPowerVa')).toMatchObject({ value: 102_000, quality: 'good' })
  expect(ask().measured).toMatchObject([{ function: 'holding', address: 0, count: 5, asked: 1, refused: 0 }])
  // Nothing was read for it.
  expect(server.seen).toHaveLength(asked)
})

test('are known from readings of before, once somebody begins to edit', async () => {
  const { device, of } = await bench()
  await device.poll()
  expect(of('powerW')).toMatchObject({ value: 1000, quality: 'good' })
  expect(of('voltageV.l1')).toMatchObject({ quality: 'not-read' })
  await device.poll()
  expect(of('voltageV.l1')).toMatchObject({ value: 102 })
})

test('keep their number and say so when they are old', async () => {
  const { clock, device, of } = await bench()
  await device.poll()
  await clock.advance(20_000)
  expect(of('powerW')).toMatchObject({ value: 1000, quality: 'stale', reason: 'last read 20 s ago' })
})

test('name what the device refuses, and how often', async () => {
  const { bus, ask, of } = await bench()
  ask()
  const unit = bus.unit(1, {})
  await unit.ask({ fn: 3, address: 300, count: 1 })
  await unit.ask({ fn: 3, address: 300, count: 1 })
  expect(of('reactivePowerVar')).toMatchObject({
    quality: 'bad',
    reason: 'the device refuses register 300, 2 of 2 reads',
  })
})

test('are those of a snapshot, and marked so, while the device has sent nothing', async () => {
  const { device, ask, of } = await bench()
  const snapshot: RegisterSnapshot = {
    kind: 'snapshot',
    name: '',
    bus: '',
    unitId: 1,
    takenAtMs: 5,
    takenBy: 'anna',
    baseline: { readings: 1, overMs: 0 },
    tables: [{ fn: 3, words: { '0': 7, '2': 230 }, moved: [] }],
    refused: [],
  }
  expect(ask(snapshot)).toMatchObject({ from: 'recorded', recordedAtMs: 5 })
  expect(of('powerW', snapshot)).toMatchObject({ value: 70, quality: 'good', atMs: 5 })
  await device.poll()
  expect(ask(snapshot)).toMatchObject({ from: 'live', recordedAtMs: null })
})
