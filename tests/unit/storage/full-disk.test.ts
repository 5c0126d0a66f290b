import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { listen, open, quickClock, sample, temporaryFolder } from './temporary-storage.ts'

const program = fileURLToPath(new URL('full-disk.ts', import.meta.url))

/** Mounts a file system of 3 MB in a name space of its own, so that nothing is left behind; root may do without. */
function inSmallFileSystem(folder: string, command: readonly string[]) {
  const script = 'mount -t tmpfs -o size=3m tmpfs "$1" || exit 99; shift; exec "$@"'
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']
  return spawnSync('unshare', ['--mount', ...user, 'sh', '-c', script, 'sh', folder, ...command], {
    encoding: 'utf8',
    timeout: 15_000,
  })
}

const possible = inSmallFileSystem('/mnt', ['true']).status === 0

test.skipIf(!possible)(
  `a full disk costs only what it must, is reported once, and ends by itself${possible ? '' : ' (skipped: this machine lets us mount no small file system)'}`,
  async () => {
    const folder = await temporaryFolder()
    const { stdout, stderr, status } = inSmallFileSystem(folder, [process.execPath, program, folder])
    expect(stderr).toBe('')
    expect(status).toBe(0)
    const result = JSON.parse(stdout) as Record<string, unknown> & { durable: number; readable: number; after: number }
    expect(result).toMatchObject({
      refusal: 'storage.full',
      refusedFlush: 'storage.full',
      whileFull: 'full',
      stillStored: result.durable,
      verified: { ok: true },
      lines: ['raise storage storage.full', 'clear storage'],
    })
    expect(result.readable).toBeGreaterThan(0)
    // What was queued while the disk was full is stored once there is room.
    expect(result.after).toBeGreaterThan(result.readable)
    expect(result['startFull']).toMatchObject({
      warned: [],
      early: 'counted',
      lines: [expect.stringMatching(/^raise storage storage\.(full|down)$/), 'clear storage'],
      last: 'gap',
      verified: { ok: true },
      metrics: ['later', 'powerW'],
    })
  },
)

test('a history at the end of its space goes on with the newest data', async () => {
  const historyBytes = 400_000
  const storage = await open(await temporaryFolder(), {
    clock: quickClock(1_800_000_000_000),
    limits: { historyBytes },
  })
  const heard = listen(storage)
  let stored = 0
  for (let minute = 0; minute < 40; minute += 1) {
    const atMs = 1_800_000_000_000 - 40 * 60_000 + minute * 60_000
    storage.addSamples(Array.from({ length: 600 }, (_, index) => sample(atMs + index * 100, index)))
    stored = await storage.flush().then(
      () => minute,
      () => stored,
    )
  }
  await heard.until('note storage.trimmed')
  expect(stored).toBe(39)
  expect(storage.stats()).toMatchObject({ state: 'ok' })
  expect(storage.stats().historyBytes).toBeLessThanOrEqual(historyBytes)
})
