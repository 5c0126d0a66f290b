import { EdgeError } from '#contract/errors.ts'
import { UsageError } from '../args.ts'
import { version } from '../version.ts'
import { audit } from './audit.ts'
import { backup, restore } from './backup.ts'
import { NoAnswer, Refused } from './ask-service.ts'
import { capture } from './capture.ts'
import { check } from './check.ts'
import { config } from './config.ts'
import { control } from './control.ts'
import { explain } from './explain.ts'
import { failsafe } from './failsafe.ts'
import { deploy, rollback } from './deploy.ts'
import { diff } from './diff.ts'
import { identify } from './identify.ts'
import { license } from './license.ts'
import { infer } from './infer.ts'
import { map } from './map.ts'
import { pair } from './pair.ts'
import { read } from './read.ts'
import { registers } from './registers.ts'
import { replay } from './replay.ts'
import { report } from './report.ts'
import { setup } from './setup.ts'
import { simulate } from './simulate.ts'
import { sniff } from './sniff.ts'
import { scan } from './scan.ts'
import { snapshot } from './snapshot.ts'
import { status } from './status.ts'
import { sunspec } from './sunspec.ts'
import { type Command, CommandFailure, exitCode, type Terminal } from './terminal.ts'
import { token } from './token.ts'
import { trust } from './trust.ts'
import { user } from './user.ts'
import { verify } from './verify.ts'
import { write } from './write.ts'

const commands: Readonly<Record<string, Command>> = {
  setup,
  status,
  config,
  control,
  failsafe,
  check,
  explain,
  simulate,
  capture,
  replay,
  scan,
  identify,
  read,
  registers,
  snapshot,
  diff,
  infer,
  write,
  verify,
  sunspec,
  sniff,
  map,
  user,
  token,
  pair,
  trust,
  license,
  backup,
  restore,
  deploy,
  rollback,
  report,
  audit,
}

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
    if (terminal.signal.aborted) return exitCode.interrupted
    if (error instanceof UsageError) {
      terminal.err(`r-emsctl ${name}: ${error.message}\n${command.usage}`)
      return exitCode.usage
    }
    if (error instanceof CommandFailure) {
      terminal.err(`r-emsctl ${name}: ${error.message}\n`)
      return error.code
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
