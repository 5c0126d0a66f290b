import { placeOf } from './bus-decoder.ts'
import { crc16 } from '../../drivers/modbus/crc.ts'
import type { Fields } from './fields.ts'
import { type Decoder, type FrameSink, hexOf } from './frame-sink.ts'
import { createHeaderSplitter, givenergyForm, type HeaderFrame } from './header-splitter.ts'
import type { Conversation, FrameRole, ListenFrame } from './types.ts'

/** Header, unit and function of the adapter, its serial number, padding: what stands before the frame of the inverter. */
const innerAt = 26
const transparent = 2
/** Unit, function, address, count or value, checksum. */
const requestLength = 8
const serialLength = 10
const mostPending = 64

const word = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!

interface Inner extends Fields {
  readonly role: Exclude<FrameRole, 'rejected'>
  readonly unitId: number
  readonly fc: number
  readonly exception?: number
}

/**
 * Frames of GivEnergy's data adapters: Modbus within a header of their own. Answers name their registers, so that they can
 * be read without having heard the question: the adapter forwards those to others, too.
 */
export function createGivenergyDecoder(sink: FrameSink, conversation?: Conversation): Decoder {
  const pending = new Map<string, ListenFrame>()
  const common = { framing: 'givenergy', ...(conversation && { conversation }) } as const
  const splitters = { client: splitterOf(), server: splitterOf(), mixed: splitterOf() }

  function splitterOf() {
    return createHeaderSplitter(givenergyForm, { frame: take, rejected: reject })
  }

  function take({ bytes, atMs, endMs }: HeaderFrame): string | undefined {
    const times = { atMs, endMs, ...common } as const
    if (bytes[7] !== transparent) {
      const note = 'heartbeat of the data adapter'
      sink.frame({ number: sink.next, ...times, role: 'unknown', roleBy: 'undecided', note, hex: hexOf(bytes) })
      return undefined
    }
    const inner = bytes.subarray(innerAt)
    if (inner.length < requestLength || crc16(inner, 0, inner.length) !== 0) return 'the checksum inside is wrong'
    const fields = innerFields(inner)
    const key = `${fields.unitId} ${fields.fc} ${fields.address}`
    const asked = fields.role === 'request' ? undefined : pending.get(key)
    const answers = fields.role === 'exception' || asked?.count === fields.count ? asked : undefined
    const frame: ListenFrame = {
      number: sink.next,
      ...times,
      roleBy: 'form',
      ...fields,
      ...(fields.role === 'exception' && placeOf(answers ?? fields)),
      ...(answers && { answers: answers.number }),
      hex: hexOf(bytes),
    }
    if (fields.role === 'request') remember(key, frame)
    else if (answers) pending.delete(key)
    sink.frame(frame)
    if (answers) sink.pair(answers, frame)
    return undefined
  }

  function remember(key: string, frame: ListenFrame): void {
    const old = pending.get(key)
    if (old) sink.unanswered(old)
    pending.set(key, frame)
    if (pending.size > mostPending) pending.delete(pending.keys().next().value!)
  }

  function reject({ bytes, atMs, endMs }: HeaderFrame, note = 'no frame'): void {
    sink.frame({ number: sink.next, atMs, endMs, ...common, role: 'rejected', roleBy: 'form', note, hex: hexOf(bytes) })
  }

  const all = Object.values(splitters)
  return {
    push: (bytes, atMs, from) => splitters[from ?? 'mixed'].push(bytes, atMs),
    gap: (from) => splitters[from ?? 'mixed'].end(),
    quiet: () => undefined,
    end: () => all.forEach((splitter) => splitter.end()),
    get held() {
      return all.reduce((sum, { held }) => sum + held, 0)
    },
  }
}

function innerFields(inner: Uint8Array): Inner {
  const unitId = inner[0]!
  const fc = inner[1]! & 0x7f
  const isRequest = inner.length === requestLength
  const at = isRequest ? 2 : 2 + serialLength
  const address = word(inner, at)
  if (inner[1]! >= 0x80) return { role: 'exception', unitId, fc, address, exception: inner[at + 2] ?? 0 }
  const role = isRequest ? 'request' : 'answer'
  if (fc === 6) return { role, unitId, fc, address, count: 1, values: [word(inner, at + 2)] }
  const place = { role, unitId, fc, address, count: word(inner, at + 2) } as const
  if (isRequest) return place
  const count = Math.max(0, Math.floor((inner.length - at - 6) / 2))
  return { ...place, values: Array.from({ length: count }, (_, index) => word(inner, at + 4 + 2 * index)) }
}
