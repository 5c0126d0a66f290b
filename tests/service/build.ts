import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'

/** The tests of this folder run the built service: build it when it is stale. */
export function setup(): void {
  const script = resolve(import.meta.dirname, '../../build/scripts/build.mjs')
  const { status, stderr } = spawnSync(process.execPath, [script, 'service'], { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
}
