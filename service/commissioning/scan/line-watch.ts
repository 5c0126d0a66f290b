import type { Clock } from '../../domain/clock.ts'
import type { SerialAddress } from '../../drivers/modbus/address.ts'
import { characterMs, openSerialStream, type OpenSerial } from '../../drivers/modbus/serial-port.ts'
import type { ByteStream, StreamEvents } from '../../drivers/modbus/wire.ts'
import { foreignFrame, isGlitch, mayGoOn, ownerOf, requestOf, type Sent, takeOwn } from './heard.ts'

/** An answer to a request of ours, when it came late too. */
export interface HeardAnswer {
  readonly unitId: number
  /** From the end of the request to the first byte. */
  readonly latencyMs: number
  /** An answer to the same request came before: two devices have this ID. */
  readonly again: boolean
}

/**
 * Hears everything on a serial line that a bus works on, before the bus does: what was sent, what answers it, and what
 * nobody here asked for.
 */
export interface LineWatch extends AsyncDisposable {
  /** For the bus that is to work on this line. */
  readonly openSerial: OpenSerial
  /** Opens the port without sending anything; the bus then takes this one over. */
  open(address: SerialAddress, signal: AbortSignal): Promise<void>
  /** What was heard of somebody else, in words; then nothing must be sent any more. */
  readonly foreign: string | undefined
  /** Why the port is gone, when that was not our doing. */
  readonly lost: string | undefined
  /** Aborted as soon as somebody else is heard. */
  readonly signal: AbortSignal
  /** Bytes heard, of all kinds. */
  readonly bytes: number
  /** Of those, single ones that came to nothing. */
  readonly glitches: number
  /** Of those, what somebody else has said. */
  readonly strange: number
  /** IDs of requests whose answers came in pieces. */
  readonly torn: Set<number>
  /**
   * Waits until what is being said has ended. True when what came then is damaged: neither an answer nor a frame of
   * anybody.
   */
  settle(): Promise<boolean>
  /** What was heard is somebody else's after all. `count`: bytes, when it is more than the last piece. */
  accuse(count?: number): void
  onAnswer: (answer: HeardAnswer) => void
}

/** So long an answer may be on its way. */
const rememberedMs = 3000
/** No frame is longer. */
const longestPiece = 512
/** More than USB adapters hold bytes back for, by default. */
const quietMs = 20

export function createLineWatch(clock: Clock, openPort: OpenSerial = openSerialStream): LineWatch {
  const stop = new AbortController()
  let address: SerialAddress | undefined
  let stream: ByteStream | undefined
  /** The bus that has taken the port. */
  let taker: StreamEvents | undefined
  let lost: string | undefined
  let sent: Sent[] = []
  let heard: Buffer = Buffer.alloc(0)
  let damaged: Buffer = heard
  let heardFromMs = 0
  let heardLastMs = Number.NEGATIVE_INFINITY
  let bytes = 0
  let glitches = 0
  let strange = 0
  let foreign: string | undefined
  const torn = new Set<number>()

  function accuse(what: string, count: number): void {
    foreign ??= what
    strange += count
    stop.abort()
  }

  function listen(chunk: Buffer): void {
    const nowMs = clock.monotonicMs()
    bytes += chunk.length
    if (foreign !== undefined) return
    if (heard.length === 0) heardFromMs = nowMs
    heardLastMs = nowMs
    const { answers, rest } = takeOwn(Buffer.concat([heard, chunk]), sent)
    heard = rest
    for (const entry of answers) {
      entry.answers++
      const latencyMs = Math.max(0, heardFromMs - entry.endMs)
      watch.onAnswer({ unitId: entry.unitId, latencyMs, again: entry.answers > 1 })
    }
    if (heard.length === 0) return
    if (answers.length > 0) heardFromMs = nowMs
    // A whole frame of somebody else needs no more thought.
    const known = mayGoOn(heard, sent) ? undefined : foreignFrame(heard)
    if (known !== undefined) accuse(`${known} was heard`, heard.length)
    else if (heard.length > longestPiece) accuse('bytes without end were heard', heard.length)
  }

  const events: StreamEvents = {
    data(chunk) {
      listen(chunk)
      taker?.data(chunk)
    },
    closed(reason) {
      lost = reason
      stream = undefined
      taker?.closed(reason)
    },
  }

  async function open(wanted: SerialAddress, signal: AbortSignal): Promise<ByteStream> {
    const opened = await openPort(wanted, events, signal)
    lost = undefined
    address = wanted
    stream = opened
    return opened
  }

  const same = (a: SerialAddress | undefined, b: SerialAddress): boolean =>
    a?.path === b.path && a.baud === b.baud && a.parity === b.parity && a.stopBits === b.stopBits

  function note(frame: Buffer): void {
    const nowMs = clock.monotonicMs()
    const request = requestOf(frame)
    sent = sent.filter(({ endMs }) => nowMs - endMs < rememberedMs)
    if (request)
      sent.push({
        unitId: frame[0]!,
        request,
        frame: Buffer.from(frame),
        endMs: nowMs + frame.length * (address ? characterMs(address) : 0),
        answers: 0,
      })
  }

  /** How long what is being said may still go on, in ms. */
  const restlessMs = (): number =>
    heard.length === 0 || lost !== undefined ? 0 : heardLastMs + quietMs - clock.monotonicMs()

  /** What stayed over when the line fell silent. */
  function judge(): boolean {
    const piece = heard
    heard = Buffer.alloc(0)
    if (piece.length === 0) return false
    const owner = ownerOf(piece, sent)
    if (owner) torn.add(owner.unitId)
    else if (isGlitch(piece)) glitches += piece.length
    else damaged = piece
    return owner === undefined && !isGlitch(piece)
  }

  const watch: LineWatch = {
    signal: stop.signal,
    torn,
    onAnswer: () => undefined,
    get foreign() {
      return foreign
    },
    get lost() {
      return lost
    },
    get bytes() {
      return bytes
    },
    get glitches() {
      return glitches
    },
    get strange() {
      return strange
    },
    async openSerial(wanted, busEvents, signal) {
      const held = stream !== undefined && same(address, wanted) ? stream : undefined
      if (!held) stream?.close()
      const own = held ?? (await open(wanted, signal))
      taker = busEvents
      return {
        write(frame) {
          note(frame)
          own.write(frame)
        },
        close() {
          taker = undefined
          if (stream === own) stream = undefined
          own.close()
        },
      }
    },
    async open(wanted, signal) {
      if (stream && same(address, wanted)) return
      stream?.close()
      await open(wanted, signal)
    },
    async settle() {
      for (let waitMs = restlessMs(); waitMs > 0; waitMs = restlessMs()) await clock.sleep(waitMs)
      return judge()
    },
    accuse: (count = damaged.length) => accuse(`bytes that answer nothing were heard (${count})`, count),
    async [Symbol.asyncDispose]() {
      stream?.close()
      stream = undefined
    },
  }
  return watch
}
