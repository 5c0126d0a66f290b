import type { Clock } from '../../domain/clock.ts'
import { meterFields, meterMaxReadRegisters } from './meter-layout.ts'
import { listenModbus, type ModbusServer } from './modbus-server.ts'
import { smoothNoise } from './noise.ts'
import { eachPhase, sumPhases } from './phases.ts'
import type { GridState } from './plant-model.ts'

/** Many independent meters in one process, each a Modbus TCP server with the layout of meter-layout.ts on its own port. */
export interface SimulatedMeters extends AsyncDisposable {
  readonly servers: readonly ModbusServer[]
}

/** Values move on their own, smoothly, deterministic from seed and wall clock; nothing connects the meters. */
export async function startSimulatedMeters(options: {
  readonly clock: Clock
  readonly count: number
  readonly seed?: number
}): Promise<SimulatedMeters> {
  const { clock, count, seed = 1 } = options
  await using starting = new AsyncDisposableStack()
  const servers: ModbusServer[] = []
  for (let index = 0; index < count; index++) {
    const fields = meterFields(sampled(clock, (atMs) => meterAt(seed + index, atMs)))
    servers.push(
      starting.use(await listenModbus({ clock, unitId: 1, fields, maxReadRegisters: meterMaxReadRegisters })),
    )
  }
  const running = starting.move()
  return { servers, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

/** Measures anew at most every 100 ms, as a meter does. */
function sampled(clock: Clock, measure: (atMs: number) => GridState): () => GridState {
  let newest: { atMs: number; values: GridState } | undefined
  return () => {
    const atMs = Math.floor(clock.nowMs() / 100) * 100
    if (newest?.atMs !== atMs) newest = { atMs, values: measure(atMs) }
    return newest.values
  }
}

function meterAt(seed: number, atMs: number): GridState {
  const timeS = atMs / 1000
  const noise = (channel: number, phase: string) => smoothNoise(seed, channel + phase.charCodeAt(1), timeS, 10)
  const phaseW = eachPhase((phase) => 3000 * noise(10, phase) - 500)
  const phaseVar = eachPhase((phase) => 300 * noise(20, phase))
  const voltageV = eachPhase((phase) => 228 + 4 * noise(30, phase))
  return {
    phaseW,
    phaseVar,
    powerW: sumPhases(phaseW),
    voltageV,
    currentA: eachPhase((phase) => Math.hypot(phaseW[phase], phaseVar[phase]) / voltageV[phase]),
    frequencyHz: 49.98 + 0.04 * noise(40, 'l1'),
    importWh: 1_000_000 + (timeS % 1_000_000),
    exportWh: 500_000,
  }
}
