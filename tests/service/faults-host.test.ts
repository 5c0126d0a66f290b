import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { calm, longestOverS, startFaultRig, tell } from './support/fault-rig.ts'
import { allowedS, fuseA, responseS } from './support/fault-site.ts'
import { plantMissing } from './support/plant.ts'

const fakeTime = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib']
  .map((folder) => join(folder, 'faketime/libfaketimeMT.so.1'))
  .find((file) => existsSync(file))
/** The chargers of the map fall back by themselves after so long. */
const reversionS = 30

/** A small file system of its own; undefined where this user may not mount one. */
function smallDisk(megabytes: number): { folder: string; remove(): void } | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'r-ems-disk-'))
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  const options = ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'none', folder]
  if (spawnSync('mount', options).status !== 0) {
    remove()
    return undefined
  }
  return {
    folder,
    remove() {
      spawnSync('umount', ['--lazy', folder])
      remove()
    },
  }
}

/** Takes every block that is left. */
function fill(folder: string): () => void {
  const path = join(folder, 'ballast')
  const file = openSync(path, 'w')
  const chunk = Buffer.alloc(4096)
  try {
    for (;;) writeSync(file, chunk)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
  } finally {
    closeSync(file)
  }
  return () => rmSync(path)
}

const disk = plantMissing === undefined ? smallDisk(48) : undefined
const clockFolder = mkdtempSync(join(tmpdir(), 'r-ems-clock-'))
afterAll(() => {
  disk?.remove()
  rmSync(clockFolder, { recursive: true, force: true })
})

const pymodbus = plantMissing ? ` (${plantMissing})` : ''
/** As faults-meter.test.ts, for the machine of the service. */
describe.skipIf(plantMissing !== undefined).concurrent(`faults of the host${pymodbus}`, { timeout: 60_000 }, () => {
  it.skipIf(!fakeTime)(
    `clock steps of an hour forth and back change nothing${fakeTime ? '' : ' (libfaketime is not installed)'}`,
    async (context) => {
      const clockFile = join(clockFolder, 'clock')
      const setClock = (seconds: number): void =>
        writeFileSync(clockFile, seconds < 0 ? String(seconds) : `+${seconds}`)
      setClock(0)
      await using rig = await startFaultRig({
        environment: {
          LD_PRELOAD: fakeTime,
          FAKETIME_TIMESTAMP_FILE: clockFile,
          FAKETIME_NO_CACHE: '1',
          DONT_FAKE_MONOTONIC: '1',
          NO_FAKE_STAT: '1',
        },
      })
      const { plant, client } = rig
      const before = await plant.flows()
      const overruns = async (): Promise<number> => (await client.status()).cycle.overruns
      const overrunsBefore = await overruns()
      for (const seconds of [3600, 0, -3600, 0]) {
        setClock(seconds)
        await delay(1_800)
        const now = await plant.flows()
        const offsetS = ((await client.powerFlow()).atMs - Date.now()) / 1000
        // The step did happen.
        expect(Math.abs(offsetS - seconds)).toBeLessThan(5)
        for (const [index, value] of now.toldA.entries()) expect(value).toBeCloseTo(before.toldA[index] ?? NaN, 0)
        expect(Math.abs(now.batteryToldW - before.batteryToldW)).toBeLessThan(100)
      }
      const window = await plant.window()
      await tell(context, 'clock steps of +-1 h', window, 0)
      expect(longestOverS(window)).toBe(0)
      expect((await client.health()).faults).toEqual([])
      // The start, beside others, is not what is tested; and who is not let run skips a cycle.
      expect((await overruns()) - overrunsBefore).toBeLessThanOrEqual(Math.ceil(window.stalledS))
    },
  )

  it('a process that stands still for 5 s: goes on where it was, and the devices held their values', async (context) => {
    await using rig = await startFaultRig()
    const { plant, service, client } = rig
    const standS = 5
    service.child.kill('SIGSTOP')
    await plant.order({ do: 'house', ampere: [25, 5, 5] })
    await delay(standS * 1000)
    service.child.kill('SIGCONT')
    await plant.until(({ ampere: [l1] }) => l1 < fuseA, { forMs: 1_500 })
    const window = await plant.window()
    const boundS = standS + allowedS
    await tell(context, 'process stands still for 5 s', window, boundS)
    expect(longestOverS(window)).toBeLessThanOrEqual(boundS)
    expect((await client.status()).cycle.overruns).toBeGreaterThan(0)
  })

  it.skipIf(!disk)(
    `a full disk delays no reduction${disk ? '' : ' (no file system may be mounted here)'}`,
    async (context) => {
      const folder = disk?.folder ?? ''
      const dataFolder = join(folder, 'data')
      mkdirSync(dataFolder)
      await using rig = await startFaultRig({ dataFolder })
      const { plant, client } = rig
      const empty = fill(folder)
      const codes = async () => (await client.health()).faults.map(({ code }) => code)
      await expect.poll(codes, { timeout: 15_000, interval: 200 }).toContain('storage.full')
      await plant.window()
      await plant.order({ do: 'house', ampere: [25, 5, 5] })
      await delay(2 * allowedS * 1000)
      const window = await plant.window()
      await tell(context, 'disk full', window, allowedS)
      expect(longestOverS(window)).toBeLessThanOrEqual(allowedS)
      expect((await plant.flows()).ampere[0]).toBeLessThan(fuseA)
      empty()
      await expect.poll(codes, { timeout: 15_000, interval: 200 }).toEqual([])
    },
  )

  it('S3: after SIGKILL every device falls back by its own timer', async (context) => {
    await using rig = await startFaultRig()
    const { plant, service } = rig
    service.child.kill('SIGKILL')
    await once(service.child, 'exit')
    const killedAtMs = performance.now()
    // Nobody is there to answer this; the fallback of 6 A each has room for it.
    await plant.order({ do: 'house', ampere: [calm[0], calm[1], 15] })
    const fallen = await plant.until(
      ({ chargerA, batteryW }) => batteryW === 0 && chargerA.every((value) => Math.abs(value - 6) < 0.01),
      { withinMs: (reversionS + 2) * 1000 },
    )
    const afterS = (performance.now() - killedAtMs) / 1000
    await delay(500)
    const window = await plant.window()
    const boundS = reversionS + responseS
    await tell(context, `SIGKILL with a load step, all fell back after ${afterS.toFixed(1)} s`, window, boundS)
    expect(afterS).toBeLessThanOrEqual(boundS + 0.1)
    expect(longestOverS(window)).toBeLessThanOrEqual(boundS)
    expect(window.writes).toEqual([])
    expect(Math.max(...fallen.ampere)).toBeLessThan(fuseA)
  })
})
