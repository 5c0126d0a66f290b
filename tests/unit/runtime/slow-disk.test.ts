import { unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { MapCommand } from '#contract/point-map.ts'
import { safeSetpoint } from '../../../service/control/limits.ts'
import type { Device } from '../../../service/drivers/driver.ts'
import { createGuard } from '../../../service/runtime/guard.ts'
import { open, temporaryFolder } from '../storage/temporary-storage.ts'

const command: MapCommand = {
  unit: 'A',
  limits: { min: 0, max: 32 },
  writes: [{ address: 1, value: '$value' }],
  expiry: { kind: 'watchdog', seconds: 60, fallback: '6 A' },
  safeValue: 0,
  storage: 'volatile',
}

function charger(sent: number[]): Device {
  const done = { result: 'confirmed', frames: ['aa'] } as const
  return {
    id: 'charger',
    poll: () => Promise.resolve(),
    readings: () => new Map(),
    link: () => ({ state: 'online', requests: 0, failures: 0 }),
    points: () => [],
    pollGroups: () => [],
    bound: () => undefined,
    pollDurationMs: () => 0,
    write({ value }) {
      sent.push(value)
      return Promise.resolve(done)
    },
    writeByHand: () => Promise.resolve(done),
    encode: () => ({ frames: ['aa'] }),
    release: () => Promise.resolve(done),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

it('S2: a disk that hangs delays no reduction, and a chained entry says what is missing', async () => {
  const folder = await temporaryFolder()
  const hang = join(folder, 'hang')
  const storage = await open(folder, {
    worker: new URL('slow-worker.ts', import.meta.url),
    limits: { queuedEntries: 20 },
  })
  const sent: number[] = []
  const guard = createGuard({
    mode: 'production',
    desktop: false,
    control: () => ({ enabled: true, dryRun: false, reason: 'test' }),
    journal: (record) => void storage.journal.append(record),
    journalDurable: (record) => storage.journal.appendDurable(record),
    controlled: () => true,
    targets: new Map([
      [
        'charger',
        {
          device: charger(sent),
          simulated: false,
          commands: new Map([['setCurrentA', command]]),
          unverified: () => undefined,
          unsafeForEver: () => undefined,
        },
      ],
    ]),
  })
  writeFileSync(hang, '')
  // The disk hangs for as long as the file is there: whoever waited for it would never get on.
  // Two entries each: three times what the queue holds, with a sync asked for in each cycle.
  const wanted = Array.from({ length: 30 }, (_, n) => 30 - n)
  for (const value of wanted) {
    const setpoint = safeSetpoint('charger', 'setCurrentA', value, true, { min: 0, max: 32 })
    await expect(guard.write(setpoint, 'L2 has 3 A left', false)).resolves.toEqual({ outcome: 'confirmed' })
    storage.journal.flush()
  }
  expect(sent).toEqual(wanted)
  expect(storage.stats().droppedEntries).toBe(40)

  unlinkSync(hang)
  await storage.flush()
  storage.journal.append({ kind: 'write', principal: 'automatic control', deviceId: 'charger' })
  await storage.flush()
  const entries = await storage.journal.entries({ limit: 100 })
  const gap = entries.find(({ kind }) => kind === 'gap')
  expect(gap).toMatchObject({ data: { count: 40 } })
  await expect(storage.journal.verify()).resolves.toMatchObject({ ok: true })
})
