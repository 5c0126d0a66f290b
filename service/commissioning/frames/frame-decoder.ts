import { crc16 } from '../../drivers/modbus/crc.ts'
import type { FrameEvent } from '../../drivers/modbus/wire.ts'
import { answerFields, requestFields } from '../listen/fields.ts'
import { fits } from '../listen/forms.ts'
import { hexOf } from '../listen/frame-sink.ts'
import type { Conversation, Framing, ListenFrame } from '../listen/types.ts'

/** Names the frames that we send and receive ourselves: each answer with the request that it belongs to. */
export interface FrameDecoder {
  decode(event: FrameEvent, atMs: number): ListenFrame
}

interface Taken {
  readonly framing: Framing
  /** From the unit ID to the end of the PDU. */
  readonly body: Uint8Array
  readonly transaction?: number
}

/** A device serves at most 16 at a time. */
const mostPending = 64

export function createFrameDecoder(conversation?: Conversation): FrameDecoder {
  const pending: { readonly frame: ListenFrame; readonly taken: Taken }[] = []
  let number = 0

  function requestOf({ body, transaction }: Taken): ListenFrame | undefined {
    const at = pending.findIndex(({ taken }) => taken.transaction === transaction && fits(taken.body, body))
    return at < 0 ? undefined : pending.splice(at, 1)[0]?.frame
  }

  return {
    decode({ direction, bytes }, atMs) {
      const common = { number: number++, atMs, endMs: atMs, roleBy: 'direction', hex: hexOf(bytes) } as const
      const from = conversation && { conversation }
      // The bytes are valid only during the call; the question waits for its answer.
      const taken = direction === 'discarded' ? undefined : open(Uint8Array.from(bytes))
      if (!taken) {
        const note = direction === 'discarded' ? 'no answer to anything' : 'no Modbus frame'
        return { ...common, framing: from ? 'tcp' : 'rtu', ...from, role: 'rejected', note }
      }
      const { framing, body, transaction } = taken
      const pdu = body.subarray(1)
      const head = {
        ...common,
        framing,
        ...from,
        unitId: body[0]!,
        fc: pdu[0]! & 0x7f,
        ...(transaction !== undefined && { transaction }),
      }
      if (direction === 'sent') {
        const frame: ListenFrame = { ...head, role: 'request', ...requestFields(pdu) }
        pending.push({ frame, taken })
        if (pending.length > mostPending) pending.shift()
        return frame
      }
      const asked = requestOf(taken)
      const answers = asked && { answers: asked.number }
      if (pdu[0]! < 0x80) return { ...head, role: 'answer', ...answerFields(pdu, asked), ...answers }
      const place = asked?.address === undefined ? {} : { address: asked.address, count: asked.count ?? 1 }
      return { ...head, role: 'exception', exception: pdu[1] ?? 0, ...place, ...answers }
    },
  }
}

/** Modbus TCP says its own length; everything else is RTU, also over TCP, and has a checksum. */
function open(bytes: Uint8Array): Taken | undefined {
  const word = (at: number): number => (bytes[at]! << 8) | bytes[at + 1]!
  if (bytes.length >= 8 && word(2) === 0 && word(4) === bytes.length - 6)
    return { framing: 'tcp', body: bytes.subarray(6), transaction: word(0) }
  if (bytes.length < 4) return undefined
  const crc = crc16(bytes, 0, bytes.length - 2)
  const right = bytes.at(-2) === (crc & 0xff) && bytes.at(-1) === crc >>> 8
  return right ? { framing: 'rtu', body: bytes.subarray(0, -2) } : undefined
}
