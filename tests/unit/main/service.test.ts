import type { ServiceState } from '#contract/desktop.ts'
import { spawnSync } from 'node:child_process'
import { EventEmitter, on } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createServiceLog } from '../../../main/service-log.ts'
import { doublingBackOffMs, serviceEnvironment, superviseService } from '../../../main/service.ts'
import type { ServiceOptions, SupervisedService } from '../../../main/service.ts'

const double = resolve(import.meta.dirname, 'service-double.mjs')
let folder: string
let logPath: string
let service: SupervisedService | undefined

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'r-ems-shell-'))
  logPath = join(folder, 'logs/service.log')
})
afterEach(async () => {
  await service?.stop()
  service = undefined
  rmSync(folder, { recursive: true, force: true })
})

/** Starts the double and gives its states in order. */
function supervise(mode: string, options: Partial<ServiceOptions> = {}) {
  const changes = new EventEmitter()
  const states = on(changes, 'state')
  service = superviseService({
    command: { program: process.execPath, args: [double, mode], cwd: folder },
    log: createServiceLog(logPath, 100_000),
    onState: (state) => changes.emit('state', state),
    backOffMs: () => 20,
    ...options,
  })
  const next = async (): Promise<ServiceState> => {
    const { value } = await states.next()
    return value?.[0]
  }
  const until = async (phase: ServiceState['phase']) => {
    for (;;) {
      const state = await next()
      if (state.phase === phase) return state
    }
  }
  return { service, next, until }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    // A zombie still has an entry; what counts is that it runs no more.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

function servicePid(): number {
  const found = spawnSync('pgrep', ['-f', double], { encoding: 'utf8' }).stdout.trim().split('\n')
  expect(found).toHaveLength(1)
  return Number(found[0])
}

describe('supervising the service', () => {
  it('starts, tells the address, and stops without leaving a process', async () => {
    const { service, next } = supervise('runs')
    expect(service.state()).toEqual({ phase: 'starting', restarts: 0, logPath })
    expect(await next()).toEqual({ phase: 'running', url: 'http://127.0.0.1:4711', restarts: 0, logPath })
    const pid = servicePid()
    await service.stop()
    expect(isAlive(pid)).toBe(false)
  })

  it('starts a killed service again and keeps saying what happened', async () => {
    const { until, next } = supervise('runs')
    await until('running')
    process.kill(servicePid(), 'SIGKILL')
    expect(await next()).toMatchObject({
      phase: 'waiting',
      restarts: 0,
      failure: { kind: 'killed', signal: 'SIGKILL' },
    })
    expect(await next()).toMatchObject({ phase: 'starting', restarts: 1, failure: { kind: 'killed' } })
    expect(await next()).toMatchObject({ phase: 'running', restarts: 1, failure: { kind: 'killed' } })
  })

  it('passes on what a service said before it ended by itself', async () => {
    const { next } = supervise('refuses')
    expect(await next()).toMatchObject({
      phase: 'waiting',
      failure: { kind: 'exited', exitCode: 2, detail: 'bus failed\nsite.yaml, line 3: "baud" is not a key\n' },
    })
    expect(readFileSync(logPath, 'utf8')).toContain('"msg":"listening"')
  })

  it('waits longer after every failure in a row', async () => {
    const asked: number[] = []
    const { until } = supervise('refuses', {
      backOffMs: (failures) => {
        asked.push(failures)
        return 5
      },
    })
    for (let start = 0; start < 3; start += 1) await until('waiting')
    expect(asked).toEqual([1, 2, 3])
    expect([1, 2, 3, 4, 5, 6, 7, 8, 99].map(doublingBackOffMs)).toEqual([
      500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000,
    ])
  })

  it('counts from one again when the service had been healthy', async () => {
    const asked: number[] = []
    const { until } = supervise('runs', {
      healthyMs: 0,
      backOffMs: (failures) => {
        asked.push(failures)
        return 5
      },
    })
    for (let start = 0; start < 2; start += 1) {
      await until('running')
      process.kill(servicePid(), 'SIGKILL')
      await until('waiting')
    }
    expect(asked).toEqual([1, 1])
  })

  it('replaces a service that never gets ready', async () => {
    const { next } = supervise('hangs', { readyTimeoutMs: 300 })
    expect(await next()).toMatchObject({ phase: 'waiting', failure: { kind: 'silent' } })
  })

  it('takes no address outside this machine', async () => {
    const { next } = supervise('lies', { readyTimeoutMs: 500 })
    expect(await next()).toMatchObject({ phase: 'waiting', failure: { kind: 'silent' } })
  })

  it('says that the program is missing, and does not crash', async () => {
    const { next } = supervise('runs', { command: { program: join(folder, 'no-node'), args: [], cwd: folder } })
    expect(await next()).toMatchObject({
      phase: 'waiting',
      failure: { kind: 'missing', detail: expect.stringContaining('ENOENT') },
    })
  })

  it('kills a service that ignores the request to stop', async () => {
    const { service, until } = supervise('stubborn', { stopTimeoutMs: 200 })
    await until('running')
    const pid = servicePid()
    const asked = performance.now()
    await service.stop()
    expect(performance.now() - asked).toBeLessThan(1_500)
    expect(isAlive(pid)).toBe(false)
  })

  it.skipIf(process.platform === 'win32')('takes along what a killed service left behind', async () => {
    const { next, until } = supervise('leaves-child')
    await until('running')
    const left = Number(/child (\d+)/.exec(readFileSync(logPath, 'utf8'))?.[1])
    const parent = Number(spawnSync('ps', ['-o', 'ppid=', '-p', String(left)], { encoding: 'utf8' }).stdout)
    expect(isAlive(left)).toBe(true)
    process.kill(parent, 'SIGKILL')
    expect(await next()).toMatchObject({ phase: 'waiting', failure: { kind: 'killed', signal: 'SIGKILL' } })
    expect(isAlive(left)).toBe(false)
  })

  it('stops while it waits for the next start', async () => {
    const { service, until } = supervise('refuses', { backOffMs: () => 60_000 })
    await until('waiting')
    await service.stop()
    expect(service.state().phase).toBe('waiting')
  })

  it('bounds what it keeps of a service that shouts', async () => {
    const { until, service } = supervise('shouts')
    await until('running')
    await service.stop()
    expect(statSync(logPath).size + statSync(`${logPath}.1`).size).toBeLessThanOrEqual(200_000)
  })
})

describe('the service’s environment', () => {
  it('drops what would change how Node.js runs or where the service listens', () => {
    const kept = { PATH: '/bin', HOME: '/home/x', R_EMS_API_TOKEN: 't' }
    expect(
      serviceEnvironment({
        ...kept,
        NODE_OPTIONS: '--inspect',
        NODE_PATH: '/x',
        ELECTRON_RUN_AS_NODE: '1',
        R_EMS_API_PORT: '80',
        R_EMS_DATA_DIR: '/x',
      }),
    ).toEqual(kept)
  })
})
