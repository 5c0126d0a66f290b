import { describe, expect, test } from 'vitest'
import { idleCharger, plugIn, stepCharger } from '../../../service/drivers/simulated/charger.ts'
import { demoParameters, demoStartMs, depotParameters } from '../../../service/drivers/simulated/plant-model.ts'
import type { PlantEvent } from '../../../service/drivers/simulated/plant-log.ts'
import { pass, startPlant } from './plant-on-clock.ts'

const depot = (chargers: number) => ({
  parameters: { ...depotParameters(demoParameters, chargers), steadyLoadW: 9000 },
  startMs: demoStartMs - 10 * 3_600_000,
})
const car = { phases: 3, maxCurrentA: 32, wantedWh: 60_000 } as const

describe('model of a charger', () => {
  const [parameters] = depotParameters(demoParameters, 1).chargers
  const volts = { l1: 230, l2: 230, l3: 230 }
  const run = (state: typeof idleCharger, seconds: number, input: { limitA: number; phases: 1 | 3 }) => {
    let next = state
    for (let tick = 0; tick < seconds * 10; tick++) next = stepCharger(parameters!, next, 0.1, input, volts)
    return next
  }

  test('follows its limit within the declared response and gives nothing below 6 A', () => {
    let state = run(plugIn(idleCharger, car), 2.2, { limitA: 20, phases: 3 })
    expect(state.phaseA).toEqual({ l1: 20, l2: 20, l3: 20 })
    state = run(state, 2, { limitA: 6, phases: 3 })
    expect(state.currentA).toBe(6)
    expect(run(state, 2, { limitA: 5.9, phases: 3 }).powerW).toBe(0)
  })

  test('counts what it gave, and ends with a full vehicle', () => {
    const state = run(plugIn(idleCharger, { ...car, wantedWh: 100 }), 120, { limitA: 16, phases: 3 })
    expect(state.powerW).toBe(0)
    expect(state.sessionWh).toBeGreaterThanOrEqual(100)
    expect(state.sessionWh).toBeLessThan(103)
  })

  test('changes its phases only without current, and takes its time', () => {
    const charging = run(plugIn(idleCharger, car), 3, { limitA: 16, phases: 3 })
    let state = charging
    const seen: number[] = []
    for (let tick = 0; tick < 100; tick++) {
      const before = state
      state = stepCharger(parameters!, state, 0.1, { limitA: 16, phases: 1 }, volts)
      if (state.phases !== before.phases) seen.push(state.currentA)
    }
    expect(seen).toEqual([0])
    expect(run(charging, 4, { limitA: 16, phases: 1 }).powerW).toBe(0)
    expect(run(charging, 10, { limitA: 16, phases: 1 }).phaseA).toEqual({ l1: 16, l2: 0, l3: 0 })
  })
})

describe('chargers on the wire', () => {
  test('reads its state, obeys its setpoint for 30 s, then falls back to the failsafe current by itself', async () => {
    const { clock, plant, connect } = await startPlant(depot(2))
    const client = await connect('charger-2')
    expect((await client.read(4, 100, 3)).slice(0, 2)).toStrictEqual([0, 0])
    await plant.command({ charger: { number: 2, vehicle: car } })
    await pass(clock, 1)
    expect(await client.read(3, 200, 1)).toStrictEqual([600])
    await client.writeRegisters(200, [1600])
    await pass(clock, 3)
    expect(await client.read(4, 100, 3)).toStrictEqual([2, 1, 1])
    expect(await client.read(4, 104, 3)).toStrictEqual([1600, 1600, 1600])
    expect(plant.state().grid.currentA.l1).toBeGreaterThan(28)
    await pass(clock, 25)
    expect(await client.read(3, 200, 1)).toStrictEqual([1600])
    await pass(clock, 5)
    expect(await client.read(3, 200, 1)).toStrictEqual([600])
    expect(await client.read(4, 104, 3)).toStrictEqual([600, 600, 600])
  })

  test('puts a one-phase vehicle on the first terminal, which is another phase of the grid at each charger', async () => {
    const { clock, plant } = await startPlant(depot(2))
    await plant.command({ charger: { number: 2, vehicle: { ...car, phases: 1 } } })
    await pass(clock, 2)
    expect(plant.state().chargers[1]!.phaseA).toEqual({ l1: 0, l2: 6, l3: 0 })
  })

  test.each([
    ['a current above its rating', 200, 3300],
    ['two phases', 201, 2],
    ['a failsafe time of 0', 204, 0],
  ])('refuses %s', async (_, address, value) => {
    const { connect } = await startPlant(depot(1))
    const client = await connect('charger-1')
    expect(await client.writeRegisters(address, [value])).toStrictEqual([0x90, 3])
  })

  test('refuses a vehicle at a charger it does not have', async () => {
    const { plant } = await startPlant(depot(1))
    await expect(plant.command({ charger: { number: 2, vehicle: null } })).rejects.toThrow('has 1 chargers')
  })

  test('meters of feeders see their share, and the log sees every write', async () => {
    const events: PlantEvent[] = []
    const { clock, plant, connect } = await startPlant({
      ...depot(4),
      feeders: 2,
      observe: (event) => void events.push(event),
    })
    for (const number of [1, 2, 3]) await plant.command({ charger: { number, vehicle: car } })
    await pass(clock, 3)
    const first = await connect('feeder-1')
    const second = await connect('feeder-2')
    const amps = async (client: typeof first) => {
      const [high = 0, low = 0] = await client.read(4, 6, 2)
      return Buffer.from([high >> 8, high & 255, low >> 8, low & 255]).readFloatBE()
    }
    expect(await amps(first)).toBeCloseTo(12, 3)
    expect(await amps(second)).toBeCloseTo(6, 3)
    await (await connect('charger-3')).writeRegisters(200, [1000])
    expect(events.filter((event) => 'device' in event)).toMatchObject([
      { device: 'charger-3', address: 200, words: [1000] },
    ])
  })

  test('a heater heats as told and goes cold by itself', async () => {
    const { clock, plant, connect } = await startPlant({ devices: ['heater'] })
    const client = await connect('heater')
    await client.writeRegisters(200, [2500])
    await pass(clock, 1)
    expect(plant.state().heaterW).toBe(2500)
    await client.writeRegisters(201, [1])
    await pass(clock, 1)
    expect(await client.read(4, 100, 3)).toStrictEqual([0, 6000, 1])
    await pass(clock, 61)
    expect(plant.state().heaterW).toBe(0)
  })
})
