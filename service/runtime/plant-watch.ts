import type { PlantProcess } from '../drivers/simulated/spawn-plant.ts'
import type { Faults } from './faults.ts'

/** Says so when the simulated plant ends before the service does. Resolves when it has ended, never rejects. */
export async function watchPlant(
  plant: PlantProcess | undefined,
  stopping: AbortSignal,
  faults: Pick<Faults, 'raise'>,
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
