import { computed, onBeforeUnmount, onMounted, shallowRef } from 'vue'
import type { Command } from './commands.ts'

const sources = shallowRef<readonly (() => readonly Omit<Command, 'group'>[])[]>([])

/** What the screens that are open now can do, for the command palette. */
export const screenCommands = computed<readonly Command[]>(() =>
  sources.value.flatMap((source) => source().map((command) => ({ ...command, group: 'here' as const }))),
)

/** Offers commands in the palette while the component lives. What cannot be done now is left out. */
export function useCommands(commands: () => readonly Omit<Command, 'group'>[]): void {
  onMounted(() => (sources.value = [...sources.value, commands]))
  onBeforeUnmount(() => (sources.value = sources.value.filter((source) => source !== commands)))
}
