import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { problem } from '#contract/api.ts'
import type { DeploymentStatus } from '#contract/deployment.ts'
import { siteLimits } from '#contract/site-limits.ts'
import { readSiteFolder } from '../../service/configuration/read-site-folder.ts'
import { type AskEdge, createDeploymentClient, type DeploymentClient } from '../../service/deployment/client.ts'
import { type SimulatedPlant, startSimulatedPlant } from '../../service/drivers/simulated/simulated-plant.ts'
import { realClock } from '../drivers/support/clock.ts'
import { clientOf } from './client.ts'
import { countConnections, runCtl } from './r-emsctl.ts'
import { type ServiceProcess, serviceToken, startService } from './service-process.ts'

/** A refusal, with its code. */
class Refusal extends Error {
  readonly code: string
  constructor(code: string, detail: string) {
    super(`${code}: ${detail}`)
    this.code = code
  }
}

const asking =
  (url: string, token: string): AskEdge =>
  async (method, path, schema, body) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    })
    const answer: unknown = response.status === 204 ? null : await response.json()
    if (response.ok) return schema.parse(answer)
    const { type, detail } = problem.parse(answer)
    throw new Refusal(type, detail ?? '')
  }

const clientFor = (service: ServiceProcess, token = serviceToken): DeploymentClient =>
  createDeploymentClient(asking(service.url, token), (delayMs, signal) => realClock.sleep(delayMs, signal))

const never = new AbortController().signal
const ignore = (): void => undefined

/** Sends a site folder as the candidate and checks it. */
async function prepare(client: DeploymentClient, folder: string, why = 'a test') {
  const files = await readSiteFolder(folder)
  const candidate = await client.sendFiles(files, (await client.status()).hash, why)
  return { candidate, report: await client.check(ignore, never) }
}

async function until(
  client: DeploymentClient,
  holds: (status: DeploymentStatus) => boolean,
): Promise<DeploymentStatus> {
  for (;;) {
    const status = await client.status().catch(() => undefined)
    if (status && holds(status)) return status
    await delay(100)
  }
}

describe.concurrent('a deployment', () => {
  let folder: string
  let plant: SimulatedPlant

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'r-ems-deployment-'))
    plant = await startSimulatedPlant({ clock: realClock })
  })
  afterAll(async () => {
    await plant[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  interface Wanted {
    readonly fuseA?: number
    readonly meterMap?: string
    readonly batteryMap?: string
    readonly batteryPort?: number
    readonly name?: string
    /** More lines of the site file. */
    readonly more?: string
    readonly maps?: Readonly<Record<string, string>>
  }

  /** Writes a site of its own: a meter, and a battery. */
  function writeSite(name: string, wanted: Wanted = {}): string {
    const { fuseA = 63, meterMap = 'eastron/sdm630', batteryMap = 'r-ems/demo-battery' } = wanted
    const site = join(folder, name)
    mkdirSync(site, { recursive: true })
    const tcp = (port: number | undefined): string => `tcp://127.0.0.1:${port ?? 0}`
    writeFileSync(
      join(site, 'site.yaml'),
      `version: 3
name: ${wanted.name ?? 'Depot'}
grids: [{ id: grid, name: Grid, connection: { id: main, name: Main, fuseA: ${fuseA}, meter: meter } }]
devices:
  - { id: meter, name: Meter, role: grid-meter, map: ${meterMap}, connection: '${tcp(plant.devices.meter?.port)}', verified: { signs: [powerW] } }
  - { id: battery, name: Battery, role: battery, map: ${batteryMap}, connection: '${tcp(wanted.batteryPort ?? plant.devices.battery?.port)}', battery: { maxChargeW: 5000, maxDischargeW: 5000 } }
${wanted.more ?? ''}`,
    )
    for (const [map, text] of Object.entries(wanted.maps ?? {})) {
      const file = join(site, 'pointmaps', `${map}.yaml`)
      mkdirSync(join(file, '..'), { recursive: true })
      writeFileSync(file, text)
    }
    return site
  }

  const start = (site: string, data: string) =>
    startService(['--config', site], { dataFolder: join(folder, data), environment: { R_EMS_LOG_LEVEL: 'silent' } })

  async function online(service: ServiceProcess): Promise<void> {
    const { device } = clientOf(service)
    for (const id of ['meter', 'battery']) while ((await device(id)).link.state !== 'online') await delay(50)
  }

  it(
    'brings a first site to an empty edge, is confirmed over a new connection, and outlives a kill',
    { timeout: 180_000 },
    async () => {
      const root = join(folder, 'empty')
      mkdirSync(root)
      const candidateFolder = writeSite('first')
      await using service = await start(root, 'data-empty')
      const client = clientFor(service)
      expect((await client.status()).active).toBeUndefined()
      const { candidate, report } = await prepare(client, candidateFolder, 'the first site')
      expect(candidate.manifest).toMatchObject({ version: 2, siteName: 'New site' })
      expect(report.state).toBe('passed')
      expect(report.points.length).toBeGreaterThan(10)
      const signedIn = await signIn(service)
      const trial = await client.commit({ candidateId: candidate.id, countdownS: 600 })
      await until(client, ({ phase }) => phase === 'trial')
      // Who was signed in still is, over a new connection.
      expect(await signedIn()).toBe(200)
      // Nothing is confirmed before the service is up for half a minute.
      const { trial: running } = await client.status()
      expect(running?.gates.find(({ id }) => id === 'uptime')?.state).toBe('waiting')
      await expect(
        asking(service.url, serviceToken)('POST', '/api/v1/deployment/trial/confirm', z.unknown(), {
          trialId: trial.trialId,
        }),
      ).rejects.toMatchObject({ code: 'deployment.gates' })
      const outcome = await client.follow(trial, ignore, never)
      expect(outcome.outcome).toBe('confirmed')
      service.child.kill('SIGKILL')
      await once(service.child, 'exit')
      await using again = await startService(['--config', root], { dataFolder: service.dataFolder })
      const status = await clientFor(again).status()
      expect(status).toMatchObject({ phase: 'idle', active: { number: 2, state: 'confirmed', why: 'the first site' } })
      await online(again)
    },
  )

  it('returns by itself when nobody confirms it, and says why', { timeout: 120_000 }, async () => {
    const root = writeSite('unconfirmed')
    await using service = await start(root, 'data-unconfirmed')
    await online(service)
    const client = clientFor(service)
    const { candidate } = await prepare(client, writeSite('unconfirmed-next', { name: 'Renamed' }))
    await client.commit({ candidateId: candidate.id, countdownS: 10 })
    const trial = await until(client, ({ phase }) => phase === 'trial')
    expect(trial).toMatchObject({ siteName: 'Renamed', active: { number: 2, state: 'trial' } })
    const after = await until(client, ({ phase }) => phase === 'idle')
    expect(after).toMatchObject({
      siteName: 'Depot',
      active: { number: 1 },
      last: { generation: 2, outcome: 'returned' },
    })
    expect(after.last?.text).toMatch(/^nobody confirmed it within 10 s/)
    // A limit that is changed on the edge is a generation of its own, without a restart.
    const ask = asking(service.url, serviceToken)
    const { revision } = await ask('GET', '/api/v1/limits', siteLimits)
    const changes = [{ id: 'grids.0.connection.fuseA', value: 50 }]
    await ask('PUT', '/api/v1/limits', siteLimits, { revision, changes, reason: 'a smaller fuse' })
    expect(await client.status()).toMatchObject({ active: { number: 3, origin: 'local', why: 'a smaller fuse' } })
    expect((await client.running()).files['site.yaml']).toContain('fuseA: 50')
    // The next one is another generation, and who comes second is told who is first.
    const next = await prepare(client, writeSite('unconfirmed-next', { name: 'Renamed' }))
    expect(next.candidate.manifest.version).toBe(4)
    expect(next.candidate.consents.map(({ id }) => id)).toEqual(['limit/circuit/main/fuseA'])
    const other = clientFor(service, clientOf(service).token())
    await expect(prepare(other, writeSite('unconfirmed-other'))).rejects.toThrow(
      /^deployment\.busy: automation .* has been deploying to this edge since/,
    )
    await client.letGo()
    expect(await client.rollback({})).toEqual({ generation: 4, restores: 1 })
    await until(client, ({ phase, active }) => phase === 'idle' && active?.restores === 1)
    expect((await client.running()).files['site.yaml']).toContain('fuseA: 63')
  })

  it('returns when the service dies during the trial, at whatever moment', { timeout: 180_000 }, async () => {
    const root = writeSite('killed')
    const next = writeSite('killed-next', { name: 'Renamed' })
    for (const [round, afterMs] of [0, 100, 2000].entries()) {
      await using service = await startService(['--config', root], { dataFolder: join(folder, `data-killed-${round}`) })
      const client = clientFor(service)
      const { candidate } = await prepare(client, next)
      const ended = once(service.child, 'exit')
      await client.commit({ candidateId: candidate.id, countdownS: 600 })
      await delay(afterMs)
      service.child.kill('SIGKILL')
      await ended
      await using again = await startService(['--config', root], { dataFolder: service.dataFolder })
      const status = await clientFor(again).status()
      expect(status).toMatchObject({ siteName: 'Depot', phase: 'idle', active: { state: 'confirmed' } })
      expect(status.last).toMatchObject({ generation: 2 + round, outcome: 'returned' })
      expect(status.last?.text).toBe('the service ended before the trial was confirmed')
    }
    // What a person puts there later is taken up at the next start, or said why not.
    writeFileSync(join(root, 'site.yaml'), 'version: 3\nname: Broken\n')
    await using broken = await startService(['--config', root], { dataFolder: join(folder, 'data-killed-broken') })
    expect(await clientFor(broken).status()).toMatchObject({ siteName: 'Depot', active: { number: 1 } })
    expect((await clientOf(broken).health()).faults.map(({ message }) => message)).toContainEqual(
      expect.stringMatching(
        /^site\.yaml in the folder of the configuration is not used, the last generation runs: .*grids/s,
      ),
    )
    await broken[Symbol.asyncDispose]()
    writeFileSync(join(root, 'site.yaml'), readFileSync(join(next, 'site.yaml')))
    await using adopted = await startService(['--config', root], { dataFolder: join(folder, 'data-killed-adopted') })
    expect(await clientFor(adopted).status()).toMatchObject({
      siteName: 'Renamed',
      active: { origin: 'local', by: 'a file', why: 'site.yaml was put into the folder of the configuration' },
    })
  })

  it('returns when the service cannot even start with it, and says why', { timeout: 120_000 }, async () => {
    await using service = await start(writeSite('unable'), 'data-unable')
    await online(service)
    const client = clientFor(service)
    // Nothing simulated runs in production.
    const more = '  - { id: mast, name: Mast, role: weather, map: r-ems/demo-weather, connection: demo://weather }\n'
    const { candidate, report } = await prepare(client, writeSite('unable-next', { more }))
    expect(report.checks.find(({ id }) => id === 'points')?.state).toBe('failed')
    const trial = await client.commit({ candidateId: candidate.id, despiteChecks: true })
    const outcome = await client.follow(trial, ignore, never)
    expect(outcome.outcome).toBe('returned')
    expect(outcome.text).toMatch(/^it could not start: .*device "mast" is simulated/)
    expect(await client.status()).toMatchObject({ phase: 'idle', active: { number: 1 } })
    await online(service)
  })

  it('comes on a stick as well, and says what is wrong with one', { timeout: 120_000 }, async () => {
    const root = writeSite('stick')
    await using service = await start(root, 'data-stick')
    await online(service)
    const environment = { R_EMS_API_PORT: new URL(service.url).port, R_EMS_DATA_DIR: service.dataFolder }
    const laptop = join(folder, 'laptop')
    mkdirSync(laptop)
    const [edge, stick] = [join(folder, 'edge.json'), join(folder, 'stick.rems')]
    const ctl = (...args: string[]) => runCtl(['deploy', ...args], environment)
    expect((await ctl('status', '--out', edge)).status).toBe(0)
    const next = writeSite('stick-next', { name: 'Renamed' })
    writeFileSync(
      join(next, 'site.yaml'),
      `\uFEFF${readFileSync(join(next, 'site.yaml'), 'utf8').replaceAll('\n', '\r\n')}`,
    )
    const made = await ctl('export', next, '--for', edge, '--out', stick, '--data-dir', laptop, '--json')
    expect(made.json()).toMatchObject({ version: 2 })
    const stranger = await ctl('import', stick, '--check-only')
    expect([stranger.status, stranger.stderr]).toEqual([
      5,
      expect.stringMatching(/which this edge does not know\n.*deploy key add/),
    ])
    const { publicKey } = z
      .object({ publicKey: z.string() })
      .parse((await ctl('key', '--data-dir', laptop, '--json')).json())
    expect((await ctl('key', 'add', publicKey, '--owner', 'laptop of anna')).status).toBe(0)
    const checked = await ctl('import', stick, '--check-only', '--json')
    expect(checked.json()).toMatchObject({ candidate: { manifest: { version: 2 } }, checks: { state: 'passed' } })
    const bytes = readFileSync(stick)
    writeFileSync(stick, bytes.subarray(0, bytes.length >> 1))
    const half = await ctl('import', stick)
    expect([half.status, half.stderr]).toEqual([
      1,
      expect.stringMatching(
        /^r-emsctl deploy: .*stick\.rems is not a whole bundle: it ends in the wrong place\n.*copy the file again/,
      ),
    ])
  })

  it(
    'with the fuse raised tenfold and the meter turned round is stopped; forced, it returns; a device for one client sees one',
    { timeout: 180_000 },
    async () => {
      await using battery = await countConnections(plant.devices.battery!.port)
      const batteryPort = battery.port
      const root = writeSite('turned', { batteryPort })
      const head = 'format: 1\nmaker: Test\nmodel: Test\n'
      const candidateFolder = writeSite('turned-next', {
        batteryPort,
        fuseA: 630,
        meterMap: 'test/meter',
        batteryMap: 'test/battery',
        maps: {
          'test/meter': `${head}kind: meter\nextends: eastron/sdm630\npoints:\n  powerW: { address: 52, scale: -1, pollGroup: fast }\n`,
          'test/battery': `${head}kind: battery\nextends: r-ems/demo-battery\npoints:\n  temperatureC: { address: 107, type: int16, scale: 0.2 }\n`,
        },
      })
      await using service = await start(root, 'data-turned')
      await online(service)
      expect(battery.accepted).toBe(1)
      const client = clientFor(service)
      const { candidate, report } = await prepare(client, candidateFolder)
      expect(candidate.consents).toEqual([expect.objectContaining({ kind: 'raise', id: 'limit/circuit/main/fuseA' })])
      // The battery's changed point was read on the connection that control has.
      expect(report.points.map(({ deviceId, point }) => `${deviceId}/${point}`)).toContain('battery/temperatureC')
      expect(battery.accepted).toBe(1)
      expect(report.state).toBe('failed')
      expect(report.checks.find(({ id }) => id === 'plausible')?.text).toMatch(
        /meter\/powerW .*the sign is the other way round/,
      )
      const commit = { candidateId: candidate.id, countdownS: 10 }
      await expect(client.commit(commit)).rejects.toMatchObject({ code: 'deployment.checks' })
      await expect(client.commit({ ...commit, despiteChecks: true })).rejects.toMatchObject({
        code: 'deployment.consent',
      })
      await client.commit({ ...commit, despiteChecks: true, confirmedRaises: ['limit/circuit/main/fuseA'] })
      await until(client, ({ phase }) => phase === 'trial')
      const after = await until(client, ({ phase }) => phase === 'idle')
      expect(after).toMatchObject({ active: { number: 1 }, last: { generation: 2, outcome: 'returned' } })
      await online(service)
      // One after the other through both restarts, never two at once.
      expect(battery.mostOpen).toBe(1)
    },
  )
})

/** Signs in with a one-time code; says what a later question with that session is answered. */
async function signIn(service: ServiceProcess): Promise<() => Promise<number>> {
  const headers = { 'content-type': 'application/json' }
  const made = await fetch(`${service.url}/api/v1/users`, {
    method: 'POST',
    headers: { ...headers, authorization: `Bearer ${serviceToken}` },
    body: JSON.stringify({ name: 'anna', role: 'installer', password: 'four words that differ' }),
  })
  expect(made.ok).toBe(true)
  const session = await fetch(`${service.url}/api/v1/session`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ kind: 'password', name: 'anna', password: 'four words that differ', bearer: true }),
  })
  const { token } = z.object({ token: z.string() }).parse(await session.json())
  return async () =>
    (await fetch(`${service.url}/api/v1/deployment`, { headers: { authorization: `Bearer ${token}` } })).status
}
