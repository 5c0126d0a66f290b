import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, openSync } from 'node:fs'
import { createInterface } from 'node:readline'

export interface Pty extends AsyncDisposable {
  readonly path: string
  write(bytes: Buffer): void
  /** The terminal vanishes, as when its adapter is pulled out. */
  unplug(): Promise<void>
}

/** A pseudo terminal at `path`, whose other side is this process (through socat). */
export async function openPty(path: string, received: (bytes: Buffer) => void): Promise<Pty> {
  const socat = spawn('socat', ['-d', '-d', `pty,raw,echo=0,link=${path}`, '-'], { stdio: ['pipe', 'pipe', 'pipe'] })
  const log = createInterface({ input: socat.stderr })
  for await (const line of log) if (line.includes('starting data transfer')) break
  socat.stderr.resume()
  socat.stdin.on('error', () => undefined)
  socat.stdout.on('data', received)
  // Held open, so that it outlives the programs that open and close it.
  const held = openSync(path, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK)
  let open = true

  async function unplug(): Promise<void> {
    if (!open) return
    open = false
    closeSync(held)
    const ended = once(socat, 'exit')
    if (socat.exitCode === null && socat.signalCode === null) {
      socat.kill()
      await ended
    }
  }

  return {
    path,
    write(bytes) {
      if (open) socat.stdin.write(bytes)
    },
    unplug,
    [Symbol.asyncDispose]: unplug,
  }
}
