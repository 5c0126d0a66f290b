import type { HeardFrame } from '#contract/workbench-listen.ts'
import type { BusFrames } from '#contract/workbench-registers.ts'
import { EdgeError } from '#contract/errors.ts'
import { createPcapngWriter } from '../../commissioning/capture/pcapng-writer.ts'
import { createFrameDecoder } from '../../commissioning/frames/frame-decoder.ts'
import type { ListenFrame } from '../../commissioning/listen/types.ts'
import type { Clock } from '../../domain/clock.ts'
import type { ReadOnlyBus } from '../../drivers/modbus/bus.ts'

type TappedBus = Pick<ReadOnlyBus, 'name' | 'tap'>

/** The frames of buses that this service uses, decoded. A bus is tapped when somebody first asks. */
export interface FrameLogs extends Disposable {
  buses(): string[]
  /** The oldest that are kept from `after` on. Throws bus.unknown. */
  read(bus: string, after: number): BusFrames
  /** What is kept, for Wireshark. Throws bus.unknown. */
  pcapng(bus: string): Buffer
}

interface Log {
  readonly bus: TappedBus
  readonly frames: ListenFrame[]
  /** Number of frames[0]. */
  first: number
  askedMs: number
  stop(): void
}

const kept = 20_000
/** In one answer. */
const mostAtOnce = 1000
/** A log that nobody asks for is given up. */
const forgottenMs = 60_000
const lookEveryMs = 10_000

export function createFrameLogs(options: {
  clock: Clock
  /** That are in use now. */
  buses(): Iterable<TappedBus>
  application: string
}): FrameLogs {
  const { clock, buses, application } = options
  const logs = new Map<string, Log>()
  const over = new AbortController()
  let looking = false

  async function look(): Promise<void> {
    looking = true
    while (logs.size > 0 && !over.signal.aborted) {
      await clock.sleep(lookEveryMs, over.signal).catch(() => undefined)
      for (const [name, log] of logs) {
        if (clock.monotonicMs() - log.askedMs < forgottenMs) continue
        log.stop()
        logs.delete(name)
      }
    }
    looking = false
  }

  function open(bus: TappedBus): Log {
    const decoder = createFrameDecoder()
    const frames: ListenFrame[] = []
    // Finer than the wall clock, for the time that answers take.
    const offsetMs = clock.nowMs() - clock.monotonicMs()
    const log: Log = { bus, frames, first: 0, askedMs: 0, stop: () => undefined }
    log.stop = bus.tap((event) => {
      frames.push(decoder.decode(event, offsetMs + clock.monotonicMs()))
      if (frames.length < kept + mostAtOnce) return
      frames.splice(0, mostAtOnce)
      log.first += mostAtOnce
    })
    return log
  }

  function find(name: string): Log {
    const bus = [...buses()].find((one) => one.name === name)
    let log = logs.get(name)
    // A bus that was closed and opened again is another one.
    if (log && bus && log.bus !== bus) {
      log.stop()
      logs.delete(name)
      log = undefined
    }
    if (!log) {
      if (!bus) throw new EdgeError('bus.unknown', `this service does not use the bus ${name} now`)
      logs.set(name, (log = open(bus)))
    }
    log.askedMs = clock.monotonicMs()
    if (!looking) void look()
    return log
  }

  return {
    buses: () => [...new Set([...buses()].map(({ name }) => name))],
    read(name, after) {
      const { frames, first } = find(name)
      // A number from before the log began anew is none of this one.
      const from = after > first + frames.length ? first : Math.max(first, after)
      const chosen = frames.slice(from - first, from - first + mostAtOnce)
      return { bus: name, frames: chosen.map(message), next: from + chosen.length, missed: Math.max(0, first - after) }
    },
    pcapng(name) {
      const writer = createPcapngWriter(application)
      return Buffer.concat([writer.header(), ...find(name).frames.map((frame) => writer.packet(frame))])
    },
    [Symbol.dispose]() {
      over.abort()
      for (const log of logs.values()) log.stop()
      logs.clear()
    },
  }
}

function message(frame: ListenFrame): HeardFrame {
  const { roleBy: _roleBy, transaction: _transaction, written: _written, values, ...rest } = frame
  return { ...rest, ...(values && { values: [...values] }) }
}
