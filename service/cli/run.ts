import { EdgeError } from '#contract/errors.ts'
import { UsageError } from '../args.ts'
import { version } from '../version.ts'
import { audit } from './audit.ts'
import { NoAnswer, Refused } from './edge-target.ts'
import { pair } from './pair.ts'
import { status } from './status.ts'
import { token } from './token.ts'
import { user } from './user.ts'

/** Where a command reads from and prints to. */
export interface Terminal {
  readonly environment: NodeJS.ProcessEnv
  out(text: string): void
  err(text: string): void
  /** A line that is not shown, such as a password. */
  readSecret(prompt: string): Promise<string>
}

/** One command of r-emsctl: prints its result, returns its exit code. */
export interface Command {
  readonly summary: string
  readonly usage: string
  run(args: string[], terminal: Terminal): Promise<number>
}

/** Exit codes of r-emsctl, the same for every command. */
export const exitCode = { done: 0, failed: 1, usage: 2, noAnswer: 3, deviceException: 4, refused: 5 } as const

const commands: Readonly<Record<string, Command>> = { status, user, token, pair, audit }

function usage(): string {
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(12)} ${summary}`)
  return `usage: r-emsctl COMMAND [options]\n       r-emsctl COMMAND --help\n       r-emsctl --version\n\n${lines.join('\n')}\n`
}

export async function run(args: string[], terminal: Terminal): Promise<number> {
  const [name = '', ...rest] = args
  if (name === '--version') {
    const { semver, sha } = version()
    terminal.out(`${semver} (${sha})\n`)
    return exitCode.done
  }
  if (name === '--help' || name === 'help') {
    terminal.out(usage())
    return exitCode.done
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (!command) {
    terminal.err(`${name === '' ? '' : `r-emsctl: unknown command "${name}"\n`}${usage()}`)
    return exitCode.usage
  }
  if (rest.includes('--help')) {
    terminal.out(command.usage)
    return exitCode.done
  }
  try {
    return await command.run(rest, terminal)
  } catch (error) {
    if (error instanceof UsageError) {
      terminal.err(`r-emsctl ${name}: ${error.message}\n${command.usage}`)
      return exitCode.usage
    }
    if (error instanceof EdgeError) {
      terminal.err(`r-emsctl ${name}: ${error.message}\n${error.action}\n`)
      return exitCode.failed
    }
    if (error instanceof NoAnswer || error instanceof Refused) {
      terminal.err(`r-emsctl ${name}: ${error.message}\n`)
      return error instanceof NoAnswer ? exitCode.noAnswer : exitCode.refused
    }
    throw error
  }
}
