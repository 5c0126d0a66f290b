import { parseArgs, type ParseArgsConfig } from 'node:util'

/** Wrong use of a command line: the usage is shown and the exit code is 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** parseArgs with its refusals as one sentence. */
export function parseCommandLine<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config)
  } catch (error) {
    // Node's second sentence explains "--", which helps nobody here.
    throw new UsageError((error as Error).message.split('. ')[0] ?? 'wrong use', { cause: error })
  }
}

/** A port number from text, or a usage error naming where it came from. */
export function parsePort(text: string, from: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > 65_535)
    throw new UsageError(`${from} must be a port number from 0 to 65535, not "${text}"`)
  return port
}
