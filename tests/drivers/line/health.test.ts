import { describe, expect, test } from 'vitest'
import { type BusHealth, type HintKind, linesHealth } from '#contract/health.ts'
import { createReadOnlyBus } from '../../../service/drivers/modbus/bus.ts'
import type { Answer } from '../../../service/drivers/modbus/pdu.ts'
import type { OpenSerial } from '../../../service/drivers/modbus/serial-port.ts'
import { answerPdu } from '../../../service/drivers/simulated/modbus-pdu.ts'
import { watchHealth } from '../../../service/runtime/workbench/health.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { withCrc } from '../support/test-device.ts'
import { addNoise } from './noise.ts'
import { createRandom } from './random.ts'
import { scrambledDevice } from './registers.ts'
import { attachRtuDevice } from './rtu-device.ts'
import { createTimeline } from './timeline.ts'
import { virtualPort } from './virtual-port.ts'
import { createLine, type LineSettings } from './wire.ts'

const settings: LineSettings = { baud: 9600, parity: 'none', stopBits: 1 }
const registers = 300

function setUp(wrap: (open: OpenSerial) => OpenSerial = (open) => open) {
  const clock = createManualClock()
  const timeline = createTimeline(clock)
  const line = createLine(timeline)
  const bus = createReadOnlyBus({
    address: { kind: 'rtu', path: '/dev/emulated', ...settings },
    clock,
    openSerial: wrap(virtualPort(line, timeline)),
  })
  const health = watchHealth({ clock, buses: () => [bus], entries: [] })
  const device = (unitId: number, turnaroundMs: number, answer?: (pdu: Buffer) => Buffer | undefined, salt = 0) =>
    attachRtuDevice({
      timeline,
      line,
      settings,
      unitId,
      device: scrambledDevice(registers, salt),
      turnaroundMs,
      ...(answer && { answer }),
    })
  async function inTime<T>(promise: Promise<T>): Promise<T> {
    const pending = Symbol('pending')
    for (let turn = 0; turn < 10_000; turn++) {
      if ((await Promise.race([promise, Promise.resolve(pending)])) !== pending) return promise
      await clock.advance(20)
    }
    throw new Error('it does not end')
  }
  /** Reads so many registers of a unit, so often. */
  async function read(unitId: number, times: number, count: number, gapMs = 0): Promise<Answer[]> {
    const answers: Answer[] = []
    for (let turn = 0; turn < times; turn++) {
      const answer = await inTime(bus.unit(unitId, { timeoutMs: 300 }).ask({ fn: 3, address: turn % 100, count }))
      answers.push(answer)
      await clock.advance(answer.kind === 'failed' && !answer.sent ? 1000 : gapMs)
    }
    return answers
  }
  /** What the API would answer now. */
  function look(): BusHealth {
    return linesHealth.parse(health.read()).buses[0]!
  }
  const hints = (): HintKind[] => look().hints.map(({ kind }) => kind)
  return { clock, timeline, line, bus, health, device, inTime, read, look, hints }
}

type Rig = ReturnType<typeof setUp>

/** A device whose answers come with a flipped bit, every so often. */
function badDevice(rig: Rig, unitId: number, every: number): void {
  let asked = 0
  const own = scrambledDevice(registers, 0)
  const bad = rig.device(unitId, 5, (pdu) => {
    asked += 1
    const answer = answerPdu(own, pdu)
    if (!answer || asked % every !== 0) return answer
    const frame = withCrc(Buffer.concat([Buffer.of(unitId), answer]))
    frame[3]! ^= 0x10
    rig.timeline.at(rig.timeline.nowMs() + 5, () => bad.station.send(frame))
    return undefined
  })
}

describe('the health of an emulated line', () => {
  test('a line in order: counts, times, load and efficiency are those of the line, and nothing is suggested', async () => {
    const rig = setUp()
    rig.device(1, 10)
    rig.device(2, 10)
    await rig.read(1, 30, 2)
    await rig.read(2, 30, 50)
    const health = rig.look()
    expect(health).toMatchObject({ line: 'serial', requests: 60, answered: 60, timeouts: 0, crcErrors: 0, hints: [] })
    expect(health.units.map(({ unitId, requests }) => [unitId, requests])).toEqual([
      [1, 30],
      [2, 30],
    ])
    // 8 + 9 characters of 10 bits, 3.5 of silence and 10 ms until the answer.
    const [first, second] = health.units
    const shortMs = ((8 + 9 + 3.5) * 10_000) / 9600 + 10
    expect(Math.abs(first!.fastestMs! - shortMs)).toBeLessThan(2)
    expect(first!.medianMs).toBeGreaterThan(20)
    expect(first!.medianMs).toBeLessThanOrEqual(first!.slowestMs!)
    expect(second!.fastestMs! - first!.fastestMs!).toBeCloseTo((96 * 10_000) / 9600, 0)
    for (const unit of health.units) expect(unit.histogram.reduce((sum, one) => sum + one)).toBe(30)
    expect(health.loadPercent).toBeGreaterThan(80)
    expect(health.efficiencyPercent).toBeGreaterThan(95)
  })

  test('answers of one unit that come damaged', async () => {
    const rig = setUp()
    rig.device(1, 5)
    badDevice(rig, 2, 4)
    await rig.read(1, 40, 10)
    await rig.read(2, 40, 10)
    const health = rig.look()
    expect(health.hints).toEqual([
      { kind: 'one-unit', units: [2], evidence: { damaged: 10, requests: 40, othersDamaged: 0, othersRequests: 40 } },
    ])
    expect(health.units[1]!.crcErrors + health.units[1]!.garbled).toBe(10)
    expect(health.minutes.reduce((sum, { damaged }) => sum + damaged, 0)).toBe(10)
  })

  test('answers of several units that come damaged while others are clean', async () => {
    const rig = setUp()
    rig.device(1, 5)
    badDevice(rig, 8, 4)
    badDevice(rig, 9, 5)
    for (const unitId of [1, 8, 9]) await rig.read(unitId, 30, 10)
    expect(rig.look().hints).toMatchObject([{ kind: 'far-units', units: [8, 9] }])
  })

  test('an adapter that hears itself', async () => {
    const rig = setUp((open) => async (address, events, signal) => {
      const stream = await open(address, events, signal)
      return {
        ...stream,
        write(bytes) {
          stream.write(bytes)
          events.data(Buffer.from(bytes))
        },
      }
    })
    rig.device(1, 5)
    const answers = await rig.read(1, 25, 4)
    expect(answers.every(({ kind }) => kind === 'words')).toBe(true)
    expect(rig.look().hints).toEqual([{ kind: 'echo', units: [], evidence: { echoes: 25, requests: 25 } }])
  })

  test('timeouts that grow with the length of the answer', async () => {
    const rig = setUp()
    const own = scrambledDevice(registers, 0)
    let long = 0
    rig.device(1, 5, (pdu) => {
      if (pdu.readUInt16BE(3) > 20 && ++long % 3 === 0) return undefined
      return answerPdu(own, pdu)
    })
    await rig.read(1, 30, 2)
    await rig.read(1, 30, 60)
    const [found, ...more] = rig.look().hints
    expect(more).toEqual([])
    expect(found).toMatchObject({ kind: 'slow-length', units: [1], evidence: { short: 0, shortRequests: 30 } })
    expect(found!.evidence['long']).toBeGreaterThanOrEqual(8)
  })

  test('damage that grows with the length of the answer', async () => {
    const rig = setUp()
    rig.device(1, 5)
    rig.device(2, 5)
    addNoise(rig.line, rig.timeline, 2, createRandom(3))
    for (const unitId of [1, 2]) {
      await rig.read(unitId, 30, 1)
      await rig.read(unitId, 30, 60)
    }
    expect(rig.hints()).toContain('length')
  })

  test('a second device with the same unit ID that answers later', async () => {
    const rig = setUp()
    rig.device(1, 5)
    rig.device(1, 120, undefined, 77)
    await rig.read(1, 25, 4, 300)
    const health = rig.look()
    const found = health.hints.find(({ kind }) => kind === 'second-answer')
    expect(found).toMatchObject({ units: [1] })
    expect(found!.evidence['frames']).toBeGreaterThanOrEqual(20)
  })

  test('bytes 00 around right answers', async () => {
    const rig = setUp(
      (open) => async (address, events, signal) =>
        open(address, { ...events, data: (chunk) => events.data(chunk) }, signal),
    )
    const own = scrambledDevice(registers, 0)
    const late = rig.device(1, 5, (pdu) => {
      // Its driver switches a moment before it has anything to say.
      rig.timeline.at(rig.timeline.nowMs() + 1, () => late.station.send(Buffer.of(0)))
      return answerPdu(own, pdu)
    })
    await rig.read(1, 25, 4)
    const health = rig.look()
    expect(health.answered).toBe(25)
    expect(health.hints).toEqual([{ kind: 'bias', units: [], evidence: { answers: 25, answered: 25 } }])
  })

  test('nothing but flat bytes, as from a pair that is swapped; after the change the counts go on', async () => {
    let swapped = true
    const rig = setUp(
      (open) => (address, events, signal) =>
        open(
          address,
          { ...events, data: (chunk) => events.data(swapped ? Buffer.alloc(chunk.length, 0) : chunk) },
          signal,
        ),
    )
    rig.device(1, 5)
    await rig.read(1, 60, 10)
    const before = rig.look()
    expect(before.answered).toBe(0)
    expect(before.hints).toMatchObject([{ kind: 'polarity', units: [], evidence: { flat: 100 } }])
    swapped = false
    await rig.clock.advance(30_000)
    await rig.read(1, 10, 10)
    const after = rig.look()
    expect(after.answered).toBe(10)
    expect(after.garbled + after.timeouts + after.crcErrors).toBe(before.garbled + before.timeouts + before.crcErrors)
    expect(after.hints).toEqual([])
  })

  test('nobody answers, and nothing is heard', async () => {
    const rig = setUp()
    for (const unitId of [1, 2, 3]) await rig.read(unitId, 20, 2)
    expect(rig.hints()).toEqual(['silence'])
  })

  test('counters are asked one by one, only those that change nothing', async () => {
    const rig = setUp()
    const sent: string[] = []
    rig.bus.tap(
      ({ direction, bytes }) => void (direction === 'sent' && sent.push(bytes.subarray(1, 4).toString('hex'))),
    )
    rig.device(1, 5, (pdu) => (pdu[0] === 8 ? Buffer.concat([pdu.subarray(0, 3), Buffer.of(0, pdu[2]!)]) : undefined))
    rig.device(2, 5, (pdu) => Buffer.of(pdu[0]! | 0x80, 1))
    const told = await rig.inTime(rig.health.counters({ bus: rig.bus.name, unitId: 1 }))
    expect(told.counters).toEqual([11, 12, 13, 14, 15, 18].map((code) => ({ code, value: code })))
    expect(sent).toEqual(['08000b', '08000c', '08000d', '08000e', '08000f', '080012'])
    sent.length = 0
    const refused = await rig.inTime(rig.health.counters({ bus: rig.bus.name, unitId: 2 }))
    expect(refused).toMatchObject({ reason: 'illegal function' })
    expect(refused.counters.every(({ value }) => value === undefined)).toBe(true)
    expect(sent).toEqual(['08000b'])
    await expect(rig.health.counters({ bus: 'tcp://a:502', unitId: 1 })).rejects.toMatchObject({ code: 'bus.unknown' })
  })
})
