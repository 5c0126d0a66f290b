import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { open, temporaryFolder } from './temporary-storage.ts'

/** How often the writing process is killed; more for a long run. */
const kills = Number(process.env['R_EMS_TEST_KILLS'] ?? 10)
const writer = fileURLToPath(new URL('writer.ts', import.meta.url))

async function startWriter(folder: string, mode = 'write'): Promise<{ child: ChildProcess; lines: string[] }> {
  const child = spawn(process.execPath, [writer, folder, mode], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines: string[] = []
  const reader = createInterface({ input: child.stdout })
  reader.on('line', (line) => lines.push(line))
  await once(reader, 'line')
  return { child, lines }
}

test(
  `nothing acknowledged is lost and nothing breaks when the process is killed ${kills} times while writing`,
  async () => {
    const folder = await temporaryFolder()
    let acknowledged = 0
    let samples: { startMs: number; rounds: number } | undefined
    for (let kill = 0; kill < kills; kill += 1) {
      const { child, lines } = await startWriter(folder)
      expect(lines[0]).toBe('opened []')
      const enough = 20 + ((kill * 37) % 100)
      while (lines.length < enough) await once(child.stdout!, 'data')
      // Anywhere in the middle of the work, not just after an answer.
      await delay((kill * 7) % 23)
      const ended = Promise.all([once(child, 'exit'), once(child.stdout!, 'close')])
      child.kill('SIGKILL')
      await ended
      for (const line of lines.slice(1)) {
        const [, startMs, rounds] = /^s (\d+) (\d+)$/.exec(line) ?? []
        if (startMs === undefined) acknowledged = Number(line)
        else samples = { startMs: Number(startMs), rounds: Number(rounds) }
      }
    }

    const storage = await open(folder)
    expect(storage.warnings).toEqual([])
    const verified = await storage.journal.verify()
    expect(verified).toMatchObject({ ok: true })
    expect(acknowledged).toBeGreaterThan(20 * kills)
    expect(verified.ok && verified.entries).toBeGreaterThanOrEqual(acknowledged)
    const [entry] = await storage.journal.entries({ limit: 1, before: acknowledged + 1 })
    expect(entry).toMatchObject({ seq: acknowledged, kind: 'arm' })
    const { startMs, rounds } = samples!
    const { series } = await storage.measurements({
      deviceId: `meter-${startMs}`,
      metric: 'm99',
      fromMs: startMs,
      toMs: startMs + rounds * 1000,
      points: 10_000,
    })
    expect(series).toEqual(
      Array.from({ length: rounds }, (_, round) => ({ atMs: startMs + round * 1000, value: round })),
    )
    expect(await readdir(folder)).not.toContainEqual(expect.stringContaining('corrupt'))
  },
  20_000 + kills * 3_000,
)

test('a folder is held by one process, and free again as soon as that one is killed', async () => {
  const folder = await temporaryFolder()
  const { child } = await startWriter(folder, 'hold')
  await expect(open(folder)).rejects.toMatchObject({
    code: 'storage.busy',
    message: `the data folder ${folder} is in use by another service`,
  })
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
  const storage = await open(folder)
  expect(storage.warnings).toEqual([])
  const second = await startWriter(folder, 'hold')
  expect(second.lines[0]).toMatch(/^failed storage\.busy/)
})
