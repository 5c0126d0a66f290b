import { createBusDecoder } from '../../../../service/commissioning/listen/bus-decoder.ts'
import type { Decoder, FrameSink } from '../../../../service/commissioning/listen/frame-sink.ts'
import type { Conversation, ListenFrame } from '../../../../service/commissioning/listen/types.ts'

export interface Collected {
  readonly decoder: Decoder
  readonly frames: ListenFrame[]
  readonly pairs: (readonly [request: ListenFrame, answer: ListenFrame])[]
  readonly unanswered: ListenFrame[]
}

/** Everything a decoder finds. */
export function collect(
  create: (sink: FrameSink, conversation?: Conversation) => Decoder = createBusDecoder,
): Collected {
  const frames: ListenFrame[] = []
  const pairs: (readonly [ListenFrame, ListenFrame])[] = []
  const unanswered: ListenFrame[] = []
  const decoder = create({
    get next() {
      return frames.length
    },
    frame: (frame) => void frames.push(frame),
    pair: (request, answer) => void pairs.push([request, answer]),
    unanswered: (request) => void unanswered.push(request),
  })
  return { decoder, frames, pairs, unanswered }
}
