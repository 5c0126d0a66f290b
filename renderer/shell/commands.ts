export interface Command {
  readonly id: string
  readonly group: 'here' | 'screens' | 'devices' | 'commands'
  readonly title: string
  /** More words to be found by. */
  readonly hint?: string
  readonly keys?: string
  run(): void
}

const words = (text: string): string[] => text.toLowerCase().split(/\s+/).filter(Boolean)

/** Commands whose title or hint has every typed word; those that start with the first word come first. */
export function matchCommands(commands: readonly Command[], typed: string): readonly Command[] {
  const wanted = words(typed)
  if (wanted.length === 0) return commands
  const first = wanted[0] ?? ''
  const found = commands.filter((command) => {
    const text = `${command.title} ${command.hint ?? ''}`.toLowerCase()
    return wanted.every((word) => text.includes(word))
  })
  const starts = (command: Command): number => (words(command.title).some((word) => word.startsWith(first)) ? 0 : 1)
  return found.toSorted((a, b) => starts(a) - starts(b))
}
