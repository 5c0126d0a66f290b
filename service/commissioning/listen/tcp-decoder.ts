import { placeOf } from './bus-decoder.ts'
import { fits } from './forms.ts'
import { answerFields, requestFields } from './fields.ts'
import { type Decoder, type FrameSink, hexOf } from './frame-sink.ts'
import { createHeaderSplitter, type HeaderFrame, mbapForm } from './header-splitter.ts'
import type { Conversation, ListenFrame } from './types.ts'

type Side = 'client' | 'server' | undefined

/** Requests of a connection that may still be answered; a device serves at most 16 at a time. */
const mostPending = 256

/** Modbus TCP: both sides of a connection, or one mixed recording of them. */
export function createTcpDecoder(sink: FrameSink, conversation?: Conversation): Decoder {
  const pending = new Map<string, { readonly frame: ListenFrame; readonly body: Uint8Array }>()
  const common = { framing: 'tcp', ...(conversation && { conversation }) } as const
  const splitters = { client: splitterOf('client'), server: splitterOf('server'), mixed: splitterOf(undefined) }

  function splitterOf(side: Side) {
    return createHeaderSplitter(mbapForm, { frame: (frame) => take(frame, side), rejected: reject })
  }

  function take({ bytes, atMs, endMs }: HeaderFrame, side: Side): undefined {
    const transaction = (bytes[0]! << 8) | bytes[1]!
    const body = bytes.subarray(6)
    const unitId = body[0]!
    const pdu = body.subarray(1)
    const fc = pdu[0]! & 0x7f
    const key = `${transaction} ${unitId} ${fc}`
    const asked = pending.get(key)
    const isAnswer = side === undefined ? asked !== undefined || pdu[0]! >= 0x80 : side === 'server'
    const answers = isAnswer && asked && fits(asked.body, body) ? asked.frame : undefined
    const isException = isAnswer && pdu[0]! >= 0x80
    const frame: ListenFrame = {
      number: sink.next,
      atMs,
      endMs,
      ...common,
      role: isException ? 'exception' : isAnswer ? 'answer' : 'request',
      roleBy: side === undefined ? 'exchange' : 'direction',
      unitId,
      fc,
      ...(isException && { exception: pdu[1] ?? 0 }),
      ...(isException ? placeOf(answers) : isAnswer ? answerFields(pdu, answers) : requestFields(pdu)),
      ...(answers && { answers: answers.number }),
      transaction,
      hex: hexOf(bytes),
    }
    if (isAnswer && answers) pending.delete(key)
    else if (!isAnswer) remember(key, frame, body)
    sink.frame(frame)
    if (answers) sink.pair(answers, frame)
  }

  function remember(key: string, frame: ListenFrame, body: Uint8Array): void {
    const old = pending.get(key)
    if (old) sink.unanswered(old.frame)
    pending.delete(key)
    pending.set(key, { frame, body })
    if (pending.size <= mostPending) return
    const [oldestKey, oldest] = pending.entries().next().value!
    pending.delete(oldestKey)
    sink.unanswered(oldest.frame)
  }

  function reject({ bytes, atMs, endMs }: HeaderFrame): void {
    const note = 'not Modbus TCP'
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
