import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { realClock } from '../../drivers/support/clock.ts'
import { type Dump, type Peer, startPymodbus } from '../../drivers/support/pymodbus.ts'
import { withCrc } from '../../drivers/support/test-device.ts'
import { openPty } from '../../drivers/line/pty.ts'
import { createTimeline } from '../../drivers/line/timeline.ts'
import { createLine, type LineSettings, silenceMs } from '../../drivers/line/wire.ts'

/** A line whose ends are terminals, so that programs of their own can be on it. Needs socat and python3. */
export interface BusLine extends AsyncDisposable {
  /**
   * A terminal for a program whose settings are not known beforehand: its baud rate follows what the program sets. A
   * pseudo terminal carries no parity. Counts the bytes that the program sends.
   */
  adapter(name: string): Promise<{ readonly path: string; readonly sent: () => number }>
  /** A device in a process of its own. */
  device(dump: Dump): Promise<void>
  /** Another client, which asks each of these once per period from now on, until the returned function is called. */
  client(requests: readonly (readonly number[])[], everyMs: number): () => void
}

/** Prints the baud rate of a terminal whenever it changes. */
const watchBaud = `
import os, sys, termios, time
fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
names = {getattr(termios, n): n[1:] for n in dir(termios) if n[0] == 'B' and n[1:].isdigit()}
last = None
while True:
    now = names.get(termios.tcgetattr(fd)[5])
    if now != last:
        print(now, flush=True)
        last = now
    time.sleep(0.002)
`

export async function openBusLine(settings: LineSettings): Promise<BusLine> {
  const folder = await mkdtemp(join(tmpdir(), 'r-ems-bus-'))
  const timeline = createTimeline(realClock)
  const line = createLine(timeline)
  await using resources = new AsyncDisposableStack()
  resources.defer(() => rm(folder, { recursive: true, force: true }))
  resources.defer(() => timeline[Symbol.dispose]())
  const kept = resources.move()
  let devices = 0

  return {
    async adapter(name) {
      let sent = 0
      const station = line.attach({ settings, receive: (byte) => pty.write(Buffer.of(byte)) })
      const pty = kept.use(
        await openPty(join(folder, name), (bytes) => {
          sent += bytes.length
          station.send(bytes)
        }),
      )
      const python = spawn('/usr/bin/python3', ['-c', watchBaud, pty.path], { stdio: ['ignore', 'pipe', 'ignore'] })
      kept.defer(async () => {
        python.kill('SIGKILL')
        if (python.exitCode === null && python.signalCode === null) await once(python, 'exit')
      })
      createInterface({ input: python.stdout }).on('line', (text) => {
        if (Number(text) >= 300) station.settings = { ...settings, baud: Number(text) }
      })
      return { path: pty.path, sent: () => sent }
    },
    async device(dump) {
      devices += 1
      let frame: number[] = []
      let endsMs = 0
      const station = line.attach({
        settings,
        receive(byte, atMs) {
          frame.push(byte)
          endsMs = atMs + silenceMs(settings)
          timeline.at(endsMs, () => {
            if (timeline.nowMs() < endsMs - 1e-9) return
            const whole = Buffer.from(frame)
            frame = []
            // pymodbus takes the answers of others for requests, and answers for units that it does not have.
            if (whole[0] === dump.unit_id) pty.write(whole)
          })
        },
      })
      const pty = kept.use(await openPty(join(folder, `device-${devices}`), (bytes) => void station.send(bytes)))
      kept.use<Peer>(await startPymodbus(dump, pty.path))
    },
    client(requests, everyMs) {
      const station = line.attach({ settings, receive: () => undefined })
      let turn = 0
      const timer = setInterval(() => {
        const request = requests[turn++ % requests.length] ?? []
        station.send(withCrc(Buffer.from(request)))
      }, everyMs)
      kept.defer(() => clearInterval(timer))
      return () => clearInterval(timer)
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}
