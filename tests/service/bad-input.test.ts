import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { events } from '#contract/api.ts'
import { clientOf } from './client.ts'
import { root, startService } from './service-process.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'r-ems-bad-input-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function run(program: 'r-emsd' | 'r-emsctl', args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, `out/service/${program}.js`), ...args], {
    encoding: 'utf8',
    timeout: 20_000,
    env: {
      ...process.env,
      R_EMS_LOG_LEVEL: 'fatal',
      R_EMS_DATA_DIR: join(folder, 'data'),
      R_EMS_API_PORT: '0',
      ...environment,
    },
  })
  return { status, stdout, stderr }
}

const goodSite = `version: 3
name: Test
grids:
  - id: grid
    name: Grid
    connection:
      id: main
      name: Main
      meter: meter
      fuseA: 35
devices:
  - id: meter
    name: Meter
    role: grid-meter
    map: eastron/sdm630
    connection: tcp://127.0.0.1:9
`

function siteFile(name: string, text: string): string {
  const file = join(folder, `${name}.yaml`)
  writeFileSync(file, text)
  return file
}

describe('wrong use', () => {
  it.each([
    [['run', '--demo', '--frobnicate'], '--frobnicate'],
    [['run'], '--config FILE or --demo'],
    [['walk'], 'walk'],
    [[], 'command is missing'],
    [['run', '--demo', '--port', 'many'], '--port'],
    [['run', '--demo', '--mode', 'fast'], '--mode'],
    [['run', '--demo', '--endpoint', 'nobody=tcp://127.0.0.1:1'], 'nobody'],
    [['run', '--demo', '--endpoint', 'meter=http://127.0.0.1'], 'tcp://HOST'],
  ])('r-emsd %j shows the usage and exits with 2', (args, mentions) => {
    const { status, stderr } = run('r-emsd', args)
    expect(status).toBe(2)
    expect(stderr).toContain(mentions)
    expect(stderr).toContain('usage: r-emsd')
    expect(stderr).not.toMatch(/\n\s+at /)
  })

  it.each([[['frobnicate']], [['status', '--nope']], [[]]])('r-emsctl %j shows the usage and exits with 2', (args) => {
    const { status, stderr } = run('r-emsctl', args)
    expect(status).toBe(2)
    expect(stderr).toContain('usage: r-emsctl')
  })

  it.each(['r-emsd', 'r-emsctl'] as const)('%s --version prints SEMVER (GIT_SHA)', (program) => {
    const { status, stdout } = run(program, ['--version'])
    expect(status).toBe(0)
    expect(stdout).toMatch(/^\d+\.\d+\.\d+ \(([0-9a-f]{7,}|unknown)\)\n$/)
  })

  it('r-emsctl status says that nobody answers, and exits with 3', () => {
    const { status, stderr } = run('r-emsctl', ['status', '--url', 'http://127.0.0.1:9'])
    expect(status).toBe(3)
    expect(stderr).toContain('no answer from http://127.0.0.1:9')
  })
})

describe('a configuration with an error', () => {
  const table: readonly [name: string, text: string, place: string, mentions: readonly string[]][] = [
    ['unknown-key', goodSite.replace('fuseA: 35', 'fuseA: 35\n      fueseA: 3'), '11:7', ['fueseA', 'fuseA']],
    ['wrong-type', goodSite.replace('35', 'much'), '10:14', ['number', 'much']],
    ['wrong-role', goodSite.replace('grid-meter', 'grid-metre'), '14:11', ['grid-metre', 'grid-meter']],
    ['missing-key', goodSite.replace('name: Test\n', ''), '1:1', ['name']],
    ['wrong-address', goodSite.replace('tcp://127.0.0.1:9', 'tcp//127.0.0.1'), '16:17', ['tcp://HOST']],
    ['duplicate-id', `${goodSite}${goodSite.slice(goodSite.lastIndexOf('  - id'))}`, '17:9', ['meter']],
    ['not-yaml', 'version: [1', '1:', []],
    ['empty', '', '1:1', ['empty']],
    ['duplicate-key', `${goodSite}name: Twice\n`, '17:1', ['name']],
  ]
  it.each(table)('%s: names file, line, column and what is allowed', (name, text, place, mentions) => {
    const file = siteFile(name, text)
    const { status, stderr } = run('r-emsd', ['run', '--config', file])
    expect(status).toBe(1)
    expect(stderr).toContain(`${file}:${place}`)
    for (const word of mentions) expect(stderr).toContain(word)
    expect(stderr).not.toMatch(/\n\s+at /)
  })

  it('a missing file, a missing map and a simulated device in production each give one sentence', () => {
    const missing = run('r-emsd', ['run', '--config', join(folder, 'nowhere.yaml')])
    expect(missing).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('nowhere.yaml does not exist') as string,
    })
    const map = run('r-emsd', [
      'run',
      '--config',
      siteFile('no-map', goodSite.replace('eastron/sdm630', 'eastron/sdm999')),
    ])
    expect(map.status).toBe(1)
    expect(map.stderr).toContain('device "meter"')
    expect(map.stderr).toContain('eastron/sdm999')
    const demo = run('r-emsd', [
      'run',
      '--config',
      siteFile('demo', goodSite.replace('tcp://127.0.0.1:9', 'demo://meter')),
    ])
    expect(demo.status).toBe(1)
    expect(demo.stderr).toContain('--mode simulation')
  })
})

describe('a place that cannot be used', () => {
  it('a taken port is named', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as { port: number }
    const child = await new Promise<ReturnType<typeof run>>((resolve) => {
      setImmediate(() =>
        resolve(run('r-emsd', ['run', '--config', siteFile('port', goodSite), '--port', String(port)])),
      )
    })
    taken.close()
    expect(child.status).toBe(1)
    expect(child.stderr).toContain(String(port))
    expect(child.stderr).toContain('R_EMS_API_PORT')
  })

  it('a data folder that is a file is named', () => {
    const file = siteFile('folder', goodSite)
    const { status, stderr } = run('r-emsd', ['run', '--config', file, '--data-dir', file])
    expect(status).toBe(1)
    expect(stderr).toContain(`data folder ${file}`)
    expect(stderr).toContain('R_EMS_DATA_DIR')
    expect(stderr).not.toMatch(/\n\s+at /)
  })

  it('a token that is too short is refused without being shown', () => {
    const { status, stderr } = run('r-emsd', ['run', '--config', siteFile('token', goodSite)], {
      R_EMS_API_TOKEN: 'hunter2',
    })
    expect(status).toBe(1)
    expect(stderr).toContain('R_EMS_API_TOKEN')
    expect(stderr).not.toContain('hunter2')
  })

  it('a corrupt database is set aside, not deleted, and the service starts', async () => {
    const data = join(folder, 'corrupt')
    mkdirSync(data)
    writeFileSync(join(data, 'history.db'), 'this is not a database, but somebody may still need it'.repeat(200))
    await using service = await startService(['--config', siteFile('corrupt', goodSite)], { dataFolder: data })
    const client = clientOf(service)
    await client.flowUntil(() => true)
    const { events: log } = await client.get('/api/v1/events', events)
    expect(log.find(({ code }) => code === 'storage.corrupt')?.message).toContain('history')
    expect(readdirSync(data).filter((name) => name.includes('corrupt'))).not.toEqual([])
  })

  it('a second service on the same data folder is refused, and takes its plant with it', async () => {
    await using service = await startService(['--demo'])
    const { status, stderr } = run('r-emsd', ['run', '--demo', '--data-dir', service.dataFolder])
    expect(status).toBe(1)
    expect(stderr).toContain(service.dataFolder)
  })
})

describe('a site with dead devices', () => {
  it('S7, S1: starts, says so, and control is off', async () => {
    await using service = await startService(['--config', siteFile('dead', goodSite)])
    const client = clientOf(service)
    await client.flowUntil(({ grid }) => grid.quality === 'bad')
    const status = await client.status()
    expect(status).toMatchObject({
      mode: 'production',
      control: { enabled: false, dryRun: true },
      devices: { total: 1, online: 0 },
    })
  })
})
