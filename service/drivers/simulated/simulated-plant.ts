import type { Clock } from '../../domain/clock.ts'
import { createBatteryDevice } from './battery-layout.ts'
import { createInverterDevice } from './inverter-layout.ts'
import { meterFields, meterMaxReadRegisters } from './meter-layout.ts'
import { listenModbus, type ModbusServer, type ModbusServerOptions } from './modbus-server.ts'
import { type DeviceName, deviceNames, type Endpoint, type PlantCommand } from './plant-command.ts'
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
  /** Which devices listen; the physics always run whole. Default all. */
  readonly devices?: readonly DeviceName[]
  /** Ports from here on in the order of `deviceNames`; any free ports without it. */
  readonly portBase?: number
}

export interface SimulatedPlant extends AsyncDisposable {
  readonly devices: Readonly<Partial<Record<DeviceName, Endpoint>>>
  state(): PlantState
  /** Throws when the command names a device that does not listen. */
  command(command: PlantCommand): Promise<void>
}

const tickMs = 100
/** After a suspended computer the plant goes on where it was, instead of catching up for hours. */
const longestTickMs = 5000
const unitId = 1

/** A whole plant behind Modbus TCP servers on loopback, running until it is disposed of. */
export async function startSimulatedPlant(options: SimulatedPlantOptions): Promise<SimulatedPlant> {
  const { clock, parameters = demoParameters, speed = 1 } = options
  let state = createPlantState(parameters, options.startMs ?? demoStartMs, options.socPercent ?? 55)
  let extraLoadW: ThreePhase = zeroPhases
  const inverter = createInverterDevice(clock, parameters, () => state)
  const battery = createBatteryDevice(clock, parameters.battery, () => state)

  const layouts: Record<DeviceName, Pick<ModbusServerOptions, 'fields' | 'identification' | 'maxReadRegisters'>> = {
    inverter: { fields: inverter.fields },
    battery: {
      fields: battery.fields,
      identification: new Map([
        [0, 'R-EMS'],
        [1, 'DEMO-BATTERY'],
        [2, '1.0.0'],
      ]),
    },
    meter: { fields: meterFields(() => state.grid), maxReadRegisters: meterMaxReadRegisters },
    weather: {
      fields: weatherFields(() => state.weather),
      identification: new Map([
        [0, 'R-EMS'],
        [1, 'DEMO-WEATHER'],
        [2, '1.0.0'],
      ]),
    },
  }

  await using starting = new AsyncDisposableStack()
  const servers = new Map<DeviceName, ModbusServer>()
  for (const name of options.devices ?? deviceNames) {
    const port = options.portBase === undefined ? 0 : options.portBase + deviceNames.indexOf(name)
    servers.set(name, starting.use(await listenModbus({ clock, unitId, port, ...layouts[name] })))
  }
  const running = starting.move()

  function advance(elapsedMs: number): void {
    const inputs = {
      pvLimit: inverter.limit(),
      pvConnected: inverter.connected(),
      batteryTargetW: battery.targetW(),
      extraLoadW,
    }
    state = advancePlant(parameters, state, (Math.min(elapsedMs, longestTickMs) / 1000) * speed, inputs)
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
      if ('load' in command) {
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
        await server.setFault(fault)
      }
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}
