import { expect, test } from 'vitest'
import { detectSettings } from '../../../service/commissioning/listen/detect-settings.ts'
import { createListening } from '../../../service/commissioning/listen/listening.ts'
import { createSerialSource } from '../../../service/commissioning/listen/serial-source.ts'
import { likelySettings, settingsText } from '../../../service/commissioning/scan/likely.ts'
import { usb16 } from '../line/adapter.ts'
import { createTimeline } from '../line/timeline.ts'
import { virtualPort } from '../line/virtual-port.ts'
import { createLine, type LineSettings } from '../line/wire.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { withCrc } from '../support/test-device.ts'

const request = withCrc(Buffer.from([7, 4, 0, 0, 0, 20]))
const answer = withCrc(Buffer.from([7, 4, 40, ...Array.from({ length: 40 }, (_, index) => index * 5)]))

/** A client that asks a device once a second, in virtual time, and a way to listen to them. */
function talkingLine(settings: LineSettings | undefined, periodMs = 1000) {
  const clock = createManualClock()
  const timeline = createTimeline(clock)
  const line = createLine(timeline)
  let sent = 0
  const port = virtualPort(line, timeline, usb16)
  if (settings) {
    const client = line.attach({ settings, receive: () => undefined })
    const server = line.attach({ settings, receive: () => undefined })
    const ask = (): void => {
      const endMs = client.send(request)
      timeline.at(endMs + 15, () => server.send(answer))
      timeline.at(timeline.nowMs() + periodMs, ask)
    }
    timeline.at(timeline.nowMs() + periodMs / 3, ask)
  }
  const openAt = (wanted: LineSettings) =>
    createSerialSource({
      address: { kind: 'rtu', path: '/dev/line', ...wanted },
      clock,
      openSerial: async (address, events, signal) => {
        const stream = await port(address, events, signal)
        return { ...stream, write: (bytes) => void (sent += bytes.length) }
      },
    })
  /** Lets time run until it is done. */
  async function during<T>(work: Promise<T>): Promise<T> {
    const state = { done: false }
    const ended = work.finally(() => (state.done = true))
    while (!state.done) await clock.advance(100)
    return ended
  }
  return { clock, openAt, during, sent: () => sent }
}

test.each(likelySettings.map((settings) => [settingsText(settings), settings] as const))(
  'a line at %s is found by listening alone, within half a minute',
  async (name, settings) => {
    const { clock, openAt, during, sent } = talkingLine(settings)
    const detected = await during(detectSettings({ openAt, candidates: likelySettings, clock }))
    expect(detected.found).toBe('settings')
    if (detected.found !== 'settings') return
    // One stop bit more is heard alike; the evidence says so.
    const { baud, parity } = detected.settings
    expect({ baud, parity }).toEqual({ baud: settings.baud, parity: settings.parity })
    expect(detected.elapsedMs).toBeLessThan(30_000)
    expect(detected.evidence).toMatch(/^\d+ frames with a right checksum, of unit 7, at /)
    if (settings.parity === 'none') expect(detected.evidence).toContain('would sound the same')
    else expect(detected.evidence).toContain(name)
    expect(sent()).toBe(0)
  },
)

test('silence is said with its time, after every candidate had its turn', async () => {
  const { clock, openAt, during, sent } = talkingLine(undefined)
  const detected = await during(detectSettings({ openAt, candidates: likelySettings, clock }))
  expect(detected).toMatchObject({ found: 'silence', summary: 'nothing heard for 30 s' })
  expect(detected.tried).toHaveLength(likelySettings.length)
  expect(sent()).toBe(0)
})

test('settings that are no candidate are noise, and what was tried is told', async () => {
  const { clock, openAt, during } = talkingLine({ baud: 4800, parity: 'odd', stopBits: 1 }, 300)
  const detected = await during(detectSettings({ openAt, candidates: likelySettings, clock }))
  expect(detected.found).toBe('noise')
  if (detected.found === 'noise')
    expect(detected.summary).toMatch(/^\d+ bytes heard in 30 s, but no two valid frames with any of 8 settings$/)
})

test('the map has the period of the client, as a USB adapter lets it be seen', async () => {
  const { clock, openAt } = talkingLine(likelySettings[0])
  await using listening = createListening({ source: openAt(likelySettings[0]!), clock })
  await listening.opened
  await clock.advance(60_000)
  const [entry] = listening.snapshot().map
  expect(entry).toMatchObject({ unitId: 7, fc: 4, address: 0, count: 20, access: 'read' })
  expect(entry!.periodMs).toBeGreaterThan(980)
  expect(entry!.periodMs).toBeLessThan(1020)
  expect(entry!.jitterMs).toBeLessThan(17)
  expect(entry!.asked).toBe(60)
  expect(listening.snapshot().units[0]!.turnaroundMs!.median).toBeLessThan(60)
})
