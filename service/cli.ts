import { readSecret } from './cli/read-secret.ts'
import { run } from './cli/run.ts'

process.exitCode = await run(process.argv.slice(2), {
  environment: process.env,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  readSecret,
})
