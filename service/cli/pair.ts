import { parseCommandLine } from '../args.ts'
import { openTarget, targetFlags, targetUsage } from './edge-target.ts'
import type { Command } from './terminal.ts'

const usage = `usage: r-emsctl pair [--new-code]

Opens pairing for 15 minutes and shows the code of this edge. While the service is stopped, pairing opens when it starts.
  --new-code       make a new code first; the old one, such as on a label, is void
${targetUsage}`

export const pair: Command = {
  summary: 'open pairing and show the code',
  usage,
  async run(args, { environment, out }) {
    const { values } = parseCommandLine({
      args,
      options: { ...targetFlags, 'new-code': { type: 'boolean' } },
      strict: true,
    })
    await using target = await openTarget(values, environment)
    const { code, from } = await target.openPairing(values['new-code'] ?? false)
    out(`${code}\nAccepted for 15 minutes from ${from === 'now' ? 'now' : 'the next start of the service'} on.\n`)
    return 0
  },
}
