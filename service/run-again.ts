import { createSessions } from './access/sessions.ts'
import type { Carried } from './carried.ts'
import type { Options } from './config.ts'
import type { Entries } from './entries.ts'
import { systemClock } from './runtime/system-clock.ts'
import { serve } from './serve.ts'

/**
 * Runs the service, and again in the same process whenever another configuration is to run. A trial that cannot even start is over:
 * the former generation runs. Resolves to the exit code.
 */
export async function runAgain(load: (carried: Carried) => Promise<Options>, entries: Entries): Promise<number> {
  const carried: Carried = { sessions: createSessions(systemClock), announced: false }
  for (;;) {
    const { trial } = carried
    try {
      const options = await load(carried)
      if ((await serve(onSamePorts(options, carried), entries, carried)) === 'stop') return 0
    } catch (error) {
      if (!trial || carried.trial !== trial) throw error
      carried.trial = undefined
      carried.failure = `it could not start: ${error instanceof Error ? error.message : String(error)}`
    }
  }
}

/** A free port was chosen once, and whoever is connected comes back to it. */
function onSamePorts(options: Options, { port, securePort }: Carried): Options {
  const { network } = options
  return {
    ...options,
    ...(port !== undefined && { port }),
    ...(network && { network: securePort === undefined ? network : { ...network, port: securePort } }),
  }
}
