import type { Clock } from '../../domain/clock.ts'
import { createBatteryDevice } from './battery-layout.ts'
import { idleCharger, plugIn } from './charger.ts'
import { createChargerDevice } from './charger-layout.ts'
import type { Fault } from './faults.ts'
import { feederState } from './feeder.ts'
import { createHeaterDevice } from './heater-layout.ts'
import { createInverterDevice } from './inverter-layout.ts'
import { wronglyMetered } from './meter-faults.ts'
import { meterFields, meterMaxReadRegisters } from './meter-layout.ts'
import { listenModbus, type ModbusServer, type ModbusServerOptions } from './modbus-server.ts'
import { type DeviceName, deviceNames, type Endpoint, type PlantCommand } from './plant-command.ts'
import { createPlantLog, type PlantEvent } from './plant-log.ts'
import {
  advancePlant,
  createPlantState,
  demoParameters,
  demoStartMs,
  type PlantParameters,
  type PlantState,
} from './plant-model.ts'
import { type ThreePhase, zeroPhases } from './phases.ts'
import { weatherFields } from './weather-layout.ts'

export interface SimulatedPlantOptions {
  readonly clock: Clock
  readonly parameters?: PlantParameters
  /** Simulated time at the start. Default: a sunny forenoon in May. */
  readonly startMs?: number
  /** Simulated seconds per second, 0.1 to 3600. Default 1. Timers of the devices run in real time all the same. */
  readonly speed?: number
  readonly socPercent?: number
  /** Which devices listen; the physics always run whole. Default: the four of the demo, and all chargers and feeders. */
  readonly devices?: readonly DeviceName[]
  /** Meters that each measure an equal share of the chargers, in their order. Default 0. */
  readonly feeders?: number
  /** Ports from here on in the order of the devices; any free ports without it. */
  readonly portBase?: number
  /** Is told what happens, for those who watch from the plant's side. */
  readonly observe?: (event: PlantEvent) => void
}

export interface SimulatedPlant extends AsyncDisposable {
  readonly devices: Readonly<Record<string, Endpoint>>
  state(): PlantState
  /** Throws when the command names a device that does not listen. */
  command(command: PlantCommand): Promise<void>
}

type Layout = Pick<ModbusServerOptions, 'fields' | 'identification' | 'maxReadRegisters'>

const tickMs = 100
/** After a suspended computer the plant goes on where it was, instead of catching up for hours. */
const longestTickMs = 5000
const unitId = 1

/** A whole plant behind Modbus TCP servers on loopback, running until it is disposed of. */
export async function startSimulatedPlant(options: SimulatedPlantOptions): Promise<SimulatedPlant> {
  const { clock, parameters = demoParameters, speed = 1 } = options
  let state = createPlantState(parameters, options.startMs ?? demoStartMs, options.socPercent ?? 55)
  let extraLoadW: ThreePhase = zeroPhases
  const faults = new Map<DeviceName, Fault>()
  const faultOf = (name: DeviceName) => (): Fault => faults.get(name) ?? { fault: 'none' }
  const inverter = createInverterDevice(clock, parameters, () => state, faultOf('inverter'))
  const battery = createBatteryDevice(clock, parameters.battery, () => state, faultOf('battery'))
  const heater = createHeaterDevice(clock, () => state.heaterW)
  const chargers = parameters.chargers.map((charger, index) =>
    createChargerDevice({
      clock,
      number: index + 1,
      parameters: charger,
      charger: () => state.chargers[index] ?? idleCharger,
      voltageV: () => state.grid.voltageV,
      fault: faultOf(`charger-${index + 1}`),
    }),
  )
  const { feeders = 0 } = options
  const log = createPlantLog(clock, options.observe)

  const layouts: Partial<Record<DeviceName, Layout>> = {
    inverter: { fields: inverter.fields },
    battery: {
      fields: battery.fields,
      identification: new Map([
        [0, 'R-EMS'],
        [1, 'DEMO-BATTERY'],
        [2, '1.0.0'],
      ]),
    },
    meter: {
      fields: meterFields(() => wronglyMetered(state.grid, faultOf('meter')())),
      maxReadRegisters: meterMaxReadRegisters,
    },
    weather: {
      fields: weatherFields(() => state.weather),
      identification: new Map([
        [0, 'R-EMS'],
        [1, 'DEMO-WEATHER'],
        [2, '1.0.0'],
      ]),
    },
    heater: { fields: heater.fields },
  }
  const extra: DeviceName[] = []
  for (const [index, { fields }] of chargers.entries()) {
    const name: DeviceName = `charger-${index + 1}`
    layouts[name] = { fields }
    extra.push(name)
  }
  for (let feeder = 1; feeder <= feeders; feeder++) {
    const name: DeviceName = `feeder-${feeder}`
    layouts[name] = {
      fields: meterFields(() => wronglyMetered(feederState(state, feeder, feeders), faultOf(name)())),
      maxReadRegisters: meterMaxReadRegisters,
    }
    extra.push(name)
  }

  await using starting = new AsyncDisposableStack()
  const servers = new Map<DeviceName, ModbusServer>()
  for (const [index, name] of (options.devices ?? [...deviceNames, ...extra]).entries()) {
    const layout = layouts[name]
    if (!layout) throw new RangeError(`this plant has no ${name}`)
    const port = options.portBase === undefined ? 0 : options.portBase + index
    const fields = log.watch(name, layout.fields)
    servers.set(name, starting.use(await listenModbus({ clock, unitId, port, ...layout, fields })))
  }
  const running = starting.move()

  function slownessOf(name: DeviceName): number {
    const fault = faultOf(name)()
    return fault.fault === 'sluggish' ? fault.factor : 1
  }

  function advance(elapsedMs: number): void {
    const inputs = {
      pvLimit: inverter.limit(),
      pvConnected: inverter.connected(),
      batteryTargetW: battery.targetW(),
      extraLoadW,
      chargers: chargers.map((charger) => charger.input()),
      heaterW: heater.targetW(),
      slower: { pv: slownessOf('inverter'), battery: slownessOf('battery') },
    }
    state = advancePlant(parameters, state, (Math.min(elapsedMs, longestTickMs) / 1000) * speed, inputs)
    log.flow(
      state,
      inputs.chargers.map(({ limitA }) => limitA),
    )
  }

  const stopped = new AbortController()
  async function run(): Promise<void> {
    let lastMs = clock.monotonicMs()
    while (!stopped.signal.aborted) {
      await clock.sleep(tickMs, stopped.signal)
      const nowMs = clock.monotonicMs()
      if (nowMs > lastMs) advance(nowMs - lastMs)
      lastMs = nowMs
    }
  }
  const ended = run().catch((error: unknown) => {
    if (!stopped.signal.aborted) throw error
  })
  running.defer(async () => {
    stopped.abort()
    await ended
  })

  return {
    devices: Object.fromEntries(
      [...servers].map(([name, server]) => [name, { host: server.host, port: server.port, unitId }]),
    ),
    state: () => state,
    async command(command) {
      log.add({ command })
      if ('charger' in command) {
        const { number, vehicle } = command.charger
        if (number > chargers.length) throw new RangeError(`this plant has ${chargers.length} chargers`)
        state = {
          ...state,
          chargers: state.chargers.map((charger, index) =>
            index === number - 1 ? plugIn(charger, vehicle ?? undefined) : charger,
          ),
        }
      } else if ('load' in command) {
        const { stepW, phase } = command.load
        const third = stepW / 3
        extraLoadW = phase ? { ...zeroPhases, [phase]: stepW } : { l1: third, l2: third, l3: third }
      } else if ('battery' in command) {
        const energyWh = (parameters.battery.capacityWh * command.battery.socPercent) / 100
        state = { ...state, battery: { ...state.battery, energyWh } }
      } else {
        const { device, ...fault } = command
        const server = servers.get(device)
        if (!server) throw new RangeError(`${device} does not listen in this plant`)
        faults.set(device, fault)
        await server.setFault(fault)
      }
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}
