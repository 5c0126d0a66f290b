import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Principal } from '#contract/access.ts'
import type { LicenseState } from '#contract/license.ts'
import { openClockFloor } from '../../../service/license/clock-floor.ts'
import { type Licensing, openLicensing } from '../../../service/runtime/licensing.ts'
import { content, edgeId, license, vendor } from '../license/make-license.ts'
import { type ManualClock, manualClock } from './manual-clock.ts'

const ann: Principal = { kind: 'user', id: 'ann', name: 'Ann', role: 'installer', address: '10.0.0.9' }

describe('the licence of a running service', () => {
  let folder: string
  let clock: ManualClock
  let journal: { detail: string; principal: string }[]
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'r-ems-licensing-'))
    mkdirSync(join(folder, 'site'))
    journal = []
    clock = manualClock()
    clock.stepWall(Date.parse('2026-11-21T12:00:00Z') - clock.nowMs())
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  async function open(
    options: { environment?: NodeJS.ProcessEnv; devices?: number; free?: string } = {},
  ): Promise<Licensing> {
    return openLicensing({
      places: {
        dataFolder: folder,
        configFolder: join(folder, 'site'),
        environmentName: 'R_EMS_LICENSE',
        environment: options.environment ?? {},
      },
      keys: [vendor.key],
      edgeId,
      clock,
      floor: await openClockFloor(folder, clock, Date.parse('2026-01-01T00:00:00Z')),
      size: () => ({ devices: options.devices ?? 5, chargePoints: 2, grids: 1 }),
      free: options.free,
      bypass: undefined,
      journalDurable: async (record) => journal.push(record),
    })
  }
  const economic = ({ features }: LicenseState) => features.find(({ feature }) => feature === 'economic-control')

  it('refuses what needs one without one, and nothing where it is free', async () => {
    await using without = await open()
    expect(without.state()).toMatchObject({ standing: 'none', usage: [{ limit: 'devices', used: 5 }, {}, {}] })
    expect(without.obstacle('economic-control')).toBe('economic control needs a licence, and none is loaded')
    expect(without.obstacle('fleet')).toContain('needs a licence')
    await using free = await open({ free: 'simulation mode needs none' })
    expect(economic(free.state())).toMatchObject({ allowed: true, reason: 'simulation mode needs none' })
    expect(free.obstacle('redundancy')).toContain('needs a licence')
  })

  it('takes one from the app at once, keeps it to itself, and knows it after a restart', async () => {
    const told: LicenseState[] = []
    {
      await using licensing = await open()
      licensing.onChange((state) => told.push(state))
      const state = await licensing.load(`${license()}\r\n`, ann)
      expect(state).toMatchObject({ standing: 'valid', daysLeft: 365, source: { kind: 'app', place: 'license.txt' } })
      expect(licensing.obstacle('economic-control')).toBeUndefined()
      expect(licensing.obstacle('redundancy')).toBe(
        'redundancy needs a licence, and licence HALDEN-0042 does not include it',
      )
    }
    expect(told).toHaveLength(1)
    expect(journal).toEqual([
      { kind: 'license', principal: 'Ann (10.0.0.9)', detail: 'loads licence HALDEN-0042 of Halden Energy Services' },
    ])
    expect(statSync(join(folder, 'license.txt')).mode & 0o777).toBe(0o600)
    await using again = await open()
    expect(again.state().standing).toBe('valid')
    await again.unload(ann)
    expect(again.state().standing).toBe('none')
  })

  it('refuses a bad one and keeps what is there', async () => {
    await using licensing = await open()
    await licensing.load(license(), ann)
    const before = readFileSync(join(folder, 'license.txt'), 'utf8')
    for (const bad of [
      'x',
      license({ expiresAt: '2026-05-01T00:00:00Z' }),
      license({ notBefore: '2027-05-01T00:00:00Z' }),
      license({ edges: ['11111111-1111-4111-8111-111111111111'] }),
    ])
      await expect(licensing.load(bad, ann)).rejects.toMatchObject({ code: 'license.refused' })
    expect(readFileSync(join(folder, 'license.txt'), 'utf8')).toBe(before)
    expect(licensing.state().standing).toBe('valid')
    expect(journal).toHaveLength(1)
  })

  it('notices its end while it runs: grace, then the end, each told once', async () => {
    await using licensing = await open({
      environment: { R_EMS_LICENSE: license({ expiresAt: '2026-11-22T12:00:00Z' }) },
    })
    const told: string[] = []
    licensing.onChange(({ standing }) => told.push(standing))
    expect(licensing.state()).toMatchObject({ standing: 'valid', daysLeft: 1, source: { place: 'R_EMS_LICENSE' } })
    // Files are read between two looks: time goes on until it was noticed.
    const until = async (standing: string): Promise<void> => {
      for (let hour = 0; told.at(-1) !== standing && hour < 2_000; hour += 1) {
        await clock.advance(3_600_000)
        await delay(1)
      }
      expect(told.at(-1)).toBe(standing)
    }
    await until('grace')
    expect(licensing.obstacle('economic-control')).toBeUndefined()
    expect(licensing.state().graceEndsAtMs).toBe(Date.parse('2026-12-06T12:00:00Z'))
    await until('ended')
    expect(clock.nowMs()).toBeGreaterThanOrEqual(Date.parse('2026-12-06T12:00:00Z'))
    expect(licensing.obstacle('economic-control')).toContain('ended on 2026-11-22')
    expect(new Set(told.slice(told.indexOf('ended')))).toEqual(new Set(['ended']))
  })

  it('uses the best one that is there, and says why others do not count', async () => {
    writeFileSync(join(folder, 'license.txt'), license({ expiresAt: '2026-05-01T00:00:00Z' }))
    writeFileSync(join(folder, 'site', 'license.lic'), `${license()}\n`)
    await using licensing = await open({ environment: { R_EMS_LICENSE: 'x' } })
    expect(licensing.state()).toMatchObject({
      standing: 'valid',
      source: { kind: 'file', place: 'license.lic' },
      others: [
        { source: { kind: 'app' }, standing: 'ended' },
        { source: { kind: 'environment' }, standing: 'refused' },
      ],
    })
  })

  it('is for a site of its size', async () => {
    await using licensing = await open({ devices: 26, environment: { R_EMS_LICENSE: license() } })
    expect(licensing.obstacle('economic-control')).toBe(
      'economic control needs a licence: licence HALDEN-0042 is for 25 devices, and the site has 26',
    )
    expect(licensing.state().usage[0]).toEqual({ limit: 'devices', used: 26, most: 25 })
  })

  it('does not believe a clock at 1970', async () => {
    clock.stepWall(-clock.nowMs())
    await using licensing = await open({
      environment: { R_EMS_LICENSE: license({ expiresAt: '2025-12-31T00:00:00Z', notBefore: '2024-01-01T00:00:00Z' }) },
    })
    expect(licensing.state()).toMatchObject({ clockBelieved: false, standing: 'grace' })
    expect(content.expiresAt).toBe('2027-11-22T00:00:00Z')
  })
})
