import { closeSync, openSync, realpathSync, writeSync } from 'node:fs'
import { parseCommandLine, UsageError } from '../args.ts'
import { createCaptureSource } from '../commissioning/capture/capture-source.ts'
import { createPcapngWriter } from '../commissioning/capture/pcapng-writer.ts'
import { type Detected, detectSettings } from '../commissioning/listen/detect-settings.ts'
import { createListening } from '../commissioning/listen/listening.ts'
import { createSerialSource } from '../commissioning/listen/serial-source.ts'
import type { ListenFrame, ListenPair, ListenSource } from '../commissioning/listen/types.ts'
import { likelySettings, settingsText } from '../commissioning/scan/likely.ts'
import { parseBusAddress, type SerialAddress } from '../drivers/modbus/address.ts'
import { systemClock } from '../runtime/system-clock.ts'
import { findHolder } from './holder.ts'
import { createLibrary } from './library.ts'
import { mapFlags, parseWhole } from './options.ts'
import { describeSniff, frameLine } from './sniff-report.ts'
import { type Command, CommandFailure, exitCode, type Terminal } from './terminal.ts'

const usage = `usage: r-emsctl sniff --port PATH [--baud auto|N] [--parity N|E|O] [--stopbits 1|2] [--seconds N]
                      [--pcap FILE] [--maps FOLDER] [--json]
       r-emsctl sniff --read FILE [--pcap FILE] [--maps FOLDER] [--json]

Listens to what a foreign client asks on a serial line, and draws the register map from it. Sends nothing.
  --port PATH       serial port
  --baud auto|N     auto (the default) finds the settings by listening
  --parity N|E|O    with a baud rate; default N
  --stopbits 1|2    with a baud rate; default 1
  --seconds N       ends by itself; without, Ctrl-C ends it
  --read FILE       a capture instead: pcap, pcapng, or a text with bytes in hex, one chunk per line
  --pcap FILE       writes every frame to a pcapng file that Wireshark opens
  --maps FOLDER     own point maps, in front of those of the package
Exit code: 0 done, 1 the capture is damaged (what it has is shown) or the port failed, 3 nothing was heard.
`

/** Frames and pairs that --json has; of more, the first. */
const mostListed = 100_000
const longestS = 7 * 86_400

export const sniff: Command = {
  summary: 'what a foreign client asks on a line, without sending anything',
  usage,
  async run(args, terminal) {
    const { values } = parseCommandLine({
      args,
      options: {
        ...mapFlags,
        port: { type: 'string' },
        baud: { type: 'string' },
        parity: { type: 'string' },
        stopbits: { type: 'string' },
        seconds: { type: 'string' },
        read: { type: 'string' },
        pcap: { type: 'string' },
        json: { type: 'boolean' },
      },
      strict: true,
    })
    const seconds = values.seconds === undefined ? undefined : parseWhole(values.seconds, '--seconds', 1, longestS)
    if ((values.port === undefined) === (values.read === undefined))
      throw new UsageError('give either --port or --read')
    const library = createLibrary(values.maps)
    if (values.read !== undefined) {
      for (const flag of ['baud', 'parity', 'stopbits', 'seconds'] as const)
        if (values[flag] !== undefined) throw new UsageError(`--${flag} belongs to --port`)
      checkPcap(values.pcap, values.read)
      return listen(createCaptureSource(values.read), library, values, terminal)
    }
    const address = parseSettings(values.port!, values)
    await refuseHeld(address ?? parseSettings(values.port!, { baud: '9600' })!, terminal)
    const known = address ?? (await findSettings(values.port!, terminal))
    terminal.signal.throwIfAborted()
    return listen(createSerialSource({ address: known, clock: systemClock }), library, { ...values, seconds }, terminal)
  },
}

interface SettingFlags {
  readonly baud?: string | undefined
  readonly parity?: string | undefined
  readonly stopbits?: string | undefined
}

/** Undefined when they are to be found out. */
export function parseSettings(
  path: string,
  { baud = 'auto', parity, stopbits }: SettingFlags,
): SerialAddress | undefined {
  if (baud === 'auto') {
    if ((parity ?? stopbits) !== undefined) throw new UsageError('--parity and --stopbits need a baud rate')
    return undefined
  }
  const rate = parseWhole(baud, '--baud', 300, 1_000_000)
  if (!/^[NEO]$/i.test(parity ?? 'N')) throw new UsageError(`--parity: "${parity}" is not N, E or O`)
  if (!/^[12]$/.test(stopbits ?? '1')) throw new UsageError(`--stopbits: "${stopbits}" is not 1 or 2`)
  const settings = `baud=${rate}&parity=${parity ?? 'N'}&stopbits=${stopbits ?? '1'}`
  if (/[?&]/.test(path)) throw new UsageError(`--port: "${path}" is no path of a serial port`)
  const address = parseBusAddress(`rtu:///${path.replace(/^\//, '')}?${settings}`)
  if (address.kind !== 'rtu') throw new UsageError(`--port: "${path}" is no serial port`)
  return address
}

/** Two programs on one port would take the bytes away from each other. */
async function refuseHeld(address: SerialAddress, terminal: Terminal): Promise<void> {
  const holder = await findHolder(address, terminal.environment)
  if (!holder) return
  const why = `the service at ${holder.url} holds ${address.path}`
  throw new CommandFailure(exitCode.refused, `${why}; stop polling there before listening`)
}

/** Finds the settings of a line on which somebody speaks, by listening only. */
export function detectByListening(path: string, terminal: Terminal): Promise<Detected> {
  return detectSettings({
    openAt: (settings) => createSerialSource({ address: { kind: 'rtu', path, ...settings }, clock: systemClock }),
    candidates: likelySettings,
    clock: systemClock,
    signal: terminal.signal,
    trying: (settings) => terminal.err(`listening at ${settingsText(settings)}\n`),
  })
}

async function findSettings(path: string, terminal: Terminal): Promise<SerialAddress> {
  const detected = await detectByListening(path, terminal)
  terminal.signal.throwIfAborted()
  if (detected.found !== 'settings') throw new CommandFailure(exitCode.noAnswer, `${path}: ${detected.summary}`)
  terminal.err(`${detected.evidence}\n`)
  return { kind: 'rtu', path, ...detected.settings }
}

interface ListenFlags {
  readonly seconds?: number | string | undefined
  readonly pcap?: string | undefined
  readonly json?: boolean | undefined
}

async function listen(
  source: ListenSource,
  library: ReturnType<typeof createLibrary>,
  { seconds, pcap, json }: ListenFlags,
  terminal: Terminal,
): Promise<number> {
  const { maps, broken } = library.all()
  for (const { id, reason } of broken) terminal.err(`the map ${id} is left out: ${reason}\n`)
  const frames: ListenFrame[] = []
  const pairs: ListenPair[] = []
  let framesLeftOut = 0
  await using listening = createListening({
    source,
    clock: systemClock,
    library: { maps, sunspecModels: library.sunspecModels() },
    keptFrames: 0,
  })
  using file = pcap === undefined ? undefined : openPcap(pcap)
  listening.onFrame((frame) => {
    file?.write(frame)
    if (json && frames.length < mostListed) frames.push(frame)
    else if (json) framesLeftOut++
    else if (source.live) terminal.out(frameLine(frame))
  })
  listening.onPair((pair) => void (pairs.length < mostListed && pairs.push(pair)))
  await listening.opened
  const interrupted = await over(listening.ended, seconds, terminal.signal)
  await listening[Symbol.asyncDispose]()
  const snapshot = listening.snapshot()
  const { recentFrames: _, recentPairs: __, ...rest } = snapshot
  const map = snapshot.map.map((entry) => ({ ...entry, periodMs: entry.periodMs ?? null }))
  terminal.out(
    json
      ? `${JSON.stringify({ ...rest, frames, framesLeftOut, pairs, counts: rest.frames, map })}\n`
      : describeSniff(snapshot),
  )
  const problem = file?.problem ?? (snapshot.end?.complete === false ? snapshot.end.reason : undefined)
  if (problem !== undefined) throw new CommandFailure(exitCode.failed, problem)
  if (snapshot.end?.reason !== undefined) terminal.err(`${snapshot.end.reason}\n`)
  if (snapshot.bytes === 0) throw new CommandFailure(exitCode.noAnswer, snapshot.summary)
  return interrupted && seconds !== undefined ? exitCode.interrupted : exitCode.done
}

/** Resolves when the source has ended, the time is over, or a person ends it, which is true. */
async function over(
  ended: Promise<unknown>,
  seconds: number | string | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  const settled = new AbortController()
  const stop = AbortSignal.any([settled.signal, signal])
  const limitMs = (seconds === undefined ? longestS : Number(seconds)) * 1000
  await Promise.race([ended, systemClock.sleep(limitMs, stop).catch(() => undefined)])
  settled.abort()
  return signal.aborted
}

function checkPcap(pcap: string | undefined, read: string): void {
  const real = (path: string): string | undefined => {
    try {
      return realpathSync(path)
    } catch {
      return undefined
    }
  }
  if (pcap !== undefined && real(pcap) !== undefined && real(pcap) === real(read))
    throw new UsageError('--pcap would overwrite the capture that is read')
}

interface PcapFile extends Disposable {
  write(frame: ListenFrame): void
  /** Why writing ended early. */
  readonly problem: string | undefined
}

/** Written frame by frame, so that it is whole whenever listening ends. */
function openPcap(path: string): PcapFile {
  const writer = createPcapngWriter('R-EMS')
  let problem: string | undefined
  let descriptor: number
  const explain = (error: unknown): string => `${path} cannot be written: ${(error as Error).message}`
  try {
    descriptor = openSync(path, 'w')
    writeSync(descriptor, writer.header())
  } catch (error) {
    throw new CommandFailure(exitCode.failed, explain(error), { cause: error })
  }
  return {
    write(frame) {
      if (problem !== undefined) return
      try {
        writeSync(descriptor, writer.packet(frame))
      } catch (error) {
        problem = explain(error)
      }
    },
    get problem() {
      return problem
    },
    [Symbol.dispose]: () => closeSync(descriptor),
  }
}
