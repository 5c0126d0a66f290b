import module from 'node:module'
import { setFlagsFromString } from 'node:v8'
import { EdgeError } from '#contract/errors.ts'
import { UsageError } from './args.ts'
import { assertNodeVersion } from './node-version.ts'
import { version } from './version.ts'

// A young generation that does not grow saves a tenth of the memory; a service that ticks once a second never misses it.
setFlagsFromString('--semi-space-growth-factor=1')
// An older Node.js has none, and has to come as far as the version guard.
if ('enableCompileCache' in module) module.enableCompileCache()

/**
 * r-emsd, the edge service. Everything heavy is imported after the version guard: the database binding crashes the
 * process on an older Node.js.
 */
async function main(args: string[]): Promise<number> {
  const [command, ...rest] = args
  if (command === '--version') {
    const { semver, sha } = version()
    process.stdout.write(`${semver} (${sha})\n`)
    return 0
  }
  assertNodeVersion()
  const { loadOptions, usage } = await import('./config.ts')
  if (command === '--help' || command === 'help') {
    process.stdout.write(usage)
    return 0
  }
  try {
    if (command !== 'run')
      throw new UsageError(command === undefined ? 'a command is missing' : `unknown command or option "${command}"`)
    const { entries } = await import('./entries.ts')
    const { runAgain } = await import('./run-again.ts')
    return await runAgain((carried) => loadOptions(rest, process.env, entries.projectFolder, carried), entries)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    process.stderr.write(`r-emsd: ${error.message}\n\n${usage}`)
    return 2
  }
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  const action =
    error instanceof EdgeError ? error.action : 'This is a fault of R-EMS; R_EMS_LOG_LEVEL=debug shows where.'
  process.stderr.write(`r-emsd: ${error instanceof Error ? error.message : String(error)}\n${action}\n`)
  if (!(error instanceof EdgeError) && process.env['R_EMS_LOG_LEVEL'] === 'debug' && error instanceof Error)
    process.stderr.write(`${error.stack ?? ''}\n`)
  process.exitCode = 1
}
