import { describe, expect, it } from 'vitest'
import { createFrameDecoder } from '../../../../service/commissioning/frames/frame-decoder.ts'
import { withCrc } from '../../../drivers/support/test-device.ts'

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex')

describe('frames of our own', () => {
  it('names answers of Modbus TCP by their transaction, however they overtake each other', () => {
    const { decode } = createFrameDecoder()
    decode({ direction: 'sent', bytes: bytes('0001 0000 0006 01 03 0010 0002') }, 1000)
    decode({ direction: 'sent', bytes: bytes('0002 0000 0006 01 03 0020 0002') }, 1001)
    const second = decode({ direction: 'received', bytes: bytes('0002 0000 0007 01 03 04 0001 0002') }, 1005)
    const first = decode({ direction: 'received', bytes: bytes('0001 0000 0003 01 83 02') }, 1006)
    expect(second).toMatchObject({ role: 'answer', address: 0x20, count: 2, values: [1, 2], answers: 1, unitId: 1 })
    expect(first).toMatchObject({ role: 'exception', exception: 2, address: 0x10, count: 2, answers: 0, fc: 3 })
  })

  it('reads RTU by its checksum, also over TCP, and keeps what is no frame', () => {
    const { decode } = createFrameDecoder()
    const asked = decode({ direction: 'sent', bytes: withCrc(bytes('05 04 0000 0001')) }, 1)
    const answer = decode({ direction: 'received', bytes: withCrc(bytes('05 04 02 0102')) }, 2)
    const late = decode({ direction: 'discarded', bytes: withCrc(bytes('05 04 02 0102')) }, 3)
    const broken = decode({ direction: 'received', bytes: bytes('05 04 02 01 02 00 00') }, 4)
    expect(asked).toMatchObject({ framing: 'rtu', role: 'request', address: 0, count: 1 })
    expect(answer).toMatchObject({ role: 'answer', values: [0x0102], answers: 0 })
    expect([late, broken]).toMatchObject([
      { role: 'rejected', note: 'no answer to anything' },
      { role: 'rejected', note: 'no Modbus frame' },
    ])
    expect([asked, answer, late, broken].map(({ number }) => number)).toEqual([0, 1, 2, 3])
  })

  it('does not lose a question whose bytes are used again', () => {
    const { decode } = createFrameDecoder()
    const sent = withCrc(bytes('05 03 0007 0001'))
    decode({ direction: 'sent', bytes: sent }, 1)
    sent.fill(0)
    expect(decode({ direction: 'received', bytes: withCrc(bytes('05 03 02 0001')) }, 2)).toMatchObject({ address: 7 })
  })
})
