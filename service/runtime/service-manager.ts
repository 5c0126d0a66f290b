import { type ChildProcess, spawn } from 'node:child_process'
import type { Clock } from '../domain/clock.ts'

/**
 * Tells systemd how the service is (sd_notify) and feeds its watchdog. Only completed cycles feed it: a service that hangs is
 * started anew, and the devices' own timers act meanwhile (S3). Needs NotifyAccess=all in the unit.
 */
export interface ServiceManager extends Disposable {
  ready(): void
  stopping(): void
  /** A cycle of this grid has handed its outputs over. */
  cycleCompleted(gridId: string): void
}

/** Node.js opens no datagram sockets of the system, so a shell hands each line on. It ends with its input. */
const relay = 'while read -r line; do systemd-notify "$line" 2>/dev/null; done'

/** Without a service manager that listens, everything here does nothing. */
export function createServiceManager(options: {
  environment: NodeJS.ProcessEnv
  /** The grids and the periods of their cycles. */
  grids: readonly { readonly id: string; readonly cycleMs: number }[]
  clock: Clock
}): ServiceManager {
  const { environment, grids, clock } = options
  const gridIds = grids.map(({ id }) => id)
  const helper = environment['NOTIFY_SOCKET'] === undefined ? undefined : startRelay(environment)
  const givenMs = Number(environment['WATCHDOG_USEC'] ?? NaN) / 1000
  // A watchdog that is shorter than a cycle would only ever restart us.
  const watchdogMs = Math.max(givenMs, ...grids.map(({ cycleMs }) => cycleMs * 3))
  const waitingFor = new Set(gridIds)
  let fedMs = -Infinity

  const say = (line: string): void => void helper?.stdin?.write(`${line}\n`)

  return {
    ready() {
      if (watchdogMs > givenMs) say(`WATCHDOG_USEC=${watchdogMs * 1000}`)
      say('READY=1')
    },
    stopping: () => say('STOPPING=1'),
    cycleCompleted(gridId) {
      if (!(watchdogMs > 0)) return
      waitingFor.delete(gridId)
      if (waitingFor.size > 0 || clock.monotonicMs() - fedMs < watchdogMs / 4) return
      fedMs = clock.monotonicMs()
      for (const id of gridIds) waitingFor.add(id)
      say('WATCHDOG=1')
    },
    [Symbol.dispose]: () => void helper?.stdin?.end(),
  }
}

function startRelay(environment: NodeJS.ProcessEnv): ChildProcess {
  // The watchdog's variables are for this process only.
  const { WATCHDOG_PID: _pid, WATCHDOG_USEC: _usec, ...rest } = environment
  const helper = spawn('/bin/sh', ['-c', relay], { stdio: ['pipe', 'ignore', 'ignore'], env: rest })
  // A notification that is lost ends in a restart by the watchdog, not in a crash.
  helper.on('error', () => undefined)
  helper.stdin?.on('error', () => undefined)
  helper.unref()
  return helper
}
