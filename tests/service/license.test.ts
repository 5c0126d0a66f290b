import { spawnSync } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { PowerFlow, SetpointState } from '#contract/api.ts'
import { explanation } from '#contract/control.ts'
import { licenseState } from '#contract/license.ts'
import { startSimulatedPlant } from '../../service/drivers/simulated/simulated-plant.ts'
import { realClock } from '../drivers/support/clock.ts'
import { clientOf } from './client.ts'
import { runCtl } from './r-emsctl.ts'
import { authorized, root, serviceToken, startService } from './service-process.ts'
import { licensed, testLicense, unlicensed } from './support/test-license.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'r-ems-license-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const json = { ...authorized, 'content-type': 'application/json' }
const batteryOf = ({ setpoints }: PowerFlow): SetpointState | undefined =>
  setpoints.find(({ deviceId }) => deviceId === 'battery')
const ruleOf = (flow: PowerFlow): string | undefined => batteryOf(flow)?.reasons[0]?.rule

describe('a site in production', { timeout: 60_000 }, () => {
  it('without a licence: everything runs but economics; one that is loaded counts at once, and one that goes ends it', async () => {
    await using plant = await startSimulatedPlant({ clock: realClock })
    const { meter, battery } = plant.devices
    const siteFile = join(folder, 'site.yaml')
    writeFileSync(
      siteFile,
      `version: 3
name: Licensed
cycleMs: 200
grids: [{ id: grid, name: Grid, connection: { id: main, name: Main, fuseA: 35, meter: meter } }]
devices:
  - { id: meter, name: Meter, role: grid-meter, map: eastron/sdm630, connection: 'tcp://127.0.0.1:${meter!.port}', verified: { signs: [powerW] } }
  - id: battery
    name: Battery
    role: battery
    map: r-ems/demo-battery
    connection: 'tcp://127.0.0.1:${battery!.port}'
    battery: { maxChargeW: 5000, maxDischargeW: 5000, rampWPerS: 5000 }
    verified: { commands: [setPowerW], signs: [powerW] }
`,
    )
    await using service = await startService(['--config', siteFile], { environment: unlicensed })
    const client = clientOf(service)
    const resting = await client.flowUntil((flow) => ruleOf(flow) === 'economics-off')
    expect(batteryOf(resting)).toMatchObject({ value: 0 })
    expect((await client.health()).faults).toMatchObject([{ code: 'license.missing', severity: 'warning' }])
    const why = await client.get('/api/v1/explain?device=battery', explanation)
    expect(why.setpoints[0]?.reasons[0]?.text).toBe('rests: economic control needs a licence, and none is loaded')

    const { edgeId } = await client.get('/api/v1/license', licenseState)
    const put = (text: string): Promise<Response> =>
      fetch(`${service.url}/api/v1/license`, { method: 'PUT', headers: json, body: JSON.stringify({ text }) })
    const foreign = await put(testLicense({ edges: ['11111111-1111-4111-8111-111111111111'] }))
    expect(foreign.status).toBe(400)
    expect(await foreign.json()).toMatchObject({
      type: 'license.refused',
      detail: expect.stringContaining('another edge') as string,
    })

    const loaded = await put(testLicense({ edges: [edgeId], owner: 'Halden Energy' }))
    expect(licenseState.parse(await loaded.json())).toMatchObject({ standing: 'valid', source: { kind: 'app' } })
    await client.flowUntil((flow) => ruleOf(flow) === 'self-consumption')
    expect((await client.health()).faults).toEqual([])
    expect(statSync(join(service.dataFolder, 'license.txt')).mode & 0o777).toBe(0o600)

    const environment = { R_EMS_API_TOKEN: serviceToken }
    const shown = await runCtl(['license', 'show', '--url', service.url], environment)
    expect(shown.stdout).toMatch(/owner +Halden Energy\n/)
    expect(shown.stdout).toMatch(/economic-control +allowed/)

    const gone = await fetch(`${service.url}/api/v1/license`, { method: 'DELETE', headers: authorized })
    expect(gone.status).toBe(200)
    await client.flowUntil((flow) => ruleOf(flow) === 'economics-off')

    const file = join(folder, 'again.lic')
    writeFileSync(file, `${testLicense()}\n`)
    expect((await runCtl(['license', 'load', file, '--url', service.url], environment)).status).toBe(0)
    await client.flowUntil((flow) => ruleOf(flow) === 'self-consumption')
    const { entries } = (await (
      await fetch(`${service.url}/api/v1/audit?kind=license`, { headers: authorized })
    ).json()) as {
      entries: { detail: string }[]
    }
    expect(entries.map(({ detail }) => detail).toSorted()).toEqual([
      'loads licence TEST-1 of Halden Energy',
      'loads licence TEST-1 of The tests',
      'removes the loaded licence',
    ])
  })
})

describe('the vendor', { timeout: 60_000 }, () => {
  it('makes keys that stay private, and issues licences that verify', async () => {
    const made = await runCtl(['license', 'keygen', '--id', 'acme-1', '--out', folder], {})
    expect(made.status).toBe(0)
    expect(statSync(join(folder, 'acme-1.pem')).mode & 0o777).toBe(0o600)
    expect((await runCtl(['license', 'keygen', '--id', 'acme-1', '--out', folder], {})).stderr).toContain(
      'is there already',
    )
    const content = {
      format: 'r-ems-license-1',
      id: 'ACME-1',
      owner: 'ACME',
      keyId: 'acme-1',
      issuedAt: '2026-01-01T00:00:00Z',
      notBefore: '2026-01-01T00:00:00Z',
      expiresAt: '2099-01-01T00:00:00Z',
      edges: ['5b0d7c1e-51f2-4a53-9c57-0b6d2d1f3a10'],
      features: ['fleet'],
    }
    const contentFile = join(folder, 'content.json')
    writeFileSync(contentFile, JSON.stringify(content))
    const key = join(folder, 'acme-1.pem')
    const issued = await runCtl(['license', 'issue', '--key', key, '--content', contentFile], {})
    expect(issued.status).toBe(0)
    const file = join(folder, 'acme.lic')
    writeFileSync(file, issued.stdout)
    const verify = (...args: string[]) => runCtl(['license', 'verify', file, '--json', ...args], {})
    const publicKey = ['--key', join(folder, 'acme-1.json')]
    expect((await verify(...publicKey)).json()).toMatchObject({ standing: 'valid', payload: content })
    expect((await verify()).json()).toMatchObject({ standing: 'refused' })
    const elsewhere = await verify(...publicKey, '--edge', '11111111-1111-4111-8111-111111111111')
    expect(elsewhere.status).toBe(5)
    expect(elsewhere.json()).toMatchObject({ standing: 'refused' })
    writeFileSync(contentFile, JSON.stringify({ ...content, owner: 'AC\u200BME' }))
    const refused = await runCtl(['license', 'issue', '--key', key, '--content', contentFile], {})
    expect([refused.status, refused.stdout]).toEqual([1, ''])
  })

  it('has no private key in the repository', () => {
    const files = globSync('{service,build,tests,main,renderer,pointmaps}/**/*.{ts,mjs,json,yaml,pem,key}', {
      cwd: root,
    })
    const found = files.filter((file) =>
      /-----BEGIN (\w+ )?PRIVATE KEY-----\n[A-Za-z0-9+/]{40}/.test(readFileSync(join(root, file), 'utf8')),
    )
    expect(found).toEqual([])
  })
})

describe('a build for production', { timeout: 60_000 }, () => {
  it('has nothing that overlooks a missing licence, nor believes other keys; a build for development says so loudly', async () => {
    // Beside the other bundles, from where the native modules are found.
    const out = join(root, 'out', `test-production-${process.pid}`)
    onTestFinished(() => rmSync(out, { recursive: true, force: true }))
    const built = spawnSync(
      process.execPath,
      ['node_modules/vite/bin/vite.js', 'build', '--config', 'build/service.vite.config.ts', '--logLevel', 'warn'],
      { cwd: root, encoding: 'utf8', env: { ...process.env, R_EMS_PRODUCTION: '1', R_EMS_OUT: out } },
    )
    expect(built.stderr).toBe('')
    const words = /allow_bypass|allow-license-bypass|R_EMS_LICENSE_KEYS|bypassed: this build/
    const with_ = (folder: string): string[] =>
      globSync('*.js', { cwd: folder }).filter((file) => words.test(readFileSync(join(folder, file), 'utf8')))
    expect(with_(out)).toEqual([])
    // The same look finds it where it is.
    expect(with_(join(root, 'out/service')).length).toBeGreaterThan(0)

    const run = (program: string, args: string[], environment: NodeJS.ProcessEnv = {}) =>
      spawnSync(process.execPath, [program, ...args], { encoding: 'utf8', env: { ...process.env, ...environment } })
    const bypass = run(join(out, 'r-emsd.js'), ['run', '--demo', '--dev-allow-license-bypass'])
    expect(bypass.status).toBe(2)
    expect(bypass.stderr).toContain('dev-allow-license-bypass')
    const file = join(folder, 'test.lic')
    writeFileSync(file, testLicense())
    const verify = ['license', 'verify', file, '--json']
    expect(JSON.parse(run(join(out, 'r-emsctl.js'), verify, licensed).stdout)).toMatchObject({ standing: 'refused' })
    expect(JSON.parse(run(join(root, 'out/service/r-emsctl.js'), verify, licensed).stdout)).toMatchObject({
      standing: 'valid',
    })

    await using development = await startService(['--demo', '--dev-allow-license-bypass'], {
      environment: { R_EMS_LOG_LEVEL: 'error' },
    })
    const { faults } = await clientOf(development).health()
    expect(faults).toMatchObject([{ code: 'license.bypassed' }])
    expect(development.errors()).toContain('licences are bypassed')
  })
})
