import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { setupPreview, setupReading, setupState, setupWritten } from '#contract/setup.ts'
import { runCtl } from './r-emsctl.ts'
import { authorized, type ServiceProcess, startService } from './service-process.ts'

const sample = resolve(import.meta.dirname, '../unit/setup/sample-answers.yaml')
const answers: unknown = parse(readFileSync(sample, 'utf8'))
let root: string
let dataFolder: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'r-ems-root-'))
  dataFolder = mkdtempSync(join(tmpdir(), 'r-ems-data-'))
})
afterEach(() => {
  for (const folder of [root, dataFolder]) rmSync(folder, { recursive: true, force: true })
})

const ask = async <S extends z.ZodType>(
  service: ServiceProcess,
  method: string,
  path: string,
  schema: S,
  body?: object,
) => {
  const response = await fetch(`${service.url}/api/v1/${path}`, {
    method,
    headers: { ...authorized, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  })
  const json: unknown = await response.json()
  if (!response.ok) throw new Error(`${response.status} ${JSON.stringify(json)}`)
  return schema.parse(json)
}

it(
  'keeps answers through a crash, and becomes the site that they make, with the files of the command line',
  { timeout: 120_000 },
  async () => {
    const args = ['--config', root]
    const first = await startService(args, { dataFolder })
    const empty = await ask(first, 'GET', 'setup/answers', setupState)
    expect([empty.source, empty.answers]).toEqual(['empty', {}])
    const kept = await ask(first, 'PUT', 'setup/answers', setupState, {
      revision: '',
      answers: { installation: { name: 'Half' } },
    })
    await expect(ask(first, 'GET', 'setup/files', setupPreview)).rejects.toThrow(
      /409.*setup\.open.*There is no device yet/,
    )
    first.child.kill('SIGKILL')
    await first[Symbol.asyncDispose]()

    await using second = await startService(args, { dataFolder })
    const resumed = await ask(second, 'GET', 'setup/answers', setupState)
    expect(resumed).toEqual(kept)
    await expect(ask(second, 'PUT', 'setup/answers', setupState, { revision: '', answers })).rejects.toThrow(
      /409.*automation has changed these answers meanwhile/,
    )
    const complete = await ask(second, 'PUT', 'setup/answers', setupState, { revision: resumed.revision, answers })
    expect(complete.problems).toEqual([])
    const preview = await ask(second, 'GET', 'setup/files', setupPreview)
    expect(Object.keys(preview.files)).toEqual([
      'pointmaps/alfen/eve.yaml',
      'pointmaps/eastron/sdm630.yaml',
      'site.yaml',
    ])
    const written = await ask(second, 'POST', 'setup/files', setupWritten, { revision: preview.revision })
    expect(written.next).toBe('starts')

    const given = join(root, 'given')
    expect(await runCtl(['setup', 'new', given, '--answers', sample], {})).toMatchObject({ status: 0 })
    for (const name of ['site.yaml', 'edge.yaml'])
      expect(readFileSync(join(root, name), 'utf8')).toBe(readFileSync(join(given, name), 'utf8'))
    // In the same process, on the same port.
    const status = z.object({ site: z.string() })
    for (;;) {
      const now = await ask(second, 'GET', 'status', status).catch(() => undefined)
      if (now?.site === 'Depot Nord') break
      await new Promise((later) => setTimeout(later, 200))
    }
    expect(second.child.exitCode).toBe(null)
    const running = await ask(second, 'GET', 'setup/answers', setupState)
    expect([running.source, running.problems]).toEqual(['site', []])
  },
)

it(
  'reads a device of the simulated plant beside the choice, and says what is wrong where nobody answers',
  { timeout: 120_000 },
  async () => {
    await using service = await startService(['--demo'], { dataFolder })
    const devices = await ask(
      service,
      'GET',
      'devices',
      z.object({ devices: z.array(z.object({ id: z.string(), bus: z.string(), map: z.string() })) }),
    )
    const meter = devices.devices.find(({ id }) => id === 'meter')
    const read = (connection: string) =>
      ask(service, 'POST', 'setup/reading', setupReading, { connection, unitId: 1, map: meter?.map ?? '' })
    const there = await read(meter?.bus ?? '')
    expect(there.problem).toBeUndefined()
    expect(there.points.find(({ name }) => name === 'voltageV.l1')?.value).toBeCloseTo(230, -2)
    const nobody = await read('tcp://127.0.0.1:1')
    expect(nobody.points).toEqual([])
    expect(nobody.problem).toMatch(/./)
    await expect(
      ask(service, 'POST', 'setup/reading', setupReading, { connection: 'tcp://127.0.0.1:1', map: 'no/map' }),
    ).rejects.toThrow(/400.*no point map/)

    // What is set up beside a site that runs is a draft: nothing changes before it is deployed.
    const { revision } = await ask(service, 'PUT', 'setup/answers', setupState, { revision: '', answers })
    const written = await ask(service, 'POST', 'setup/files', setupWritten, { revision })
    expect(written).toEqual({
      written: ['edge.yaml', 'site.yaml'].map((name) => join(dataFolder, 'drafts', name)),
      next: 'deploy',
    })
    expect(readFileSync(join(dataFolder, 'drafts/site.yaml'), 'utf8')).toContain('name: Depot Nord')
    expect((await ask(service, 'GET', 'status', z.object({ demo: z.boolean() }))).demo).toBe(true)
  },
)
