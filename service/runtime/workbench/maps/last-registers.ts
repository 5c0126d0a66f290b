import { createFrameDecoder } from '../../../commissioning/frames/frame-decoder.ts'
import type { Clock } from '../../../domain/clock.ts'
import type { ReadOnlyBus } from '../../../drivers/modbus/bus.ts'
import type { RegisterFunction } from '../../../pointmap/types.ts'
import type { SiteDeviceEntry } from '../../site-runtime.ts'

/** One register with the time at which it was read. */
export interface TimedWord {
  readonly word: number
  readonly atMs: number
}

/** Registers by function and address. */
export interface TimedWords {
  /** Whether there is one. */
  readonly any: boolean
  get(fn: RegisterFunction, address: number): TimedWord | undefined
}

/** A request as it went over the bus. */
export interface SeenRead {
  readonly function: RegisterFunction
  readonly address: number
  readonly count: number
  /** Newest last, from request to answer. */
  readonly answersMs: readonly number[]
  readonly asked: number
  readonly refused: number
}

export interface LastRegisters extends Disposable {
  /** What a device of the site has sent last: the raw words of its readings, and every register of newer answers. */
  wordsOf(entry: SiteDeviceEntry): TimedWords
  readsOf(entry: SiteDeviceEntry): readonly SeenRead[]
}

interface Unit {
  readonly words: Map<string, TimedWord>
  readonly reads: Map<string, { answersMs: number[]; asked: number; refused: number } & Omit<SeenRead, 'answersMs'>>
}

interface Tap {
  readonly units: Map<number, Unit>
  readonly bus: Pick<ReadOnlyBus, 'tap'>
  askedMs: number
  stop(): void
}

const functions: Readonly<Record<number, RegisterFunction>> = { 1: 'coil', 2: 'discrete', 3: 'holding', 4: 'input' }
/** A bus that nobody asks about is let go of. */
const forgottenMs = 60_000
const mostWords = 20_000
const mostReads = 1000
const answersKept = 20

/**
 * Keeps what devices of the site send anyway, so that the text of a map can be held against it without another read. A bus is
 * tapped while somebody edits a map.
 */
export function createLastRegisters(options: {
  clock: Clock
  buses: ReadonlyMap<string, Pick<ReadOnlyBus, 'tap'>>
}): LastRegisters {
  const { clock, buses } = options
  const taps = new Map<string, Tap>()

  function open(name: string, bus: Tap['bus']): Tap {
    const decoder = createFrameDecoder()
    const requests = new Map<number, number>()
    const units = new Map<number, Unit>()
    const stop = bus.tap((event) => {
      if (clock.monotonicMs() - tap.askedMs > forgottenMs) {
        tap.stop()
        taps.delete(name)
        return
      }
      const frame = decoder.decode(event, clock.monotonicMs())
      const fn = functions[frame.fc ?? 0]
      if (frame.role === 'request') {
        requests.set(frame.number, frame.atMs)
        // Those that were never answered.
        for (const number of requests.keys()) if (number < frame.number - 256) requests.delete(number)
        return
      }
      const { address, answers, unitId, values, role } = frame
      if (!fn || address === undefined || answers === undefined || unitId === undefined) return
      const sentMs = requests.get(answers)
      requests.delete(answers)
      let unit = units.get(unitId)
      if (!unit) units.set(unitId, (unit = { words: new Map(), reads: new Map() }))
      const count = frame.count ?? values?.length ?? 0
      const key = `${fn} ${address} ${count}`
      let read = unit.reads.get(key)
      if (!read) {
        if (unit.reads.size >= mostReads) unit.reads.delete(unit.reads.keys().next().value ?? '')
        unit.reads.set(key, (read = { function: fn, address, count, answersMs: [], asked: 0, refused: 0 }))
      }
      read.asked += 1
      if (role === 'exception') read.refused += 1
      if (role !== 'answer' || !values) return
      if (sentMs !== undefined) read.answersMs.push(frame.endMs - sentMs)
      if (read.answersMs.length > answersKept) read.answersMs.shift()
      const atMs = clock.nowMs()
      if (unit.words.size > mostWords) unit.words.clear()
      for (const [index, word] of values.entries()) unit.words.set(`${fn} ${address + index}`, { word, atMs })
    })
    const tap: Tap = { units, bus, askedMs: clock.monotonicMs(), stop }
    return tap
  }

  function unitOf(entry: SiteDeviceEntry): Unit | undefined {
    const bus = buses.get(entry.bus)
    if (!bus) return undefined
    let tap = taps.get(entry.bus)
    if (!tap) taps.set(entry.bus, (tap = open(entry.bus, bus)))
    tap.askedMs = clock.monotonicMs()
    return tap.units.get(entry.config.unitId)
  }

  return {
    wordsOf(entry) {
      const words = new Map<string, TimedWord>()
      const readings = entry.device.readings()
      for (const point of entry.device.bound()?.points ?? []) {
        const reading = readings.get(point.name)
        for (const [index, word] of (reading?.raw ?? []).entries())
          if (reading) words.set(`${point.function} ${point.addresses[index]}`, { word, atMs: reading.atMs })
      }
      for (const [key, word] of unitOf(entry)?.words ?? []) words.set(key, word)
      return { any: words.size > 0, get: (fn, address) => words.get(`${fn} ${address}`) }
    },
    readsOf: (entry) => [...(unitOf(entry)?.reads.values() ?? [])],
    [Symbol.dispose]() {
      for (const tap of taps.values()) tap.stop()
      taps.clear()
    },
  }
}
