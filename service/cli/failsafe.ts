import { failsafe as failsafeSchema, type FailsafeEntry } from '#contract/control.ts'
import { parseCommandLine } from '../args.ts'
import { openService, targetFlags } from './edge-target.ts'
import { table } from './table.ts'
import { type Command, exitCode } from './terminal.ts'

const usage = `usage: r-emsctl failsafe [--url http://127.0.0.1:PORT] [--data-dir DIR] [--json]

What each device does with each of its setpoints when R-EMS stops, as its map says, and whether a test has proven it.
Asks the service on this machine (R_EMS_API_PORT, default 8080) with the token in R_EMS_API_TOKEN or in its data folder.
`

export const failsafe: Command = {
  summary: 'what each device does when R-EMS stops',
  usage,
  async run(args, { environment, out }) {
    const { values } = parseCommandLine({ args, options: { ...targetFlags, json: { type: 'boolean' } }, strict: true })
    const ask = await openService(values, environment)
    const found = await ask('GET', '/api/v1/failsafe', failsafeSchema)
    if (values.json) out(`${JSON.stringify(found)}\n`)
    else if (found.devices.length === 0) out('No device of this site can be controlled.\n')
    else out(describe(found.devices))
    return exitCode.done
  },
}

function describe(devices: readonly FailsafeEntry[]): string {
  const rows = devices.map(({ deviceName, command, proof }) => [
    deviceName,
    command,
    proof.state === 'proven' ? `proven ${new Date(proof.atMs).toISOString().slice(0, 10)}` : 'not proven',
  ])
  const lines = table([['Device', 'Command', 'Test'], ...rows])
    .trimEnd()
    .split('\n')
  return lines.map((line, at) => (at === 0 ? `${line}\n` : `${line}\n    ${devices[at - 1]?.text ?? ''}\n`)).join('')
}
