import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { type DeviceName, deviceNames, plantCommand } from '../../../service/drivers/simulated/plant-command.ts'
import { demoParameters } from '../../../service/drivers/simulated/plant-model.ts'
import { startSimulatedMeters } from '../../../service/drivers/simulated/simulated-meters.ts'
import { manualClock } from '../runtime/manual-clock.ts'
import { pass, startPlant as start } from './plant-on-clock.ts'
import { connectRaw, u16 } from './raw-client.ts'

const signed = (word: number) => (word << 16) >> 16
const signed32 = ([high = 0, low = 0]: readonly number[]) => (high << 16) | low | 0
const float = ([high = 0, low = 0]: readonly number[]) => Buffer.from([...u16(high), ...u16(low)]).readFloatBE()

describe('inverter', () => {
  test('walks as SunSpec models 1, 103, 120 and 123 with an end marker', async () => {
    const { plant, connect } = await start()
    const client = await connect('inverter')
    const word = async (address: number) => (await client.read(3, address, 1))[0]!
    expect(await client.read(3, 40_000, 2)).toStrictEqual([0x5375, 0x6e53])
    const models: [number, number][] = []
    let address = 40_002
    while ((await word(address)) !== 0xffff) {
      const length = await word(address + 1)
      models.push([await word(address), length])
      await client.read(3, address + 2, length)
      address += 2 + length
    }
    expect(models).toStrictEqual([
      [1, 66],
      [103, 50],
      [120, 26],
      [123, 24],
    ])
    expect(await word(address + 1)).toBe(0)
    expect(await client.request([3, ...u16(address + 2), 0, 1])).toStrictEqual([0x83, 2])

    // Model 103 starts at 40070: W is its 13th register, WH its 23rd and 24th, St its 37th.
    const { pv, grid } = plant.state()
    expect(signed(await word(40_072 + 12))).toBe(Math.round(pv.powerW))
    expect(signed32(await client.read(3, 40_072 + 22, 2))).toBe(Math.floor(pv.energyWh))
    expect(await word(40_072 + 8)).toBe(Math.round(grid.voltageV.l1 * 10))
    expect(await word(40_072 + 36)).toBe(4)
    expect(await word(40_124 + 1)).toBe(demoParameters.inverterRatedW)
  })

  test('curtails when enabled, not before, and returns by itself when the timer runs out', async () => {
    const { clock, plant, connect } = await start()
    const client = await connect('inverter')
    const controls = 40_152
    const enable = async () => (await client.read(3, controls + 7, 1))[0]
    await client.writeRegisters(controls + 3, [2500])
    await client.writeRegisters(controls + 5, [30])
    await pass(clock, 3)
    expect(plant.state().pv.powerW).toBeGreaterThan(4000)

    expect(await client.request([6, ...u16(controls + 7), 0, 1])).toStrictEqual([6, ...u16(controls + 7), 0, 1])
    await pass(clock, 5)
    expect(await enable()).toBe(1)
    expect(plant.state().pv.powerW).toBeLessThanOrEqual(3001)
    expect(await client.read(3, 40_072 + 36, 1)).toStrictEqual([5])

    // A renewal restarts the timer: 20 s after it the limit still holds.
    await pass(clock, 20)
    await client.writeRegisters(controls + 7, [1])
    await pass(clock, 20)
    expect(plant.state().pv.powerW).toBeLessThanOrEqual(3001)

    await pass(clock, 12)
    expect(await enable()).toBe(0)
    expect(plant.state().pv.powerW).toBeGreaterThan(4000)
  })

  test('disconnects and reconnects by itself', async () => {
    const { clock, plant, connect } = await start()
    const client = await connect('inverter')
    await client.writeRegisters(40_153, [10, 0])
    await pass(clock, 6)
    expect(plant.state().pv.powerW).toBeLessThan(1)
    await pass(clock, 8)
    expect(plant.state().pv.powerW).toBeGreaterThan(4000)
  })

  test.each([
    ['a limit above 100 %', 40_155, 10_001, 3],
    ['an unknown enable value', 40_159, 2, 3],
    ['a register of the nameplate', 40_125, 5000, 2],
    ['a control it does not implement', 40_158, 5, 2],
  ])('refuses %s', async (_, address, value, code) => {
    const { connect } = await start()
    const client = await connect('inverter')
    expect(await client.writeRegisters(address, [value])).toStrictEqual([0x90, code])
  })
})

describe('meter', () => {
  test('serves load - PV - battery as float32, import positive', async () => {
    const { clock, plant, connect } = await start({ speed: 60 })
    await pass(clock, 30)
    const client = await connect('meter')
    const words = await client.read(4, 0, 80)
    const at = (address: number) => float(words.slice(address, address + 2))
    const { grid, loadW, pv, battery } = plant.state()
    expect(at(52)).toBe(Math.fround(loadW.l1 + loadW.l2 + loadW.l3 - pv.powerW - battery.powerW))
    expect(at(12) + at(14) + at(16)).toBeCloseTo(at(52), 2)
    expect([at(0), at(2), at(4)]).toStrictEqual(Object.values(grid.voltageV).map(Math.fround))
    expect([at(6), at(8), at(10)]).toStrictEqual(Object.values(grid.currentA).map(Math.fround))
    expect(at(70)).toBe(Math.fround(grid.frequencyHz))
    expect(at(72)).toBe(Math.fround(grid.importWh / 1000))
    expect(at(74)).toBe(Math.fround(grid.exportWh / 1000))
    expect(at(18)).toBeCloseTo(Math.hypot(at(12), at(24)), 1)
  })

  test('refuses more than 80 registers at once', async () => {
    const { connect } = await start({ devices: ['meter'] })
    const client = await connect('meter')
    expect(await client.request([4, 0, 0, 0, 81])).toStrictEqual([0x84, 3])
  })

  test('shows an extra load on its phase at once', async () => {
    const { clock, plant, connect } = await start()
    const client = await connect('meter')
    const before = float(await client.read(4, 14, 2))
    await plant.command({ load: { stepW: 8000, phase: 'l2' } })
    await pass(clock, 0.2)
    expect(float(await client.read(4, 14, 2)) - before).toBeGreaterThan(6500)
    await plant.command({ load: { stepW: 0 } })
    await pass(clock, 0.2)
    expect(float(await client.read(4, 14, 2)) - before).toBeLessThan(1500)
  })
})

describe('battery', () => {
  /** Charging positive, as the device counts. */
  const setpoint = (powerW: number) => [...u16((powerW >> 16) & 0xffff), ...u16(powerW & 0xffff)]
  const write = (powerW: number, seconds: number) => [
    16,
    ...u16(200),
    ...u16(4),
    8,
    ...setpoint(powerW),
    ...u16(seconds),
    ...u16(1),
  ]

  test('follows a setpoint and falls back to standby by itself when it is not renewed', async () => {
    const { clock, plant, connect } = await start()
    const client = await connect('battery')
    const powerW = async () => signed32(await client.read(4, 103, 2))
    const remainingS = async () => (await client.read(3, 204, 1))[0]
    expect(await client.request(write(-3000, 20))).toStrictEqual([16, 0, 200, 0, 4])
    await pass(clock, 3)
    expect(Math.abs((await powerW()) + 3000)).toBeLessThanOrEqual(1)
    expect(plant.state().battery.powerW).toBeCloseTo(3000, 0)
    expect(await client.read(4, 100, 1)).toStrictEqual([2])
    expect(signed32(await client.read(3, 200, 2))).toBe(-3000)
    expect(await remainingS()).toBe(17)

    await client.writeRegisters(203, [1])
    expect(await remainingS()).toBe(20)
    await pass(clock, 19)
    expect(await powerW()).toBeLessThan(-2999)
    await pass(clock, 4)
    expect(Math.abs(await powerW())).toBeLessThanOrEqual(1)
    expect(await client.read(3, 200, 5)).toStrictEqual([0, 0, 20, 0, 0])
    expect(await client.read(4, 100, 1)).toStrictEqual([0])
  })

  test('timers run in real time, whatever the speed of the plant', async () => {
    const { clock, connect } = await start({ speed: 3600 })
    const client = await connect('battery')
    await client.request(write(100, 5))
    await pass(clock, 4)
    expect(await client.read(3, 203, 2)).toStrictEqual([1, 1])
    await pass(clock, 1)
    expect(await client.read(3, 203, 2)).toStrictEqual([0, 0])
  })

  test('a setpoint without enable changes nothing, a release takes it back at once', async () => {
    const { clock, connect } = await start()
    const client = await connect('battery')
    const powerW = async () => signed32(await client.read(4, 103, 2))
    await client.request([16, ...u16(200), 0, 2, 4, ...setpoint(2000)])
    await pass(clock, 2)
    expect(await powerW()).toBe(0)
    await client.writeRegisters(203, [1])
    await pass(clock, 2)
    expect(await powerW()).toBeGreaterThan(1990)
    await client.writeRegisters(203, [0])
    await pass(clock, 3)
    expect(await powerW()).toBeLessThan(2)
  })

  test.each([
    ['more than it can charge', write(6001, 30), 3],
    ['more than it can discharge', write(-6001, 30), 3],
    ['a time of zero, which would be for ever', write(1000, 0), 3],
    ['half of a setpoint', [6, ...u16(201), 0, 1], 2],
    ['a measured value', [6, ...u16(101), 0, 1], 2],
    ['the time left', [6, ...u16(204), 0, 1], 2],
  ])('refuses %s', async (_, request, code) => {
    const { connect } = await start()
    const client = await connect('battery')
    expect((await client.request(request)).slice(1)).toStrictEqual([code])
    expect(await client.read(3, 203, 1)).toStrictEqual([0])
  })

  test('the state of charge can be set for a demonstration', async () => {
    const { plant, connect } = await start()
    await plant.command({ battery: { socPercent: 12.5 } })
    const client = await connect('battery')
    expect(await client.read(4, 101, 1)).toStrictEqual([1250])
  })
})

test('the weather mast shows sun, air and wind', async () => {
  const { plant, connect } = await start()
  const client = await connect('weather')
  const words = await client.read(4, 100, 9)
  const { weather } = plant.state()
  expect(words.slice(0, 7)).toStrictEqual(
    [
      weather.irradianceWm2 * 10,
      weather.planeIrradianceWm2 * 10,
      weather.temperatureC * 10,
      weather.moduleTemperatureC * 10,
      weather.windSpeedMs * 10,
      weather.windDirectionDeg,
      weather.humidityPercent * 10,
    ].map(Math.round),
  )
  expect(signed32(words.slice(7))).toBe(Math.round(weather.pressurePa))
  expect(Buffer.from((await client.read(4, 8, 6)).flatMap(u16)).toString()).toBe('DEMO-WEATHER')
})

describe('every register that a point map names exists in the plant', () => {
  const mapped = z.object({
    defaults: z.object({ function: z.string().optional(), type: z.string().optional() }),
    points: z.record(
      z.string(),
      z.object({ address: z.number(), type: z.string().optional(), function: z.string().optional() }),
    ),
  })
  const width = (type: string) => Number(/^string:(\d+)/.exec(type)?.[1] ?? (type.endsWith('32') ? 2 : 1))

  test.each<[DeviceName, string]>([
    ['meter', 'eastron/sdm630'],
    ['battery', 'r-ems/demo-battery'],
    ['weather', 'r-ems/demo-weather'],
  ])('%s by %s', async (name, map) => {
    const file = new URL(`../../../pointmaps/${map}.yaml`, import.meta.url)
    const { defaults, points } = mapped.parse(parse(await readFile(file, 'utf8')))
    const { connect } = await start()
    const client = await connect(name)
    for (const point of Object.values(points)) {
      const code = (point.function ?? defaults.function) === 'holding' ? 3 : 4
      await client.read(code, point.address, width(point.type ?? defaults.type ?? 'uint16'))
    }
    expect(Object.keys(points).length).toBeGreaterThan(8)
  })
})

test('the same seed gives the same bytes on every register of every device', async () => {
  const dump = async (seed: number) => {
    const { clock, connect } = await start({ speed: 600, parameters: { ...demoParameters, seed } })
    await pass(clock, 12)
    const meter = await connect('meter')
    const inverter = await connect('inverter')
    const battery = await connect('battery')
    const weather = await connect('weather')
    return [
      ...(await battery.read(4, 100, 18)),
      ...(await weather.read(4, 100, 9)),
      ...(await meter.read(4, 0, 80)),
      ...(await inverter.read(3, 40_000, 125)),
      ...(await inverter.read(3, 40_125, 53)),
    ]
  }
  const first = await dump(3)
  expect(await dump(3)).toStrictEqual(first)
  expect(await dump(4)).not.toStrictEqual(first)
})

test('a computer that was suspended does not make the plant catch up for hours', async () => {
  const { clock, plant } = await start()
  const before = plant.state().atMs
  clock.busy(3_600_000)
  await clock.advance(100)
  expect(plant.state().atMs - before).toBeLessThanOrEqual(5100)
})

test('commands outside the language are refused', () => {
  for (const line of [
    {},
    { device: 'meter' },
    { device: 'fridge', fault: 'silent' },
    { device: 'meter', fault: 'delay' },
    { device: 'meter', fault: 'silent', delayMs: 5 },
    { battery: { socPercent: 101 } },
    { load: { stepW: 1, phase: 'l4' } },
  ])
    expect(plantCommand.safeParse(line).success, JSON.stringify(line)).toBe(false)
  expect(plantCommand.parse({ device: 'meter', fault: 'delay', delayMs: 5 })).toBeDefined()
})

test('devices not asked for do not listen, and a fault for them is refused', async () => {
  const { plant } = await start({ devices: ['meter', 'weather'] })
  expect(Object.keys(plant.devices).toSorted()).toStrictEqual(['meter', 'weather'])
  await expect(plant.command({ device: 'battery', fault: 'silent' })).rejects.toThrow('battery does not listen')
})

test('twenty meters in one process each have their own values', async () => {
  const clock = manualClock()
  await using meters = await startSimulatedMeters({ clock, count: 20 })
  const values = await Promise.all(
    meters.servers.map(async (server) => {
      await using client = await connectRaw(server.port)
      return float(await client.read(4, 52, 2))
    }),
  )
  expect(new Set(values).size).toBe(20)
})

test('every device name has a server in a whole plant', async () => {
  const { plant } = await start()
  expect(Object.keys(plant.devices).toSorted()).toStrictEqual([...deviceNames].toSorted())
  expect(new Set(Object.values(plant.devices).map(({ port }) => port)).size).toBe(4)
})
