import type { Clock } from '../../domain/clock.ts'
import type { DeviceName } from './plant-command.ts'
import type { ThreePhase } from './phases.ts'
import type { PlantState } from './plant-model.ts'
import type { RegisterField } from './register-bank.ts'

/**
 * What happens at the plant, seen from its own side: each write that was accepted, each command, and ten times a second what
 * flows. `atMs` is wall clock with fractions, from the monotonic clock.
 */
export type PlantEvent = { readonly atMs: number } & (
  | { readonly device: DeviceName; readonly address: number; readonly words: readonly number[] }
  | { readonly command: object }
  | { readonly currentA: ThreePhase; readonly powerW: number; readonly setpointA: readonly number[] }
)

type Happening = PlantEvent extends infer E ? (E extends PlantEvent ? Omit<E, 'atMs'> : never) : never

export interface PlantLog {
  add(happening: Happening): void
  /** The fields, with their writes noted once they are in force. */
  watch(device: DeviceName, fields: readonly RegisterField[]): readonly RegisterField[]
  flow(state: PlantState, setpointA: readonly number[]): void
}

export function createPlantLog(clock: Clock, sink: ((event: PlantEvent) => void) | undefined): PlantLog {
  const offsetMs = clock.nowMs() - clock.monotonicMs()
  const add = (happening: Happening): void => sink?.({ atMs: offsetMs + clock.monotonicMs(), ...happening })
  return {
    add,
    watch(device, fields) {
      if (!sink) return fields
      return fields.map((field) => {
        const { write, address } = field
        if (!write) return field
        const apply = (words: readonly number[]): void => {
          write.apply(words)
          add({ device, address, words })
        }
        return { ...field, write: { accepts: write.accepts, apply } }
      })
    },
    flow: ({ grid }, setpointA) => add({ currentA: grid.currentA, powerW: grid.powerW, setpointA }),
  }
}
