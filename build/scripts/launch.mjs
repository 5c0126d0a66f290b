// launch.mjs r-emsd|r-emsctl [ARGS]: installs what is missing, builds what is stale, runs the program on the pinned Node.js.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { ensureInstalled, pinnedNode, root } from './install.mjs'

const [program, ...args] = process.argv.slice(2)
ensureInstalled()
const { ensureBuilt } = await import('./build.mjs')
await ensureBuilt(program === 'r-emsd' ? ['service', 'renderer'] : ['service'])

const child = spawn(pinnedNode(), [join(root, `out/service/${program}.js`), ...args], {
  stdio: 'inherit',
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
// Whoever started this may be killed without a chance to pass a signal on; the service must not outlive it unseen.
const parent = process.ppid
setInterval(() => process.ppid !== parent && child.kill('SIGTERM'), 250).unref()
child.on('error', (error) => {
  process.stderr.write(`${program} could not be started: ${error.message}\n`)
  process.exit(1)
})
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal ? 1 : 0)
})
