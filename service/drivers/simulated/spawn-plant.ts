import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type Endpoint, type PlantCommand, type PlantReport, plantReport } from './plant-command.ts'

export interface PlantProcess extends AsyncDisposable {
  readonly pid: number
  /** What the process bound and reported. */
  readonly devices: Readonly<Record<string, Endpoint>>
  /** How the process ended; never rejects. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
  /** Resolves when the plant has carried it out; rejects when it refused or ended. */
  send(command: PlantCommand): Promise<void>
}

export interface SpawnPlantOptions {
  /** The executable of the plant: service/plant.ts, or what it was built into. */
  readonly entry: URL | string
  readonly nodePath: string
  readonly args?: readonly string[]
  /** Ends the process when aborted. */
  readonly signal?: AbortSignal
  /** Gets what the process writes to standard error, line by line. */
  readonly log?: (line: string) => void
}

const readyWithinMs = 10_000
const stopWithinMs = 800

/** Starts a plant process that ends with this one, and resolves when all its devices listen. */
export async function spawnPlant(options: SpawnPlantOptions): Promise<PlantProcess> {
  options.signal?.throwIfAborted()
  const entry = options.entry instanceof URL ? fileURLToPath(options.entry) : options.entry
  const child = spawn(options.nodePath, [entry, '--exit-with-parent', ...(options.args ?? [])], {
    stdio: ['pipe', 'pipe', 'pipe'],
    windowsHide: true,
  })
  // Writing to a process that has just ended is seen at `exited`.
  child.stdin.on('error', () => undefined)
  const failed = Promise.withResolvers<never>()
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
    child.once('error', (cause) => {
      failed.reject(new Error(`the plant could not be started with ${options.nodePath}`, { cause }))
      resolve({ code: null, signal: null })
    })
  })
  failed.promise.catch(() => undefined)

  let lastError = ''
  createInterface({ input: child.stderr }).on('line', (line) => {
    lastError = line.slice(0, 500)
    options.log?.(lastError)
  })

  const waiting: ((report: PlantReport | undefined) => void)[] = []
  /** The next line the plant says; undefined when it ends first. */
  const nextReport = () => new Promise<PlantReport | undefined>((resolve) => waiting.push(resolve))
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.(parseReport(line)))
  child.once('close', () => {
    for (const resolve of waiting.splice(0)) resolve(undefined)
  })

  async function stop(): Promise<void> {
    child.stdin.end()
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), stopWithinMs)
    await exited
    clearTimeout(timer)
  }
  const abort = () => void stop()
  options.signal?.addEventListener('abort', abort, { once: true })
  void exited.then(() => options.signal?.removeEventListener('abort', abort))

  const late = setTimeout(() => child.kill('SIGKILL'), readyWithinMs)
  const ready = await Promise.race([nextReport(), failed.promise]).finally(() => clearTimeout(late))
  if (ready?.plant !== 'ready') {
    await stop()
    throw new Error(`the plant did not start${lastError && `: ${lastError}`}`)
  }

  return {
    pid: ready.pid,
    devices: ready.devices,
    exited,
    async send(command) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error('the plant has ended')
      const answered = nextReport()
      child.stdin.write(`${JSON.stringify(command)}\n`)
      const answer = await answered
      if (answer?.plant === 'refused') throw new Error(answer.message)
      if (answer?.plant !== 'done') throw new Error('the plant has ended')
    },
    [Symbol.asyncDispose]: stop,
  }
}

function parseReport(line: string): PlantReport | undefined {
  try {
    return plantReport.parse(JSON.parse(line))
  } catch {
    return undefined
  }
}
