import type { BusAnswer } from '#contract/bus.ts'
import { type Answer, failed } from '../drivers/modbus/pdu.ts'

/** An answer as the API carries it. */
export function toMessage(answer: Answer): BusAnswer {
  switch (answer.kind) {
    case 'words':
      return { kind: 'words', words: Array.from(answer.words) }
    case 'bits':
      return { kind: 'bits', bits: Array.from(answer.bits) }
    case 'server-id':
      return { kind: 'server-id', data: answer.data.toString('hex') }
    case 'identification': {
      const { objects, ...rest } = answer.identification
      return {
        kind: 'identification',
        ...rest,
        objects: Array.from(objects, ([id, bytes]) => ({ id, data: bytes.toString('hex') })),
      }
    }
    case 'exception':
      return { kind: 'exception', code: answer.code }
    case 'failed': {
      const { failure, reason, sent } = answer
      return { kind: 'failed', failure, reason, sent }
    }
    default:
      throw new TypeError(`an answer of kind ${answer.kind} to a read`)
  }
}

/** The inverse of `toMessage`. */
export function fromMessage(message: BusAnswer): Answer {
  switch (message.kind) {
    case 'words':
      return { kind: 'words', words: Uint16Array.from(message.words) }
    case 'bits':
      return { kind: 'bits', bits: Uint8Array.from(message.bits) }
    case 'server-id':
      return { kind: 'server-id', data: Buffer.from(message.data, 'hex') }
    case 'identification': {
      const { conformity, moreFollows, nextObjectId, objects } = message
      const bytes = new Map(objects.map(({ id, data }) => [id, Buffer.from(data, 'hex')]))
      return { kind: 'identification', identification: { conformity, moreFollows, nextObjectId, objects: bytes } }
    }
    case 'failed':
      return failed(message.failure, message.reason, message.sent)
    default:
      return message
  }
}
