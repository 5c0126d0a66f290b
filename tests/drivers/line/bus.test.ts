import { describe, expect, test } from 'vitest'
import { createReadOnlyBus } from '../../../service/drivers/modbus/bus.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { usb16, type AdapterModel, type PacketFaults } from './adapter.ts'
import { readEfficiency } from './efficiency.ts'
import { addNoise } from './noise.ts'
import { createRandom } from './random.ts'
import { scrambled, scrambledDevice } from './registers.ts'
import { attachRtuDevice } from './rtu-device.ts'
import { createTimeline } from './timeline.ts'
import { virtualPort } from './virtual-port.ts'
import { createLine, type LineSettings } from './wire.ts'

/** Rounds of each fault campaign; more in a long run. */
const rounds = Number(process.env['R_EMS_LINE_ROUNDS'] ?? 60)
const timeoutMs = 20_000 + 100 * rounds
const slow: LineSettings = { baud: 9600, parity: 'none', stopBits: 1 }
const registers = 500

function setUp(options: { settings?: LineSettings; model?: AdapterModel; faults?: PacketFaults; maxMs?: number } = {}) {
  const { settings = slow, model, faults, maxMs = 500 } = options
  const clock = createManualClock()
  const timeline = createTimeline(clock)
  const line = createLine(timeline)
  const bus = createReadOnlyBus({
    address: { kind: 'rtu', path: '/dev/emulated', ...settings },
    clock,
    openSerial: virtualPort(line, timeline, model, faults),
  })
  const unit = bus.unit(1, { timeoutMs: maxMs })
  const device = (unitId: number, turnaroundMs: number, at = slow, salt = 0) =>
    attachRtuDevice({
      timeline,
      line,
      settings: at,
      unitId,
      device: scrambledDevice(registers, salt),
      turnaroundMs,
    })
  /** Lets time pass until the promise is settled. */
  async function inTime<T>(promise: Promise<T>): Promise<T> {
    const pending = Symbol('pending')
    for (let i = 0; i < 10_000; i++) {
      if ((await Promise.race([promise, Promise.resolve(pending)])) !== pending) return promise
      await clock.advance(20)
    }
    throw new Error('it does not end')
  }
  return { clock, timeline, line, bus, unit, device, inTime }
}

type Rig = ReturnType<typeof setUp>

/** Reads at random; every answer must be the device's own words, of one of the salts. Returns how many came. */
async function campaign(rig: Rig, salts = [0]): Promise<{ answered: number; failed: Record<string, number> }> {
  const random = createRandom(11)
  const failed: Record<string, number> = {}
  let answered = 0
  for (let round = 0; round < rounds; round++) {
    const count = 1 + Math.floor(random() * 20)
    const address = Math.floor(random() * (registers - count))
    const answer = await rig.inTime(rig.unit.ask({ fn: 3, address, count }))
    if (answer.kind === 'words') {
      const right = salts.map((salt) => Array.from({ length: count }, (_, i) => scrambled(address + i, salt)))
      expect(right).toContainEqual(Array.from(answer.words))
      answered++
      continue
    }
    // Damage may not become an exception either.
    if (answer.kind !== 'failed') throw new Error(`an answer that nobody sent: ${JSON.stringify(answer)}`)
    failed[answer.failure] = (failed[answer.failure] ?? 0) + 1
    if (answer.failure === 'silent' || answer.failure === 'closed') await rig.clock.advance(1000)
  }
  return { answered, failed }
}

describe('a bus on the emulated line, in virtual time', () => {
  test.each<[LineSettings]>([
    [slow],
    [{ baud: 19_200, parity: 'even', stopBits: 1 }],
    [{ baud: 115_200, parity: 'odd', stopBits: 2 }],
  ])('reads with the settings it is told: %j', async (settings) => {
    const rig = setUp({ settings })
    rig.device(1, 10, settings)
    const answer = await rig.inTime(rig.unit.ask({ fn: 3, address: 7, count: 125 }))
    expect(answer).toMatchObject({
      kind: 'words',
      words: Uint16Array.from({ length: 125 }, (_, i) => scrambled(7 + i)),
    })
  })

  test.each<[LineSettings]>([
    [{ baud: 19_200, parity: 'none', stopBits: 1 }],
    [{ baud: 4800, parity: 'none', stopBits: 1 }],
    [{ baud: 9600, parity: 'even', stopBits: 1 }],
    [{ baud: 9600, parity: 'odd', stopBits: 1 }],
  ])('understands nothing with other settings: %j', async (settings) => {
    const rig = setUp({ settings, maxMs: 200 })
    const device = rig.device(1, 10)
    expect(await rig.inTime(rig.unit.ask({ fn: 3, address: 7, count: 5 }))).toMatchObject({ kind: 'failed' })
    expect(device.served).toBe(0)
  })

  test('wastes little of the line: the next request follows the silence after an answer', async () => {
    const rig = setUp()
    rig.device(1, 10)
    const share = await rig.inTime(readEfficiency(rig.unit, rig.clock, slow, { turnaroundMs: 10 }))
    expect(share).toBeGreaterThan(0.98)
    // Half a stop bit per read may be won: a character is there before its stop bit has ended.
    expect(share).toBeLessThan(1.001)
  })

  test('waits no longer than the adapter makes it wait', async () => {
    const rig = setUp({ model: usb16 })
    rig.device(1, 10)
    const share = await rig.inTime(readEfficiency(rig.unit, rig.clock, slow, { turnaroundMs: 10 }))
    // At most one latency of 16 ms for a read of 295 ms.
    expect(share).toBeGreaterThan(0.94)
  })

  test(
    'noise costs answers, never truth',
    async () => {
      const rig = setUp()
      rig.device(1, 5)
      addNoise(rig.line, rig.timeline, 8, createRandom(5))
      const { answered, failed } = await campaign(rig)
      expect(answered).toBeGreaterThan(rounds / 4)
      expect(failed['crc'] ?? 0).toBeGreaterThan(0)
    },
    timeoutMs,
  )

  test(
    'packets that are dropped or merged cost answers, never truth',
    async () => {
      const faults = { dropped: 0.15, merged: 0.2, random: createRandom(9) }
      const rig = setUp({ model: usb16, faults })
      rig.device(1, 5)
      const { answered, failed } = await campaign(rig)
      expect(answered).toBeGreaterThan(rounds / 4)
      expect(Object.keys(failed).length).toBeGreaterThan(0)
    },
    timeoutMs,
  )

  test(
    'two units with one address that answer at once cost answers; what is accepted, one of them sent',
    async () => {
      const rig = setUp()
      const [first, second] = [rig.device(1, 5, slow, 0), rig.device(1, 25, slow, 77)]
      const { failed } = await campaign(rig, [0, 77])
      expect(first.served).toBeGreaterThan(0)
      expect(second.served).toBeGreaterThan(0)
      expect(Object.keys(failed).length).toBeGreaterThan(0)
    },
    timeoutMs,
  )

  test(
    'units that answer late are never heard as another one',
    async () => {
      const rig = setUp({ maxMs: 60 })
      rig.device(1, 70)
      rig.device(2, 5, slow, 500)
      const other = rig.bus.unit(2, { timeoutMs: 60 })
      const ask = async (unit: typeof other, address: number, salt: number): Promise<void> => {
        const answer = await rig.inTime(unit.ask({ fn: 3, address, count: 3 }))
        if (answer.kind === 'words')
          expect(Array.from(answer.words)).toEqual([0, 1, 2].map((i) => scrambled(address + i, salt)))
      }
      for (let round = 0; round < rounds; round++) {
        await ask(rig.unit, round % 400, 0)
        await ask(other, (7 * round) % 400, 500)
        if (round % 5 === 0) await rig.clock.advance(700)
      }
      expect(rig.unit.stats().late + rig.bus.stats().discarded).toBeGreaterThan(0)
    },
    timeoutMs,
  )
})
