import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findRtuAnswer } from '../../../service/drivers/modbus/rtu-frame.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { withCrc } from '../support/test-device.ts'
import { createAdapter, usb16 } from './adapter.ts'
import { idealReadMs } from './efficiency.ts'
import { addNoise } from './noise.ts'
import { createRandom } from './random.ts'
import { createTimeline } from './timeline.ts'
import { characterMs, createLine, type LineSettings } from './wire.ts'

const slow: LineSettings = { baud: 9600, parity: 'none', stopBits: 1 }

function setUp() {
  const clock = createManualClock()
  const timeline = createTimeline(clock)
  const line = createLine(timeline)
  const listen = (settings: LineSettings) => {
    const heard: { byte: number; atMs: number }[] = []
    line.attach({ settings, receive: (byte, atMs) => heard.push({ byte, atMs }) })
    return heard
  }
  const talk = (settings: LineSettings) => line.attach({ settings, receive: () => undefined })
  return { clock, timeline, line, listen, talk }
}

const anySettings: fc.Arbitrary<LineSettings> = fc.record({
  baud: fc.constantFrom(1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200),
  parity: fc.constantFrom('none' as const, 'even' as const, 'odd' as const),
  stopBits: fc.constantFrom(1 as const, 2 as const),
})

describe('the emulated line', () => {
  test.each<[LineSettings, number]>([
    [slow, 10 / 9.6],
    [{ baud: 9600, parity: 'even', stopBits: 1 }, 11 / 9.6],
    [{ baud: 115_200, parity: 'none', stopBits: 2 }, 11 / 115.2],
  ])('carries one character per %j', async (settings, eachMs) => {
    const { clock, listen, talk } = setUp()
    const heard = listen(settings)
    const endMs = talk(settings).send(Buffer.from([0, 0xff, 0x55]))
    expect(endMs).toBeCloseTo(3 * eachMs, 6)
    await clock.advance(eachMs * 1.5)
    expect(heard.map(({ byte }) => byte)).toEqual([0])
    await clock.advance(eachMs * 3)
    expect(heard.map(({ byte }) => byte)).toEqual([0, 0xff, 0x55])
    // A character is there in the middle of its first stop bit.
    const stopMs = ((settings.stopBits - 0.5) * 1000) / settings.baud
    expect(heard[2]!.atMs).toBeCloseTo(3 * eachMs - stopMs, 6)
  })

  test('any bytes arrive where the settings are the same, and no frame where they differ', async () => {
    await fc.assert(
      fc.asyncProperty(
        anySettings,
        anySettings,
        fc.uint8Array({ minLength: 4, maxLength: 40 }),
        async (mine, yours, data) => {
          const { clock, listen, talk } = setUp()
          const [same, other] = [listen(mine), listen(yours)]
          const frame = withCrc(Buffer.from([1, 3, 2 * data.length, ...data, ...data]))
          await clock.advance(talk(mine).send(frame) + 100)
          expect(Buffer.from(same.map(({ byte }) => byte))).toEqual(frame)
          // A missing or second stop bit is invisible: that is so on a real line too.
          if (mine.baud === yours.baud && mine.parity === yours.parity) return
          const heard = Buffer.from(other.map(({ byte }) => byte))
          const request = { fn: 3, address: 0, count: data.length } as const
          expect(findRtuAnswer(1, request, heard, 0, heard.length, true).found).toBe('nothing')
        },
      ),
      { numRuns: 60 },
    )
  })

  test('two that speak at once are not understood; afterwards the line is as before', async () => {
    const { clock, listen, talk } = setUp()
    const heard = listen(slow)
    const [a, b] = [talk(slow), talk(slow)]
    const frames = [withCrc(Buffer.from([1, 3, 2, 0x12, 0x34])), withCrc(Buffer.from([1, 3, 2, 0xab, 0xcd]))]
    a.send(frames[0]!)
    await clock.advance(0.4 * characterMs(slow))
    await clock.advance(b.send(frames[1]!))
    await clock.advance(10)
    const text = Buffer.from(heard.map(({ byte }) => byte)).toString('hex')
    for (const frame of frames) expect(text).not.toContain(frame.toString('hex'))
    heard.length = 0
    a.send(frames[0]!)
    await clock.advance(20)
    expect(Buffer.from(heard.map(({ byte }) => byte))).toEqual(frames[0])
  })

  test('nobody hears themselves', async () => {
    const { clock, line } = setUp()
    const heard: number[] = []
    const station = line.attach({ settings: slow, receive: (byte) => heard.push(byte) })
    station.send(Buffer.from([1, 2, 3]))
    await clock.advance(100)
    expect(heard).toEqual([])
  })

  test('noise damages some characters and leaves others', async () => {
    const { clock, timeline, line, listen, talk } = setUp()
    const heard = listen(slow)
    addNoise(line, timeline, 20, createRandom(1))
    const sent = Buffer.alloc(1000, 0xa5)
    talk(slow).send(sent)
    await clock.advance(1100)
    const whole = heard.filter(({ byte }) => byte === 0xa5).length
    // A pulse in a row without pauses costs more than the character it hits: the rhythm is lost for a while.
    expect(whole).toBeGreaterThan(700)
    expect(whole).toBeLessThan(1000)
  })
})

describe('a USB adapter', () => {
  function adapterAt(latencyMs: number) {
    const clock = createManualClock()
    const timeline = createTimeline(clock)
    const packets: { size: number; atMs: number }[] = []
    const deliver = (bytes: Buffer) => packets.push({ size: bytes.length, atMs: timeline.nowMs() })
    return { clock, packets, adapter: createAdapter({ timeline, model: { kind: 'usb', latencyMs }, deliver }) }
  }

  test('hands over full packets at once and the rest when its timer ends', async () => {
    const { clock, packets, adapter } = adapterAt(16)
    for (let i = 0; i < 130; i++) adapter.push(i & 0xff)
    expect(packets).toEqual([
      { size: 62, atMs: 0 },
      { size: 62, atMs: 0 },
    ])
    await clock.advance(15.9)
    expect(packets).toHaveLength(2)
    await clock.advance(0.2)
    expect(packets[2]).toEqual({ size: 6, atMs: 16 })
  })

  test('holds a single character back for anything up to its latency, as its timer happens to run', async () => {
    const { clock, packets, adapter } = adapterAt(16)
    await clock.advance(36)
    adapter.push(1)
    await clock.advance(20)
    expect(packets).toEqual([{ size: 1, atMs: 48 }])
  })

  test('drops and merges packets where that is asked for', async () => {
    const clock = createManualClock()
    const timeline = createTimeline(clock)
    const packets: Buffer[] = []
    const random = createRandom(3)
    const faults = { dropped: 0.2, merged: 0.3, random }
    const adapter = createAdapter({ timeline, model: usb16, faults, deliver: (bytes) => packets.push(bytes) })
    for (let i = 0; i < 62 * 50; i++) adapter.push(i & 0xff)
    const sizes = packets.map(({ length }) => length)
    expect(new Set(sizes)).toContain(62)
    expect(Math.max(...sizes)).toBeGreaterThanOrEqual(124)
    const total = sizes.reduce((sum, size) => sum + size, 0)
    expect(total).toBeLessThan(62 * 48)
    expect(total).toBeGreaterThan(62 * 30)
  })
})

test('the ideal time of a read is that of its frames, two silences and the device', () => {
  // Characters of 11 bits, as with parity.
  const even = (baud: number): LineSettings => ({ baud, parity: 'even', stopBits: 1 })
  expect(idealReadMs(even(9600), 125, 0)).toBeCloseTo(309.4, 1)
  expect(idealReadMs(even(9600), 1, 0)).toBeCloseTo(25.2, 1)
  expect(idealReadMs(even(19_200), 60, 0)).toBeCloseTo(80.2, 1)
  expect(idealReadMs(even(115_200), 125, 10)).toBeCloseTo(38.6, 1)
})
