import { type ReadyLine, readyLine, type ServiceFailure, type ServiceState } from '#contract/desktop.ts'
import { spawn, type ChildProcess } from 'node:child_process'
import type { Readable } from 'node:stream'
import { z } from 'zod'
import type { ServiceLog } from './service-log.ts'

export interface ServiceOptions {
  /** Program and arguments; it must print a ready line and end when its standard input ends. */
  readonly command: { readonly program: string; readonly args: readonly string[]; readonly cwd: string }
  readonly log: ServiceLog
  /** Called on every change. */
  readonly onState: (state: ServiceState) => void
  /** Wait before the next start, by the number of failures in a row (1 for the first), in ms. */
  readonly backOffMs?: (failures: number) => number
  /** How long a start may take, in ms. */
  readonly readyTimeoutMs?: number
  /** How long the service may take to end when asked, in ms. */
  readonly stopTimeoutMs?: number
  /** A service that ran this long was healthy: the next failure counts as the first again. In ms. */
  readonly healthyMs?: number
}

export interface SupervisedService {
  state(): ServiceState
  /** Ends the service for good; after the promise no process is left. */
  stop(): Promise<void>
}

const detailLimit = 2_000
const lineLimit = 20_000
/** What the service said last may still be in its pipes when it is gone; a process it left may hold them for ever. */
const drainMs = 200
/** Of the service's log (pino). */
const logLine = z.object({ level: z.number(), msg: z.string() })
const errorLevel = 50

/** 0.5 s, then twice as long each time, at most 30 s. */
export function doublingBackOffMs(failures: number): number {
  return Math.min(500 * 2 ** (failures - 1), 30_000)
}

/** Starts the service and keeps it running until it is stopped. */
export function superviseService(options: ServiceOptions): SupervisedService {
  const { command, log, backOffMs = doublingBackOffMs } = options
  const { readyTimeoutMs = 20_000, stopTimeoutMs = 1_500, healthyMs = 60_000 } = options
  let state: ServiceState = { phase: 'starting', restarts: 0, logPath: log.path }
  let failures = 0
  let stopping = false
  let child: ChildProcess | undefined
  let ended: Promise<void> = Promise.resolve()
  let retry: NodeJS.Timeout | undefined

  function publish(next: ServiceState): void {
    state = next
    options.onState(next)
  }

  function common(): Pick<ServiceState, 'restarts' | 'logPath' | 'failure'> {
    const { restarts, logPath, failure } = state
    return failure ? { restarts, logPath, failure } : { restarts, logPath }
  }

  function failed(failure: ServiceFailure): void {
    if (stopping) return
    failures += 1
    const delayMs = backOffMs(failures)
    const retryAtMs = Date.now() + delayMs
    publish({ phase: 'waiting', restarts: state.restarts, logPath: log.path, failure, retryAtMs })
    retry = setTimeout(() => {
      publish({ phase: 'starting', ...common(), restarts: state.restarts + 1 })
      start()
    }, delayMs)
  }

  function start(): void {
    let detail = ''
    let silent = false
    let ranSinceMs: number | undefined
    const started = spawn(command.program, command.args, {
      cwd: command.cwd,
      env: serviceEnvironment(process.env),
      // Its standard input stays open as long as the app lives: if the app is killed, the service sees the end of it.
      stdio: ['pipe', 'pipe', 'pipe'],
      // A process group of its own, so that nothing it started outlives it.
      detached: process.platform !== 'win32',
      windowsHide: true,
    })
    child = started
    started.stdin.on('error', () => {})

    const readyTimer = setTimeout(() => {
      silent = true
      started.kill('SIGKILL')
    }, readyTimeoutMs)

    const note = (line: string) => {
      log.append(`${line}\n`)
      const words = readableLine(line)
      if (words) detail = `${detail}${words}\n`.slice(-detailLimit)
    }
    readLines(started.stderr, note)
    readLines(started.stdout, (line) => {
      const ready = ranSinceMs === undefined ? parseReady(line) : undefined
      if (!ready) return note(line)
      clearTimeout(readyTimer)
      ranSinceMs = performance.now()
      const { url, signInCode } = ready
      if (!stopping) publish({ phase: 'running', url, ...(signInCode !== undefined && { signInCode }), ...common() })
    })

    ended = new Promise((resolve) => {
      started.on('error', (error) => {
        note(error.message)
        // Without a process ID it never ran, and no exit will follow.
        if (started.pid !== undefined) return
        clearTimeout(readyTimer)
        failed({ kind: 'missing', atMs: Date.now(), detail })
        resolve()
      })
      started.on('exit', (exitCode, signal) => {
        clearTimeout(readyTimer)
        killGroup(started.pid)
        resolve()
        const atMs = Date.now()
        if (ranSinceMs !== undefined && performance.now() - ranSinceMs >= healthyMs) failures = 0
        const drained = once(() => failed({ ...describeEnd(silent, exitCode, signal), atMs, detail }))
        started.on('close', drained)
        setTimeout(drained, drainMs)
      })
    })
  }

  start()
  return {
    state: () => state,
    async stop() {
      stopping = true
      clearTimeout(retry)
      if (!child || child.exitCode !== null || child.signalCode !== null) return ended
      const asked = child
      const kill = setTimeout(() => asked.kill('SIGKILL'), stopTimeoutMs)
      asked.stdin?.end()
      // On Windows this would be an immediate end; there the end of the standard input has to do.
      if (process.platform !== 'win32') asked.kill('SIGTERM')
      await ended
      clearTimeout(kill)
    },
  }
}

function describeEnd(
  silent: boolean,
  exitCode: number | null,
  signal: NodeJS.Signals | null,
): Pick<ServiceFailure, 'kind' | 'exitCode' | 'signal'> {
  if (silent) return { kind: 'silent' }
  if (signal) return { kind: 'killed', signal }
  return { kind: 'exited', exitCode: exitCode ?? 0 }
}

/** A line as a person wants to read it: no stack traces, of the JSON log only the errors' messages. */
function readableLine(line: string): string | undefined {
  if (/^\s+at |^Node\.js v/.test(line)) return undefined
  if (!line.startsWith('{')) return line
  try {
    const { level, msg } = logLine.parse(JSON.parse(line))
    return level >= errorLevel ? msg : undefined
  } catch {
    return line
  }
}

function parseReady(line: string): ReadyLine | undefined {
  if (!line.startsWith('{"ready":')) return undefined
  try {
    return readyLine.safeParse(JSON.parse(line)).data
  } catch {
    return undefined
  }
}

/** Lines of a stream; one longer than the limit comes in pieces, so that no line can fill the memory. */
function readLines(stream: Readable, onLine: (line: string) => void): void {
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    const lines = `${rest}${chunk}`.split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > lineLimit) {
      lines.push(rest)
      rest = ''
    }
    for (const line of lines) onLine(line)
  })
  stream.on('end', () => {
    if (rest) onLine(rest)
  })
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined || process.platform === 'win32') return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nothing was left.
  }
}

function once(run: () => void): () => void {
  let done = false
  return () => {
    if (!done) run()
    done = true
  }
}

const notPassedOn = new Set(['NODE_OPTIONS', 'NODE_PATH', 'R_EMS_API_PORT', 'R_EMS_DATA_DIR'])

/** The app's environment without what would change how Node.js runs or where the service listens and stores. */
export function serviceEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !name.startsWith('ELECTRON_') && !notPassedOn.has(name)),
  )
}
