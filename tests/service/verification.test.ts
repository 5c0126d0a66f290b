import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { auditEntries } from '#contract/access.ts'
import type { PowerFlow, SetpointState } from '#contract/api.ts'
import { type Verification, verification } from '#contract/verification.ts'
import { batteryOnTheWire, clientOf } from './client.ts'
import { runCtl } from './r-emsctl.ts'
import { authorized, startService } from './service-process.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'r-ems-verify-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const site = `# Written by hand
version: 3
name: Fresh
cycleMs: 200
grids: [{ id: grid, name: Grid, connection: { id: main, name: Main, fuseA: 35, meter: meter } }]
devices:
  - { id: meter, name: Meter, role: grid-meter, map: eastron/sdm630, connection: 'demo://meter', verified: { signs: [powerW] } }
  # found yesterday
  - id: battery
    name: Battery
    role: battery
    map: r-ems/demo-battery
    connection: demo://battery
    battery: { maxChargeW: 5000, maxDischargeW: 5000 }
`
const batteryOf = ({ setpoints }: PowerFlow): SetpointState | undefined =>
  setpoints.find(({ deviceId }) => deviceId === 'battery')

describe('S12: a fresh device', { timeout: 60_000 }, () => {
  it('is left alone by automatic control until its command and its sign are verified, and again when not', async () => {
    const file = join(folder, 'site.yaml')
    writeFileSync(file, site)
    await using service = await startService(['--config', file, '--mode', 'simulation'])
    const client = clientOf(service)
    const send = async (method: string, path: string, body?: unknown): Promise<Verification> => {
      const response = await fetch(`${service.url}/api/v1/verification/battery/${path}`, {
        method,
        headers: { ...authorized, ...(body !== undefined && { 'content-type': 'application/json' }) },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      if (!response.ok) throw new Error(await response.text())
      return verification.parse(await response.json())
    }
    await using wire = await client.wire('battery')
    await client.setControl(
      { enabled: true, reason: 'a test of verification' },
      { authorization: `Bearer ${client.token()}` },
    )
    const waiting = await client.flowUntil((flow) => batteryOf(flow)?.outcomeReason?.includes('verified') === true)
    expect(batteryOf(waiting)?.outcomeReason).toBe('the command setPowerW of Battery is not verified for this site')
    expect(await client.get('/api/v1/verification', verification)).toMatchObject({
      kept: 'file',
      needed: 3,
      verified: 1,
    })

    await expect(send('POST', 'command/setCurrentA', { how: 'by eye' })).rejects.toThrow(/has no command setCurrentA/)
    await expect(send('POST', 'sign/serial', { how: 'by eye' })).rejects.toThrow(/verify.unknown/)
    await send('POST', 'command/setPowerW', { how: 'charged with 1 kW, the meter followed' })
    const half = await client.flowUntil((flow) => batteryOf(flow)?.outcomeReason?.includes('sign') === true)
    expect(batteryOf(half)?.outcomeReason).toBe('the sign of the power of Battery is not verified for this site')
    expect(await batteryOnTheWire(wire)).toMatchObject({ enabled: false, setpointW: 0 })

    // The other half by the command line, as whoever may read the data folder.
    const added = await runCtl(
      ['verify', 'add', 'battery', 'sign', 'powerW', '--how', 'discharged', '--url', service.url],
      { R_EMS_DATA_DIR: service.dataFolder },
    )
    expect(added).toMatchObject({ status: 0, stdout: expect.stringMatching(/^3 of 3 /) as string })
    await client.flowUntil((flow) => batteryOf(flow)?.outcome === 'confirmed')
    expect((await batteryOnTheWire(wire)).enabled).toBe(true)
    await expect(send('POST', 'command/setPowerW', { how: 'again' })).rejects.toThrow(/verify.twice/)

    const text = readFileSync(file, 'utf8')
    expect(text).toMatch(
      /name: setPowerW\s+by: automation\s+at: 20\d\d-\S+Z\s+how: charged with 1 kW, the meter followed/,
    )
    expect(text).toContain('# Written by hand')
    expect(text).toContain('# found yesterday')
    const { entries } = await client.get('/api/v1/audit?kind=configuration', auditEntries)
    expect(entries.filter(({ deviceId }) => deviceId === 'battery').map(({ detail }) => detail)).toEqual(
      expect.arrayContaining(['verified: command setPowerW: charged with 1 kW, the meter followed']),
    )

    await send('DELETE', 'sign/powerW?reason=the%20clamp%20was%20turned')
    const again = await client.flowUntil((flow) => batteryOf(flow)?.outcome === 'refused')
    expect(batteryOf(again)?.outcomeReason).toContain('sign of the power of Battery')
    expect(readFileSync(file, 'utf8')).not.toContain('name: powerW')
  })

  it('keeps a file that somebody edits meanwhile as it is', async () => {
    const file = join(folder, 'edited.yaml')
    writeFileSync(file, site)
    await using service = await startService(['--config', file, '--mode', 'simulation'])
    const edited = `${site}# one more line\n`
    writeFileSync(file, edited)
    const response = await fetch(`${service.url}/api/v1/verification/battery/command/setPowerW`, {
      method: 'POST',
      headers: { ...authorized, 'content-type': 'application/json' },
      body: JSON.stringify({ how: 'by eye' }),
    })
    expect(response.status).toBe(409)
    expect(await response.json()).toMatchObject({ type: 'site.changed' })
    expect(readFileSync(file, 'utf8')).toBe(edited)
  })
})
