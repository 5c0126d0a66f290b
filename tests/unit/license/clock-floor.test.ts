import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { clockFileName, openClockFloor } from '../../../service/license/clock-floor.ts'
import { judgeLicense } from '../../../service/license/judge-license.ts'
import { manualClock } from '../runtime/manual-clock.ts'
import { content, edgeId, license, vendor } from './make-license.ts'

const builtAtMs = 1_600_000_000_000
const hourMs = 3_600_000

describe('the clock that licences are judged by', () => {
  let folder: string
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'r-ems-clock-'))))
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it('is believed after the day of the build', async () => {
    const clock = manualClock()
    const floor = await openClockFloor(folder, clock, builtAtMs)
    expect(floor.now()).toEqual({ nowMs: clock.nowMs(), believed: true })
  })

  it('is the day of the build at 1970, where a licence that ended before is still ended', async () => {
    const clock = manualClock()
    clock.stepWall(-clock.nowMs())
    const floor = await openClockFloor(folder, clock, Date.parse('2028-01-01T00:00:00Z'))
    expect(clock.nowMs()).toBe(0)
    expect(floor.now()).toEqual({ nowMs: Date.parse('2028-01-01T00:00:00Z'), believed: false })
    const { nowMs } = floor.now()
    expect(judgeLicense(license(), { keys: [vendor.key], edgeId, nowMs }).standing).toBe('ended')
  })

  it('cannot be set back behind a time that it has shown for an hour, also after a restart', async () => {
    const clock = manualClock()
    const floor = await openClockFloor(folder, clock, builtAtMs)
    clock.stepWall(Date.parse(content.expiresAt) + 60 * 86_400_000 - clock.nowMs())
    await floor.remember()
    await clock.advance(hourMs)
    await floor.remember()
    const latestMs = clock.nowMs()
    clock.stepWall(-400 * 86_400_000)
    expect(floor.now()).toEqual({ nowMs: latestMs, believed: false })
    const again = await openClockFloor(folder, clock, builtAtMs)
    expect(again.now()).toEqual({ nowMs: latestMs, believed: false })
    expect(judgeLicense(license(), { keys: [vendor.key], edgeId, nowMs: again.now().nowMs }).standing).toBe('ended')
  })

  it('forgets a time that was wrong for a moment only', async () => {
    const clock = manualClock()
    const floor = await openClockFloor(folder, clock, builtAtMs)
    clock.stepWall(70 * 365 * 86_400_000)
    await floor.remember()
    await clock.advance(hourMs / 2)
    await floor.remember()
    clock.stepWall(-70 * 365 * 86_400_000)
    await floor.remember()
    expect(floor.now().believed).toBe(true)
    await clock.advance(hourMs)
    await floor.remember()
    expect(JSON.parse(readFileSync(join(folder, clockFileName), 'utf8'))).toEqual({ latestMs: clock.nowMs() })
  })

  it('goes on with a damaged file and a folder that refuses', async () => {
    writeFileSync(join(folder, clockFileName), 'x')
    const clock = manualClock()
    const floor = await openClockFloor(join(folder, 'gone'), clock, builtAtMs)
    await clock.advance(hourMs)
    await expect(floor.remember()).resolves.toBeUndefined()
    expect((await openClockFloor(folder, clock, builtAtMs)).now().believed).toBe(true)
  })
})
