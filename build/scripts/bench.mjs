// bench.mjs NAME [--json] [OPTIONS]: runs one benchmark of tests/bench on the pinned Node.js; it prints one JSON object.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ensureInstalled, pinnedNode, root, toolEnvironment } from './install.mjs'

const folder = join(root, 'tests/bench')
const [name = '', ...args] = process.argv.slice(2)
const file = join(folder, `${name}.ts`)
if (!/^[a-z-]+$/.test(name) || !existsSync(file)) {
  const names = readdirSync(folder, { withFileTypes: true }).filter(
    (entry) => entry.isFile() && entry.name.endsWith('.ts'),
  )
  process.stderr.write(
    `usage: npm run -s bench -- NAME --json\n\n${names.map((entry) => `  ${entry.name.slice(0, -3)}\n`).join('')}`,
  )
  process.exit(2)
}
ensureInstalled()
const { ensureBuilt } = await import('./build.mjs')
await ensureBuilt(['service', 'renderer'])
const { status } = spawnSync(pinnedNode(), [file, ...args], { cwd: root, stdio: 'inherit', env: toolEnvironment() })
process.exitCode = status ?? 1
