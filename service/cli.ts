import { once } from 'node:events'
import { openLines } from './cli/line-session.ts'
import { readSecret } from './cli/read-secret.ts'
import { createInterface } from 'node:readline/promises'
import { run } from './cli/run.ts'

const stop = new AbortController()
// The second one ends the program the hard way.
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort())
// Whoever reads the output may have seen enough, such as head.
process.stdout.on('error', () => process.exit())

process.exitCode = await run(process.argv.slice(2), {
  environment: process.env,
  signal: stop.signal,
  interactive: process.stdin.isTTY && process.stderr.isTTY,
  screen: process.stdout.isTTY,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  readSecret,
  openLines: () => openLines(stop.signal),
  async ask(question) {
    using lines = createInterface({ input: process.stdin, output: process.stderr })
    // The question alone would wait for ever when the input ends.
    const ended = once(lines, 'close').then(() => '')
    return await Promise.race([lines.question(question, { signal: stop.signal }).catch(() => ''), ended])
  },
})
