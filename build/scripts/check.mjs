// Types, lint and format: each must report nothing at all. Returns one result per check for the test run.
import { spawnSync } from 'node:child_process'
import { pathToFileURL } from 'node:url'
import { ensureInstalled, root, toolEnvironment } from './install.mjs'

const checks = [
  { name: 'types', command: ['node', 'node_modules/typescript7/bin/tsc', '-p', '.'] },
  { name: 'types of the browser tests', command: ['node', 'node_modules/typescript7/bin/tsc', '-p', 'tests/app'] },
  { name: 'types of the renderer', command: ['vue-tsc', '-p', 'renderer/tsconfig.json', '--noEmit'] },
  {
    name: 'lint',
    command: ['oxlint', '--type-aware', '--deny-warnings', 'main', 'preload', 'renderer', 'service', 'build', 'tests'],
  },
  { name: 'format', command: ['oxfmt', '--check'] },
  { name: 'unused code and packages', command: ['knip', '--config', 'build/knip.json', '--no-progress'] },
]

export function runChecks() {
  ensureInstalled()
  return checks.map(({ name, command: [program = '', ...args] }) => {
    const run = spawnSync(program, args, {
      cwd: root,
      env: toolEnvironment(),
      encoding: 'utf8',
      shell: process.platform === 'win32',
    })
    const output = `${run.stdout ?? ''}${run.stderr ?? ''}${run.error ? run.error.message : ''}`
    return { name, ok: run.status === 0, output }
  })
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  let failed = 0
  for (const { name, ok, output } of runChecks()) {
    process.stdout.write(`${ok ? 'ok  ' : 'FAIL'} ${name}\n`)
    if (!ok) {
      failed += 1
      process.stdout.write(`${output.trimEnd()}\n`)
    }
  }
  process.exitCode = failed ? 1 : 0
}
