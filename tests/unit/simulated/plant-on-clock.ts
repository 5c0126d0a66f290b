import { onTestFinished } from 'vitest'
import type { DeviceName } from '../../../service/drivers/simulated/plant-command.ts'
import { type SimulatedPlantOptions, startSimulatedPlant } from '../../../service/drivers/simulated/simulated-plant.ts'
import { type ManualClock, manualClock } from '../runtime/manual-clock.ts'
import { connectRaw } from './raw-client.ts'

/** A whole plant on real sockets whose time is moved by the test; it ends with the test. */
export async function startPlant(options: Partial<SimulatedPlantOptions> = {}) {
  const clock = manualClock()
  const plant = await startSimulatedPlant({ clock, ...options })
  onTestFinished(() => plant[Symbol.asyncDispose]())
  const connect = async (name: DeviceName) => {
    const client = await connectRaw(plant.devices[name]!.port)
    onTestFinished(() => client[Symbol.asyncDispose]())
    return client
  }
  return { clock, plant, connect }
}

/** Moves time in the ticks of the plant, so that nothing is skipped. */
export async function pass(clock: ManualClock, seconds: number): Promise<void> {
  for (let tick = 0; tick < seconds * 10; tick += 1) await clock.advance(100)
}
