import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, expect, it } from 'vitest'
import { root } from './service-process.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

/** `npm start` as a person types it; resolves when it has printed its address. */
async function npmStart() {
  const folder = mkdtempSync(join(tmpdir(), 'r-ems-npm-'))
  folders.push(folder)
  const child = spawn('npm', ['start'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, R_EMS_API_PORT: '0', R_EMS_DATA_DIR: folder, R_EMS_LOG_LEVEL: 'fatal' },
  })
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /web UI +(http:\/\/127\.0\.0\.1:\d+)/.exec(line)?.[1]
    if (url) return { child, url }
  }
  throw new Error('npm start ended without an address')
}

const answers = (url: string): Promise<boolean> =>
  fetch(`${url}/health`).then(
    ({ ok }) => ok,
    () => false,
  )

it.each(['SIGINT', 'SIGTERM'] as const)('npm start stops on %s within two seconds', async (signal) => {
  const { child, url } = await npmStart()
  expect(await answers(url)).toBe(true)
  const startMs = performance.now()
  child.kill(signal)
  const [code] = (await once(child, 'exit')) as [number | null]
  expect(code).toBe(0)
  expect(performance.now() - startMs).toBeLessThan(2_000)
  expect(await answers(url)).toBe(false)
})

it('npm killed with SIGKILL does not leave a service behind', async () => {
  const { child, url } = await npmStart()
  child.kill('SIGKILL')
  const giveUpMs = performance.now() + 10_000
  while ((await answers(url)) && performance.now() < giveUpMs) await delay(100)
  expect(await answers(url)).toBe(false)
})

it('its scripts replace the shell, so that signals reach them', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }
  for (const name of ['start', 'r-emsd', 'r-emsctl']) expect(scripts[name]).toMatch(/^exec /)
})
