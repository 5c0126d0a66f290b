import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { generateClient } from './generate-client.ts'
import { ask, startApi } from './start-api.ts'

const compiler = resolve(import.meta.dirname, '../../../node_modules/typescript7/bin/tsc')

test('a client that is generated from the OpenAPI document compiles, and knows the types', async () => {
  const api = await startApi()
  const { source, names } = generateClient((await ask(api, '/api/v1/openapi.json')).json())
  expect(names).toContain('get__api_v1_status')
  expect(names).toContain('put__api_v1_control')
  const folder = mkdtempSync(join(tmpdir(), 'r-ems-client-'))
  try {
    writeFileSync(join(folder, 'client.ts'), source)
    const compile = (use: string) => {
      writeFileSync(join(folder, 'use.ts'), use)
      const flags = [
        '--strict',
        '--noEmit',
        '--ignoreConfig',
        '--target',
        'es2024',
        '--module',
        'nodenext',
        '--allowImportingTsExtensions',
      ]
      return spawnSync(process.execPath, [compiler, ...flags, join(folder, 'use.ts')], { encoding: 'utf8' })
    }
    const head = `import { get__api_v1_status, put__api_v1_control, type Call } from './client.ts'\n`
    const right = compile(`${head}export const period = async (call: Call): Promise<number> =>
  (await get__api_v1_status(call, {})).cycle.periodMs
export const off = (call: Call) => put__api_v1_control(call, { body: { enabled: false, reason: 'maintenance' } })\n`)
    expect(right.stdout).toBe('')
    expect(right.status).toBe(0)
    const wrong = compile(
      `${head}export const off = (call: Call) => put__api_v1_control(call, { body: { enabled: 'no' } })\n`,
    )
    expect(wrong.status).not.toBe(0)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
