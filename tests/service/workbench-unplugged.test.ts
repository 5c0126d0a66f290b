import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SerialPort } from 'serialport'
import { expect, onTestFinished, test } from 'vitest'
import { type Job, job, jobSummary } from '#contract/workbench.ts'
import { hasSocat, openPtyPair, startPtyDevice } from '../drivers/support/pty.ts'
import { createTestUnit, ramp, withCrc } from '../drivers/support/test-device.ts'
import { authorized, type ServiceProcess, startService } from './service-process.ts'

const gone = /unplugged|was closed|no serial port|does not open/
const skipped = hasSocat ? '' : ' (socat is not installed)'

async function send(service: ServiceProcess, path: string, body?: object): Promise<Response> {
  return fetch(`${service.url}/api/v1/workbench/jobs${path}`, {
    method: 'POST',
    headers: { ...authorized, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  })
}

async function get(service: ServiceProcess, path: string): Promise<Response> {
  return fetch(`${service.url}/api/v1/workbench/jobs${path}`, { headers: authorized })
}

async function begin(service: ServiceProcess, request: object) {
  const { id } = jobSummary.parse(await (await send(service, '', request)).json())
  const now = async (): Promise<Job> => job.parse(await (await get(service, `/${id}`)).json())
  return { id, now }
}

function folderOfPorts(): string {
  const folder = mkdtempSync(join(tmpdir(), 'r-ems-unplugged-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

test.skipIf(!hasSocat)(
  `a unit scan keeps what it found when the adapter is pulled out, and goes on when it is back${skipped}`,
  async () => {
    const folder = folderOfPorts()
    await using service = await startService(['--demo'])
    await using pair = await openPtyPair(folder)
    const device = await startPtyDevice(pair.device, { 3: createTestUnit(ramp(300)) })
    const scan = await begin(service, { kind: 'units', bus: `rtu://${pair.client}?baud=115200` })
    await expect.poll(async () => (await scan.now()).requests, { timeout: 20_000 }).toBeGreaterThan(60)
    await pair.unplug()
    await device[Symbol.asyncDispose]()

    await expect.poll(async () => (await scan.now()).state, { timeout: 10_000 }).toBe('stopped')
    const stopped = await scan.now()
    expect(stopped).toMatchObject({
      problem: {
        message: expect.stringMatching(gone),
        action: 'Check that the adapter is plugged in and nobody else uses it; then resume.',
      },
      resumable: true,
      result: { state: 'closed', units: [{ unitId: 3 }] },
    })
    expect(askedIn(stopped)).toBeGreaterThan(40)

    // Resumed too early, it says the same again and loses nothing.
    expect((await send(service, `/${scan.id}/resume`)).status).toBe(200)
    await expect.poll(async () => (await scan.now()).state, { timeout: 10_000 }).toBe('stopped')
    const early = await scan.now()
    expect(early).toMatchObject({ resumable: true, result: { units: [{ unitId: 3 }] } })
    expect(early.problem?.message).toContain(`there is no serial port ${pair.client}`)
    expect(askedIn(early)).toBe(askedIn(stopped))

    await using again = await openPtyPair(folder)
    await using second = await startPtyDevice(again.device, { 3: createTestUnit(ramp(300)) })
    expect((await send(service, `/${scan.id}/resume`)).status).toBe(200)
    await expect.poll(async () => askedIn(await scan.now()), { timeout: 20_000 }).toBeGreaterThan(askedIn(stopped) + 20)
    expect((await send(service, `/${scan.id}/stop`)).status).toBe(200)
    expect(await scan.now()).toMatchObject({ state: 'stopped', resumable: true, result: { units: [{ unitId: 3 }] } })
    // Unit 3 was found before and was not asked again.
    expect(second.seen.map(({ unitId }) => unitId)).not.toContain(3)
  },
  60_000,
)

function askedIn({ result }: Job): number {
  return result?.kind === 'units' ? result.silent.flatMap(({ unitIds }) => unitIds).length : 0
}

test.skipIf(!hasSocat)(
  `listening keeps what it heard when the adapter is pulled out, and can begin again${skipped}`,
  async () => {
    const folder = folderOfPorts()
    await using service = await startService(['--demo'])
    await using pair = await openPtyPair(folder)
    const settings = { baud: 9600, parity: 'none', stopBits: 1 } as const
    const request = { kind: 'listen', port: pair.client, settings, seconds: 120 }
    let speaker = await speakOn(pair.device)
    const listening = await begin(service, request)
    await expect.poll(async () => pairsIn(await listening.now()), { timeout: 20_000 }).toBeGreaterThan(2)
    await pair.unplug()
    await speaker[Symbol.asyncDispose]()

    await expect.poll(async () => (await listening.now()).state, { timeout: 10_000 }).toBe('stopped')
    const stopped = await listening.now()
    expect(stopped).toMatchObject({
      problem: {
        message: expect.stringMatching(gone),
        action: 'Plug the adapter in again, then start again.',
      },
      result: { units: [{ unitId: 9 }], sentBytes: 0 },
    })
    expect(pairsIn(stopped)).toBeGreaterThan(2)
    const capture = await get(service, `/${listening.id}/capture`)
    expect([capture.status, (await capture.arrayBuffer()).byteLength > 300]).toEqual([200, true])

    await using again = await openPtyPair(folder)
    speaker = await speakOn(again.device)
    const second = await begin(service, request)
    await expect.poll(async () => pairsIn(await second.now()), { timeout: 20_000 }).toBeGreaterThan(0)
    expect((await send(service, `/${second.id}/stop`)).status).toBe(200)
    await speaker[Symbol.asyncDispose]()
  },
  60_000,
)

function pairsIn({ result }: Job): number {
  return result?.kind === 'listen' ? result.pairs : 0
}

/** A client that asks unit 9, and its answers. */
async function speakOn(path: string): Promise<AsyncDisposable> {
  const port = new SerialPort({ path, baudRate: 9600, autoOpen: false })
  await new Promise<void>((resolve, reject) => port.open((error) => (error ? reject(error) : resolve())))
  port.on('error', () => undefined)
  const frames = [Buffer.from([9, 3, 0, 0, 0, 1]), Buffer.from([9, 3, 2, 0, 42])].map((frame) => withCrc(frame))
  let turn = 0
  const timer = setInterval(() => port.write(frames[turn++ % 2]), 100)
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      if (port.isOpen) await new Promise<void>((resolve) => port.close(() => resolve()))
    },
  }
}
