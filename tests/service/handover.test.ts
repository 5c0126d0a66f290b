import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { auditEntries, auditVerification } from '#contract/access.ts'
import { devices, problem } from '#contract/api.ts'
import { checks } from '#contract/checks.ts'
import { failsafe } from '#contract/control.ts'
import {
  type HandoverDraft,
  handoverDraft,
  type HandoverPart,
  handoverReport,
  signedHandover,
  signedHandovers,
} from '#contract/handover.ts'
import { siteLimits } from '#contract/site-limits.ts'
import { verifyReport } from '../../service/handover/sign.ts'
import { clientOf } from './client.ts'
import { runCtl } from './r-emsctl.ts'
import { authorized, type ServiceProcess, startService } from './service-process.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'r-ems-handover-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const site = `version: 3
name: Depot <b>Nord</b>
cycleMs: 200
timeZone: Europe/Berlin
grids: [{ id: grid, name: Grid, connection: { id: main, name: Main, fuseA: 35, meter: meter } }]
devices:
  - id: meter
    name: Meter
    role: grid-meter
    map: eastron/sdm630
    connection: demo://meter
    verified: { signs: [{ name: powerW, by: M. Okafor, at: 2026-03-01T12:00:00Z, how: switched a heater }] }
  - id: battery
    name: Battery
    role: battery
    map: r-ems/demo-battery
    connection: demo://battery
    battery: { maxChargeW: 5000, maxDischargeW: 5000 }
`
const draft: HandoverDraft = {
  revision: 0,
  language: 'de',
  address: 'Am Depot 1',
  customer: 'Depot Nord GmbH',
  project: '<script>alert(1)</script>',
  company: 'Elektro Okafor',
  people: [{ role: 'Inbetriebnehmer', name: 'M. Okafor', company: '' }],
  openPoints: [{ text: 'Seal the meter', who: '' }],
  remarks: '',
}

const send = (service: ServiceProcess, method: string, path: string, body: object): Promise<Response> =>
  fetch(`${service.url}/api/v1/handover/${path}`, {
    method,
    headers: { ...authorized, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
const file = (service: ServiceProcess, name: string): Promise<Response> =>
  fetch(`${service.url}/api/v1/handover/signed/${name}`, { headers: authorized })

describe('the handover report of a running service', { timeout: 180_000 }, () => {
  it('says what the service says, is signed, kept over a restart, and left out once it was altered', async () => {
    const root = join(folder, 'site')
    mkdirSync(root)
    writeFileSync(join(root, 'site.yaml'), site)
    const dataFolder = join(folder, 'data')
    const start = () => startService(['--config', root, '--mode', 'simulation'], { dataFolder })
    let id: string
    {
      await using service = await start()
      const { get, device } = clientOf(service)
      for (const one of ['meter', 'battery']) while ((await device(one)).link.state !== 'online') await delay(50)
      const ask = () => get('/api/v1/handover', handoverReport)

      const saved = handoverDraft.parse(await (await send(service, 'PUT', 'draft', draft)).json())
      expect(saved).toEqual({ ...draft, revision: 1 })
      const late = await send(service, 'PUT', 'draft', { ...draft, customer: 'somebody else' })
      expect([late.status, problem.parse(await late.json()).type]).toEqual([409, 'handover.changed'])

      const report = await ask()
      const listed = (await get('/api/v1/devices', devices)).devices
      expect(report.devices.map(({ id: name, serial, map }) => [name, serial, map])).toEqual(
        listed.map((one) => [one.id, one.serial, one.map]),
      )
      expect(report.devices.map(({ points }) => points.total)).toEqual(listed.map(({ points }) => points.length))
      const read = listed.find(({ id: name }) => name === 'meter')?.points.find(({ name }) => name === 'serial')
      expect(report.devices.find(({ id: name }) => name === 'meter')?.readFrom).toContainEqual({
        point: 'serial',
        address: read?.address,
        raw: read?.reading?.raw?.map((word) => word.toString(16).toUpperCase().padStart(4, '0')).join(' '),
      })
      expect(report.devices.find(({ id: name }) => name === 'meter')?.verified).toEqual([
        { kind: 'sign', of: 'powerW', by: 'M. Okafor', atMs: Date.UTC(2026, 2, 1, 12), how: 'switched a heater' },
      ])
      expect(report.settings).toEqual((await get('/api/v1/limits', siteLimits)).limits)
      expect(report.failsafe).toEqual((await get('/api/v1/failsafe', failsafe)).devices)
      const { checks: there } = await get('/api/v1/checks', checks)
      expect(report.notExecuted.map((check) => check.id)).toEqual(there.map((check) => check.id))
      expect(report.notExecuted.length).toBeGreaterThan(3)
      const { entries } = await get('/api/v1/audit?kind=write&limit=500', auditEntries)
      const byHand = entries.filter(({ principal }) => principal !== 'automatic control')
      expect(report.writes.map(({ seq }) => seq)).toEqual(byHand.map(({ seq }) => seq))
      const verified = await get('/api/v1/audit/verification', auditVerification)
      expect(report.configuration.journal?.ok && verified.ok && report.configuration.journal.seq).toBeLessThanOrEqual(
        verified.ok ? verified.headSeq : 0,
      )
      expect(report.configuration.maps.map(({ id: map }) => map)).toEqual(['eastron/sdm630', 'r-ems/demo-battery'])

      const open = report.parts.filter(({ state }) => state === 'open').map((part) => part.id)
      expect(open).toContain('checks')
      const signatures = [{ name: 'M. Okafor', role: 'Inbetriebnehmer' }]
      const sign = (acceptedParts: HandoverPart['id'][]) => send(service, 'POST', 'sign', { signatures, acceptedParts })
      const refused = await sign(open.filter((part) => part !== 'checks'))
      expect([refused.status, problem.parse(await refused.json())]).toMatchObject([
        409,
        { type: 'handover.open', detail: expect.stringContaining('checks') as string },
      ])
      const signed = signedHandover.parse(await (await sign([...open, 'buses', 'devices', 'configuration'])).json())
      id = signed.id
      expect((await get('/api/v1/handover/signed', signedHandovers)).reports).toEqual([signed])
      const entry = (await get('/api/v1/audit?kind=handover', auditEntries)).entries[0]
      expect(entry).toMatchObject({ detail: `signs the handover report ${id}` })

      for (const [kind, type] of [
        ['json', 'application/json'],
        ['html', 'text/html; charset=utf-8'],
        ['pdf', 'application/pdf'],
      ]) {
        const response = await file(service, `${id}.${kind}`)
        expect(response.headers.get('content-type')).toContain(type)
        expect(response.headers.get('content-security-policy')).toContain('sandbox')
        expect(response.headers.get('content-disposition')).toBe(`attachment; filename="handover-${id}.${kind}"`)
        const bytes = Buffer.from(await response.arrayBuffer())
        if (kind === 'pdf') expect(bytes.subarray(0, 5).toString()).toBe('%PDF-')
        if (kind === 'html') expect(bytes.toString()).not.toMatch(/<script|<b>Nord/)
        if (kind === 'json') expect(verifyReport(bytes.toString())).toMatchObject({ ok: true, keyId: signed.keyId })
      }
      for (const name of ['20200101-000000.pdf', '..%2Fsecrets.json', `${id}.exe`])
        expect([400, 404]).toContain((await file(service, name)).status)

      // As the command line of whoever may read the data folder has it.
      const environment = { R_EMS_DATA_DIR: dataFolder, R_EMS_API_PORT: new URL(service.url).port }
      for (const format of ['json', 'html', 'pdf']) {
        const ran = await runCtl(['report', '--out', join(folder, 'out'), '--format', format, '--json'], environment)
        expect(ran).toMatchObject({ status: 0, stderr: '' })
        const text = readFileSync(join(folder, 'out', `handover-draft.${format}`))
        if (format === 'json') expect(handoverReport.parse(JSON.parse(text.toString())).draft).toEqual(saved)
        if (format === 'html') expect(text.toString()).toContain('Entwurf: noch niemand hat unterschrieben.')
        if (format === 'pdf') expect(text.subarray(0, 5).toString()).toBe('%PDF-')
      }
    }

    const place = join(root, 'workbench/handover', `${id}.json`)
    const verify = (...more: string[]) => runCtl(['report', 'verify', place, ...more], {})
    const whole = readFileSync(place, 'utf8')
    const verdict = verifyReport(whole)
    const keyId = verdict.ok ? verdict.keyId : ''
    expect(await verify()).toMatchObject({ status: 0, stdout: expect.stringContaining(keyId) as string })
    expect(await verify('--key', keyId.slice(0, 16))).toMatchObject({ status: 0 })
    const foreign = await verify('--key', 'f'.repeat(64))
    expect(foreign).toMatchObject({ status: 5, stdout: expect.stringContaining('another key') as string })
    {
      await using service = await start()
      const { get } = clientOf(service)
      expect((await get('/api/v1/handover/signed', signedHandovers)).reports.map((one) => one.id)).toEqual([id])
      expect(await get('/api/v1/handover/draft', handoverDraft)).toMatchObject({
        revision: 1,
        customer: draft.customer,
      })
      writeFileSync(place, whole.replace('Seal the meter', 'Seal the Meter'))
      expect((await get('/api/v1/handover/signed', signedHandovers)).reports).toEqual([])
    }
    expect(await verify()).toMatchObject({
      status: 5,
      stdout: expect.stringContaining('it was altered after it was signed') as string,
    })
    expect(await runCtl(['report', 'verify', join(folder, 'nothing.json')], {})).toMatchObject({ status: 1 })
  })
})
