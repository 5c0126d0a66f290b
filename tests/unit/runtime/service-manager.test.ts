import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createServiceManager } from '../../../service/runtime/service-manager.ts'
import { manualClock } from './manual-clock.ts'

/** What systemd would hear on its socket, line by line. */
async function listener(): Promise<{ path: string; next(): Promise<string> }> {
  const folder = mkdtempSync(join(tmpdir(), 'r-ems-notify-'))
  const path = join(folder, 'notify')
  const script = `import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(${JSON.stringify(path)})
print('bound', flush=True)
while True: print(s.recv(1000).decode().strip(), flush=True)`
  const child = spawn('python3', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(async () => {
    child.kill()
    await once(child, 'exit')
    rmSync(folder, { recursive: true, force: true })
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<string> => {
    const line = String((await lines.next()).value)
    // How systemd-notify makes sure that it was heard.
    return line === 'BARRIER=1' ? next() : line
  }
  expect(await next()).toBe('bound')
  return { path, next }
}

const tools = ['python3', 'systemd-notify'].every((name) => spawnSync(name, ['--version']).status === 0)

describe('the service manager', () => {
  it.skipIf(!tools)('hears of the start, of completed cycles of all grids only, and of the stop', async () => {
    const { path, next } = await listener()
    const clock = manualClock()
    using manager = createServiceManager({
      environment: { ...process.env, NOTIFY_SOCKET: path, WATCHDOG_USEC: '30000000' },
      grids: [
        { id: 'port', cycleMs: 1_000 },
        { id: 'starboard', cycleMs: 20_000 },
      ],
      clock,
    })
    manager.ready()
    expect(await next()).toBe('WATCHDOG_USEC=60000000')
    expect(await next()).toBe('READY=1')
    // One grid alone feeds nothing, however long it goes on.
    for (let second = 0; second < 100; second += 1) {
      await clock.advance(1_000)
      manager.cycleCompleted('port')
    }
    manager.cycleCompleted('starboard')
    expect(await next()).toBe('WATCHDOG=1')
    manager.cycleCompleted('port')
    manager.cycleCompleted('starboard')
    manager.stopping()
    // Nothing was said in between: a quarter of the time had not passed.
    expect(await next()).toBe('STOPPING=1')
  })

  it('is silent where nobody listens', () => {
    using manager = createServiceManager({
      environment: {},
      grids: [{ id: 'grid', cycleMs: 1_000 }],
      clock: manualClock(),
    })
    expect(() => {
      manager.ready()
      manager.cycleCompleted('grid')
    }).not.toThrow()
  })
})
