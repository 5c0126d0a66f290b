import type { SerialAddress } from '../../../service/drivers/modbus/address.ts'
import type { Timeline } from './timeline.ts'

export type LineSettings = Pick<SerialAddress, 'baud' | 'parity' | 'stopBits'>

export interface StationOptions {
  readonly settings: LineSettings
  /** A character as this station's receiver understands it. */
  receive(byte: number, atMs: number): void
}

/** A transmitter and receiver on the line. */
export interface Station {
  settings: LineSettings
  /** Queues the bytes behind what is being sent. Returns when the last stop bit ends. */
  send(bytes: Uint8Array): number
  /** When the last stop bit of what was queued ends. */
  busyUntilMs(): number
}

/** One character on the line: levels of its bits, the start bit first. */
interface Character {
  readonly from: Receiver
  readonly startMs: number
  readonly endMs: number
  readonly bitMs: number
  readonly bits: readonly number[]
}

interface Receiver extends StationOptions {
  settings: LineSettings
  /** From here on a falling edge is a start bit. */
  readyMs: number
  sentUntilMs: number
}

export interface Line {
  attach(options: StationOptions): Station
}

export function characterMs({ baud, parity, stopBits }: LineSettings): number {
  return ((9 + (parity === 'none' ? 0 : 1) + stopBits) * 1000) / baud
}

/** Silence between frames: 3.5 characters, fixed above 19200 baud. */
export function silenceMs(settings: LineSettings): number {
  return settings.baud > 19_200 ? 1.75 : 3.5 * characterMs(settings)
}

/**
 * A half-duplex line, bit by bit. Each receiver samples the common level in the middle of the bits it expects, so that other
 * baud rates, parities and overlapping senders garble what is heard without a rule of their own. Where two senders
 * disagree, the zero wins: real drivers fight, with a result that nobody can foretell.
 */
export function createLine(timeline: Timeline): Line {
  const receivers: Receiver[] = []
  /** By start. */
  let characters: Character[] = []
  let wakeMs = Number.POSITIVE_INFINITY

  function level(listener: Receiver, atMs: number): number {
    for (const { from, startMs, endMs, bitMs, bits } of characters) {
      if (startMs > atMs) break
      if (from !== listener && atMs < endMs && bits[Math.floor((atMs - startMs) / bitMs)] === 0) return 0
    }
    return 1
  }

  /** The next fall of the level that this receiver would take for a start bit. */
  function nextFall(listener: Receiver): number | undefined {
    let fallMs: number | undefined
    for (const { from, startMs, endMs, bitMs, bits } of characters) {
      if (fallMs !== undefined && startMs > fallMs) break
      if (from === listener || endMs <= listener.readyMs) continue
      for (let bit = 0; bit < bits.length; bit++) {
        const atMs = startMs + bit * bitMs
        if (bits[bit] !== 0 || atMs < listener.readyMs || (fallMs !== undefined && atMs >= fallMs)) continue
        if (level(listener, atMs - 1e-6) === 1) fallMs = atMs
      }
    }
    return fallMs
  }

  /** When the receiver samples the stop bit of a character that starts there. */
  function lastSampleMs({ settings }: Receiver, startMs: number): number {
    return startMs + ((settings.parity === 'none' ? 9.5 : 10.5) * 1000) / settings.baud
  }

  /** Takes one character in. Undefined for a wrong parity or stop bit: serialport has the kernel drop those. */
  function sample(listener: Receiver, startMs: number): number | undefined {
    const { baud, parity } = listener.settings
    const at = (bit: number): number => level(listener, startMs + ((bit + 0.5) * 1000) / baud)
    let byte = 0
    let ones = 0
    for (let bit = 0; bit < 8; bit++) {
      const one = at(1 + bit)
      byte |= one << bit
      ones += one
    }
    if (parity !== 'none' && ((ones + at(9)) & 1) !== (parity === 'odd' ? 1 : 0)) return undefined
    return at(parity === 'none' ? 9 : 10) === 1 ? byte : undefined
  }

  function listen(listener: Receiver, untilMs: number): void {
    for (;;) {
      // Its own transmitter switches the receiver off.
      listener.readyMs = Math.max(listener.readyMs, Math.min(listener.sentUntilMs, untilMs))
      const startMs = nextFall(listener)
      if (startMs === undefined || startMs > untilMs) {
        listener.readyMs = Math.max(listener.readyMs, untilMs)
        return
      }
      const sampleMs = lastSampleMs(listener, startMs)
      if (sampleMs > untilMs) {
        listener.readyMs = startMs
        return
      }
      const byte = sample(listener, startMs)
      listener.readyMs = sampleMs
      if (byte !== undefined) listener.receive(byte, sampleMs)
    }
  }

  function run(): void {
    wakeMs = Number.POSITIVE_INFINITY
    const nowMs = timeline.nowMs()
    for (const receiver of receivers) listen(receiver, nowMs)
    const horizonMs = Math.min(...receivers.map(({ readyMs }) => readyMs))
    characters = characters.filter(({ endMs }) => endMs > horizonMs)
    wake()
  }

  function wake(): void {
    let dueMs = Number.POSITIVE_INFINITY
    for (const receiver of receivers) {
      const startMs = nextFall(receiver)
      if (startMs !== undefined) dueMs = Math.min(dueMs, lastSampleMs(receiver, startMs))
    }
    if (dueMs >= wakeMs) return
    wakeMs = dueMs
    timeline.at(dueMs, run)
  }

  function send(from: Receiver, bytes: Uint8Array): number {
    const { baud, parity, stopBits } = from.settings
    const bitMs = 1000 / baud
    let startMs = Math.max(timeline.nowMs(), from.sentUntilMs)
    for (const byte of bytes) {
      const data = Array.from({ length: 8 }, (_, bit) => (byte >> bit) & 1)
      const odd = data.reduce((sum, bit) => sum + bit, 0) & 1
      const check = parity === 'none' ? [] : [parity === 'even' ? odd : 1 - odd]
      const bits = [0, ...data, ...check, ...Array.from({ length: stopBits }, () => 1)]
      const endMs = startMs + bits.length * bitMs
      characters.push({ from, startMs, endMs, bitMs, bits })
      startMs = endMs
    }
    from.sentUntilMs = startMs
    characters = characters.toSorted((a, b) => a.startMs - b.startMs)
    wake()
    return startMs
  }

  return {
    attach(options) {
      const receiver: Receiver = { ...options, receive: options.receive, readyMs: timeline.nowMs(), sentUntilMs: 0 }
      receivers.push(receiver)
      return {
        get settings() {
          return receiver.settings
        },
        set settings(settings) {
          receiver.settings = settings
        },
        send: (bytes) => send(receiver, bytes),
        busyUntilMs: () => receiver.sentUntilMs,
      }
    },
  }
}
