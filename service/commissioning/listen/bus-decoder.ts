import { createExchange } from './exchange.ts'
import { answerFields, requestFields } from './fields.ts'
import { type Decoder, type FrameSink, hexOf } from './frame-sink.ts'
import { createRtuSplitter, type SplitFrame, type SplitRejection } from './rtu-splitter.ts'
import type { Conversation, ListenFrame } from './types.ts'

/** RTU frames: from an RS-485 line, where all hear each other, or from a connection that carries such frames. */
export function createBusDecoder(sink: FrameSink, conversation?: Conversation): Decoder {
  const exchange = createExchange<ListenFrame>()
  const units = new Set<number>()
  const functions = new Set<number>()
  const common = { framing: 'rtu', ...(conversation && { conversation }) } as const

  function take(split: SplitFrame): void {
    const { bytes, atMs, endMs } = split
    const frame = { ...split, body: bytes.subarray(0, -2) }
    const judged = exchange.judge(frame)
    const { role, roleBy, answers, unanswered } = judged
    const pdu = frame.body.subarray(1)
    const unitId = bytes[0]!
    units.add(unitId)
    functions.add(keyOf(unitId, pdu[0]! & 0x7f))
    const isAnswer = role === 'answer' || role === 'exception'
    const listenFrame: ListenFrame = {
      number: sink.next,
      atMs,
      endMs,
      ...common,
      role,
      roleBy,
      unitId,
      fc: pdu[0]! & 0x7f,
      ...(role === 'exception' && { exception: pdu[1]! }),
      ...(role === 'exception' ? placeOf(answers) : isAnswer ? answerFields(pdu, answers) : requestFields(pdu)),
      ...(answers && { answers: answers.number }),
      hex: hexOf(bytes),
    }
    exchange.heard(frame, judged, listenFrame)
    if (unanswered) sink.unanswered(unanswered)
    sink.frame(listenFrame)
    if (answers) sink.pair(answers, listenFrame)
  }

  function reject({ bytes, atMs, endMs, damaged }: SplitRejection): void {
    exchange.disturbed(bytes.length)
    const looks = damaged && units.has(damaged.unitId) ? damaged : undefined
    sink.frame({
      number: sink.next,
      atMs,
      endMs,
      ...common,
      role: 'rejected',
      roleBy: 'form',
      ...looks,
      note: looks
        ? `like a frame of unit ${looks.unitId} with function ${looks.fc}, but its checksum is wrong`
        : 'no frame with a right checksum',
      hex: hexOf(bytes),
    })
  }

  const splitter = createRtuSplitter(
    { frame: take, rejected: reject },
    {
      heard: (unitId, fc) => (fc === undefined ? units.has(unitId) : functions.has(keyOf(unitId, fc))),
      expected: (body) => exchange.expects(body),
    },
  )
  return {
    push: splitter.push,
    gap() {
      splitter.end()
      // Any number of frames may be missing.
      exchange.disturbed(Number.POSITIVE_INFINITY)
    },
    quiet: splitter.quiet,
    end: splitter.end,
    get held() {
      return splitter.held
    },
  }
}

const keyOf = (unitId: number, fc: number): number => (unitId << 8) | fc

/** Where the registers of an exception would have been. */
export function placeOf(
  request: Pick<ListenFrame, 'address' | 'count'> | undefined,
): Pick<ListenFrame, 'address' | 'count'> {
  return {
    ...(request?.address !== undefined && { address: request.address }),
    ...(request?.count !== undefined && { count: request.count }),
  }
}
