import { UsageError } from '../args.ts'
import { scanRegistersCommand } from './scan-registers.ts'
import { scanRtu } from './scan-rtu.ts'
import { scanTcp } from './scan-tcp.ts'
import { type Command, exitCode } from './terminal.ts'

const kinds: Readonly<Record<string, Command>> = { rtu: scanRtu, tcp: scanTcp, registers: scanRegistersCommand }

const usage = Object.values(kinds)
  .map((kind) => kind.usage)
  .join('\n')

export const scan: Command = {
  summary: 'who is on a line or network, and which registers a unit has',
  usage,
  async run(args, terminal) {
    const [kind = '', ...rest] = args
    const command = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined
    if (!command)
      throw new UsageError(kind === '' ? 'rtu, tcp or registers?' : `"${kind}" is not rtu, tcp or registers`)
    try {
      return await command.run(rest, terminal)
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      terminal.err(`r-emsctl scan ${kind}: ${error.message}\n${command.usage}`)
      return exitCode.usage
    }
  },
}
