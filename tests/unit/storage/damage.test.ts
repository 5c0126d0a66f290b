import { spawnSync } from 'node:child_process'
import { chmod, mkdir, open as openFile, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { userInfo } from 'node:os'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { listen, open, quickClock, sample, temporaryFolder } from './temporary-storage.ts'

const start = 1_800_000_000_000

/** A closed history of a few hundred pages. */
async function filled(): Promise<string> {
  const folder = await temporaryFolder()
  const storage = await open(folder, { clock: quickClock(start, 1), limits: { recentRows: 1000 } })
  for (let batch = 0; batch < 20; batch += 1) {
    storage.addSamples(Array.from({ length: 1000 }, (_, index) => sample(start + batch * 1e6 + index * 1000, index)))
    storage.addEvent({ atMs: start, severity: 'info', code: 'x', message: 'y'.repeat(500) })
    await storage.flush()
  }
  await storage[Symbol.asyncDispose]()
  return folder
}

async function overwrite(file: string, position: number, bytes: Buffer): Promise<void> {
  await using handle = await openFile(file, 'r+')
  await handle.write(bytes, 0, bytes.length, position)
}

const damages = {
  'a smashed header': (file: string) => overwrite(file, 0, Buffer.alloc(100, 0x55)),
  'smashed pages': async (file: string) => {
    const { size } = await stat(file)
    for (let page = 20; page < size / 4096; page += 7) await overwrite(file, page * 4096, Buffer.alloc(4096, 0xaa))
  },
  'a file that is no database': (file: string) => writeFile(file, 'not a database\n'.repeat(1000)),
}

test.each(Object.entries(damages))(
  '%s: the database is set aside under its time, and a new one works',
  async (_, damage) => {
    const folder = await filled()
    const file = join(folder, 'history.db')
    await damage(file)
    const damaged = await readFile(file)
    const storage = await open(folder, { clock: quickClock(start) })
    const kept = join(folder, 'history.corrupt-2027-01-15T08-00-00-000Z.db')
    expect(storage.warnings).toEqual([
      {
        severity: 'error',
        code: 'storage.corrupt',
        message: `the history database was damaged; it is kept as ${kept} and a new one was started`,
      },
    ])
    expect((await readFile(kept)).equals(damaged)).toBe(true)
    storage.addSamples([sample(start, 7)])
    await storage.flush()
    expect(
      await storage.measurements({ deviceId: 'meter', metric: 'powerW', fromMs: 0, toMs: 2e12, points: 10 }),
    ).toEqual({ series: [{ atMs: start, value: 7 }] })
  },
)

test('damage that shows only while running sets the database aside, and the service goes on', async () => {
  const folder = await filled()
  const file = join(folder, 'history.db')
  await damages['smashed pages'](file)
  const storage = await open(folder, { clock: quickClock(start), limits: { checkedBytes: 0 } })
  expect(storage.warnings).toEqual([])
  const heard = listen(storage)
  const query = { deviceId: 'meter', metric: 'powerW', fromMs: start, toMs: start + 2e7, points: 10_000 }
  await expect(storage.measurements(query)).rejects.toMatchObject({ code: 'storage.down' })
  await heard.until('note storage.corrupt')
  expect(heard.lines).toContain('raise storage storage.down')
  storage.addSamples([sample(start, 7)])
  await storage.flush()
  expect((await storage.measurements(query)).series).toEqual([{ atMs: start, value: 7 }])
  expect(await readdir(folder)).toContainEqual(expect.stringMatching(/^history\.corrupt-.*Z\.db$/))
  expect(storage.stats().state).toBe('ok')
})

test('a folder that cannot be is refused by name', async () => {
  const folder = await temporaryFolder()
  await writeFile(join(folder, 'file'), '')
  const below = join(folder, 'file', 'data')
  await expect(open(below)).rejects.toMatchObject({
    code: 'storage.folder',
    message: expect.stringContaining(`the data folder ${below} cannot be written by user ${userInfo().username}`),
  })
})

test('a folder of somebody else is refused, naming folder and user', async () => {
  const parent = await temporaryFolder()
  await chmod(parent, 0o755)
  const folder = join(parent, 'data')
  await mkdir(folder, { mode: 0o500 })
  const writer = fileURLToPath(new URL('writer.ts', import.meta.url))
  // Nothing is closed to root, so that root runs this as another user.
  const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
  const { stdout } = spawnSync(process.execPath, [writer, folder], {
    ...user,
    encoding: 'utf8',
    cwd: '/',
    timeout: 15_000,
  })
  const name = 'uid' in user ? 'nobody' : userInfo().username
  expect(stdout).toMatch(/^failed storage\.folder/)
  expect(stdout).toContain(`the data folder ${folder} cannot be written by user ${name}: EACCES`)
})
