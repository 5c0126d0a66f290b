import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { SerialPort } from 'serialport'
import type { TestUnit } from './test-device.ts'
import { createFrameSplitter, type TestServer } from './test-server.ts'

export const hasSocat = spawnSync('socat', ['-V']).status === 0

export interface PtyPair extends AsyncDisposable {
  /** The end for the client, and the one for the device. */
  readonly client: string
  readonly device: string
  /** Takes the cable away: both ends vanish. */
  unplug(): Promise<void>
}

/** Two pseudo terminals joined by socat. They carry bytes as they are, without a baud rate or parity. */
export async function openPtyPair(folder?: string): Promise<PtyPair> {
  const place = folder ?? (await mkdtemp(join(tmpdir(), 'r-ems-pty-')))
  const client = join(place, 'client')
  const device = join(place, 'device')
  const socat = spawn('socat', ['-d', '-d', `pty,raw,echo=0,link=${client}`, `pty,raw,echo=0,link=${device}`], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  for await (const line of createInterface({ input: socat.stderr })) if (line.includes('starting data transfer')) break
  const unplug = async (): Promise<void> => {
    if (socat.exitCode !== null || socat.signalCode !== null) return
    socat.kill()
    await once(socat, 'exit')
  }
  return {
    client,
    device,
    unplug,
    async [Symbol.asyncDispose]() {
      await unplug()
      if (folder === undefined) await rm(place, { recursive: true, force: true })
    },
  }
}

/** A device on the far end of a pty pair; the same as a test server in all else. */
export async function startPtyDevice(
  path: string,
  units: Readonly<Record<number, TestUnit>>,
): Promise<Omit<TestServer, 'port' | 'url' | 'clients' | 'accepted'>> {
  const port = new SerialPort({ path, baudRate: 9600, autoOpen: false })
  await new Promise<void>((resolve, reject) => port.open((error) => (error ? reject(error) : resolve())))
  port.on('error', () => undefined)
  const splitter = createFrameSplitter('rtutcp', units)
  port.on('data', (chunk: Buffer) =>
    splitter.push(chunk, { send: (bytes) => void port.write(bytes), close: () => undefined }),
  )
  return Object.assign(splitter.state, {
    units: splitter.units,
    seen: splitter.seen,
    async [Symbol.asyncDispose]() {
      if (port.isOpen) await new Promise<void>((resolve) => port.close(() => resolve()))
    },
  })
}
