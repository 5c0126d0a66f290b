import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { config } from '../../../service/cli/config.ts'
import { run } from '../../../service/cli/run.ts'
import { encodePointer } from '../../../service/deployment/pointer.ts'
import { fakeTerminal } from './terminal.ts'

const root = resolve(import.meta.dirname, '../../..')
const home = readFileSync(join(root, 'service/examples/home.yaml'), 'utf8')
const secret = 'a-token-that-nobody-may-see'
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'r-ems-config-'))
  writeFileSync(join(folder, 'site.yaml'), home)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

async function call(args: string[], environment: NodeJS.ProcessEnv = {}) {
  const { terminal, out, err } = fakeTerminal({ environment })
  const code = await run(['config', ...args], terminal)
  return { code, out: out(), err: err() }
}

describe('r-emsctl config show', () => {
  it('prints every effective value with where it came from', async () => {
    writeFileSync(join(folder, 'edge.yaml'), 'mode: simulation\nport: 1\n')
    const { code, out, err } = await call(['show', '--origin', '--config', folder, '--listen', '0.0.0.0:1'], {
      R_EMS_API_PORT: '9000',
      R_EMS_API_TOKEN: secret,
      R_EMS_API_PROT: '1',
    })
    expect(code).toBe(0)
    expect(out.split('\n')).toEqual(
      expect.arrayContaining([
        `configuration = ${folder}  # --config`,
        `mode = simulation  # ${folder}/edge.yaml:1`,
        'port = 9000  # R_EMS_API_PORT',
        'listen = 0.0.0.0:1  # --listen',
        'dataFolder = /var/lib/r-ems  # default',
        'R_EMS_API_TOKEN = set  # R_EMS_API_TOKEN',
        'R_EMS_LICENSE = not set  # default',
        `grids.0.connection.fuseA = 35  # ${folder}/site.yaml:13`,
        'cycleMs = 1000  # default',
      ]),
    )
    expect(out + err).not.toContain(secret)
    expect(err).toContain('nothing reads R_EMS_API_PROT; did you mean R_EMS_API_PORT?')
  })

  it('takes the folder of R_EMS_CONFIG_ROOT, and says when there is none', async () => {
    expect((await call(['show'], { R_EMS_CONFIG_ROOT: folder })).out).toContain('name = House with PV')
    const { code, err } = await call(['show'], { R_EMS_CONFIG_ROOT: join(folder, 'nowhere') })
    expect(code).toBe(2)
    expect(err).toContain('name the configuration with --config')
  })
})

describe('r-emsctl config validate', () => {
  it('finds a site valid', async () => {
    expect(await call(['validate', folder])).toMatchObject({ code: 0, out: 'valid\n' })
    expect(await call(['validate', join(folder, 'site.yaml')])).toMatchObject({ code: 0, out: 'valid\n' })
  })

  it('prints every problem of site, maps and settings with its place', async () => {
    const places = {
      site: join(folder, 'site.yaml'),
      edge: join(folder, 'edge.yaml'),
      maps: join(folder, 'pointmaps/acme'),
    }
    writeFileSync(places.site, home.replace('fuseA: 35', 'fuseA: much').replace('role: charger', 'role: chager'))
    writeFileSync(places.edge, 'prot: 1\n')
    mkdirSync(places.maps, { recursive: true })
    writeFileSync(join(places.maps, 'box.yaml'), 'format: 2\n')
    const { code, out } = await call(['validate', folder])
    expect(code).toBe(1)
    expect(out).toContain(`${places.site}:13:14: grids.0.connection.fuseA: expected a number, found the text "much"\n`)
    expect(out).toMatch(/site\.yaml:\d+:\d+: .*"chager" is not allowed here; did you mean "charger"\?/)
    expect(out).toContain(`${places.edge}:1:1: unknown key "prot"; did you mean "port"?`)
    expect(out).toContain(`${places.maps}/box.yaml:1:9: `)
    expect(out).toMatch(/\n\d+ problems\n$/)
  })

  it('warns of aliases and of secrets that others may read', async () => {
    writeFileSync(
      join(folder, 'site.yaml'),
      home.replace('device: control-box', 'device: &box control-box').replace('id: control-box', 'id: *box'),
    )
    mkdirSync(join(folder, 'secrets'))
    writeFileSync(join(folder, 'secrets/ca.key'), 'x')
    chmodSync(join(folder, 'secrets/ca.key'), 0o644)
    const { code, out } = await call(['validate', folder])
    expect(code).toBe(0)
    expect(out).toMatch(/warning: .*site\.yaml:\d+:\d+: \*box repeats/)
    expect(out).toContain('ca.key:1:1: others may read this secret; chmod 600 it')
    expect(out).toContain('valid, 2 warnings')
  })

  it('says what it cannot read in one sentence, also as JSON', async () => {
    writeFileSync(join(folder, 'site.yaml'), new Uint8Array(10))
    const { code, out } = await call(['validate', folder, '--json'])
    expect(code).toBe(1)
    const { problems } = z
      .object({ problems: z.array(z.object({ file: z.string(), message: z.string() })) })
      .parse(JSON.parse(out))
    expect(problems).toEqual([
      { file: join(folder, 'site.yaml'), message: expect.stringContaining('nothing but zeros') as string },
    ])
  })

  it('reads a file from the standard input', () => {
    const read = (input: string, ...args: string[]) =>
      spawnSync(process.execPath, [join(root, 'service/cli.ts'), 'config', 'validate', '-', ...args], {
        input,
        encoding: 'utf8',
      })
    expect(read(`\uFEFF${home.replaceAll('\n', '\r\n')}`)).toMatchObject({ status: 0, stdout: 'valid\n', stderr: '' })
    const wrong = read('port = 1\nport = 2\n', '--as', 'edge', '--toml')
    expect(wrong.status).toBe(1)
    expect(wrong.stdout).toMatch(/^standard input\.toml:2:1: /)
  }, 90_000)
})

describe('r-emsctl config diff', () => {
  it('says in words what is different, and marks what allows more', async () => {
    const other = join(folder, 'other.yaml')
    writeFileSync(other, home.replace('fuseA: 35', 'fuseA: 350').replace('192.168.1.13', '192.168.1.99'))
    expect(await call(['diff', folder, other])).toMatchObject({
      code: 0,
      out: `! ~ Grid connection: Fuse per phase raised from 35 A to 350 A (x 10)  [limit/circuit/main/fuseA]
  > Wallbox: Connection moved from tcp://192.168.1.13 to tcp://192.168.1.99
2 changes; ! 1 of them allows more than before
`,
    })
    expect((await call(['diff', folder, folder])).out).toBe('no difference\n')
  })
})

describe('the folder of an edge that was deployed to', () => {
  it('stands for the generation that runs', async () => {
    const generation = join(folder, 'generations/000002')
    mkdirSync(generation, { recursive: true })
    writeFileSync(join(generation, 'site.yaml'), home.replace('fuseA: 35', 'fuseA: 25'))
    const facts = {
      hash: 'a'.repeat(64),
      origin: 'local',
      siteName: 'x',
      by: 'maria',
      why: 'because',
      atMs: 1,
    } as const
    const pointer = encodePointer({
      format: 'r-ems-deployment/1',
      active: 2,
      confirmed: 2,
      next: 3,
      generations: [{ ...facts, number: 2, state: 'confirmed' }],
    })
    writeFileSync(join(folder, 'deployment.json'), pointer)
    expect((await call(['show', '--config', folder])).out).toContain('grids.0.connection.fuseA = 25\n')
    expect(await call(['validate', folder])).toMatchObject({ code: 0, out: 'valid\n' })
    expect((await call(['diff', join(folder, 'site.yaml'), folder])).out).toContain('lowered from 35 A to 25 A')
    writeFileSync(join(folder, 'deployment.json'), '{')
    expect((await call(['show', '--config', folder])).err).toContain('deployment.json is damaged')
  })
})

describe('r-emsctl config migrate', () => {
  it('writes the newest format, keeps the old file and prints the notes', async () => {
    const old = readFileSync(join(root, 'tests/unit/configuration/fixtures/site-v1.yaml'), 'utf8')
    writeFileSync(join(folder, 'site.yaml'), old)
    const { code, out } = await call(['migrate', folder])
    expect(code).toBe(0)
    expect(out).toMatch(/^version 1 to 2: .*\nversion 2 to 3: /)
    expect(readdirSync(folder).toSorted()).toEqual(['site.yaml', 'site.yaml.v1.bak'])
    expect(readFileSync(join(folder, 'site.yaml.v1.bak'), 'utf8')).toBe(old)
    expect(readFileSync(join(folder, 'site.yaml'), 'utf8')).toContain('version: 3')
    expect((await call(['migrate', folder])).out).toContain('newest format already')
  })
})

describe('r-emsctl config schema', () => {
  it.each(['site', 'edge', 'map'])('prints the JSON Schema of a %s', async (kind) => {
    const { code, out } = await call(['schema', kind])
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ type: 'object' })
  })

  it('knows no other', async () => {
    expect((await call(['schema', 'house'])).code).toBe(2)
    expect((await call([])).err).toContain(config.usage)
  })
})
