import type { Logger } from 'pino'
import type { Options } from './config.ts'
import { type PlantProcess, spawnPlant } from './drivers/simulated/spawn-plant.ts'
import type { Entries } from './entries.ts'
import type { Faults } from './runtime/faults.ts'

/** Starts the simulated plant of a site that needs one; it does not outlive `resources`, whatever fails on the way. */
export function startPlant(
  { site, plantArguments }: Options,
  entries: Entries,
  resources: AsyncDisposableStack,
  log: Logger,
): Promise<PlantProcess> | undefined {
  if (!site.devices.some(({ connection }) => connection.startsWith('demo://'))) return undefined
  const end = new AbortController()
  resources.defer(() => end.abort())
  const spawning = spawnPlant({
    entry: entries.plant,
    nodePath: process.execPath,
    signal: end.signal,
    // The devices outlive a killed service for a while, so that their own timers can be seen to act.
    args: ['--linger', '60', ...plantArguments],
    log: (line) => log.warn({ plant: line }, 'plant says'),
  })
  // A failure is seen where it is awaited; until then it is not unhandled.
  spawning.catch(() => undefined)
  return spawning
}

/** Raises a fault when the plant ends before the service. */
export async function watchPlant(
  plant: PlantProcess | undefined,
  faults: Faults,
  stopping: AbortSignal,
): Promise<void> {
  await plant?.exited
  if (!plant || stopping.aborted) return
  faults.raise('plant', {
    code: 'plant.ended',
    severity: 'error',
    message: 'the simulated plant has ended',
    action: 'Start the service again: the plant starts with it.',
  })
}
