import { describe, expect, test } from 'vitest'
import { type RegisterScan, registerScan } from '#contract/workbench-scan.ts'
import { type RegisterScanOptions, scanRegisters } from '../../../service/commissioning/scan/scan-registers.ts'
import { createReadOnlyBus } from '../../../service/drivers/modbus/bus.ts'
import { createRegisterBank } from '../../../service/drivers/simulated/register-bank.ts'
import { answerPdu, type PduDevice } from '../../../service/drivers/simulated/modbus-pdu.ts'
import { createRandom } from '../line/random.ts'
import { scrambled } from '../line/registers.ts'
import { attachRtuDevice } from '../line/rtu-device.ts'
import { createTimeline } from '../line/timeline.ts'
import { virtualPort } from '../line/virtual-port.ts'
import { createLine } from '../line/wire.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { inTime } from './in-time.ts'

type Island = readonly [first: number, count: number]

const free = { perS: Number.POSITIVE_INFINITY, duty: 1 }

function deviceWith(islands: readonly Island[], maxReadRegisters = 125, word = scrambled): PduDevice {
  const fields = islands.flatMap(([first, count]) =>
    Array.from({ length: count }, (_, i) => ({
      table: 'holding' as const,
      address: first + i,
      words: 1,
      read: () => [word(first + i)],
    })),
  )
  return { bank: createRegisterBank(fields), maxReadRegisters }
}

/** 40 islands of 32 to 300 registers, some of them in groups with small gaps, one of them with single holes. */
function fortyIslands(seed: number): Island[] {
  const random = createRandom(seed)
  const islands: Island[] = []
  let at = 0
  while (islands.length < 40) {
    at += islands.length % 5 === 4 ? 3 : 100 + Math.floor(random() * 2200)
    const count = 32 + Math.floor(random() * (random() < 0.3 ? 270 : 60))
    islands.push([at, count])
    at += count
  }
  expect(at).toBeLessThan(65_536)
  return islands
}

/** A serial line in virtual time with one unit, and what was asked on it. */
function createRig(
  device: PduDevice,
  { baud = 115_200, answer }: { baud?: number; answer?: (pdu: Buffer) => Buffer | undefined } = {},
) {
  const clock = createManualClock()
  const timeline = createTimeline(clock)
  const line = createLine(timeline)
  const settings = { baud, parity: 'none', stopBits: 1 } as const
  const asked: { readonly fn: number; readonly address: number; readonly count: number }[] = []
  attachRtuDevice({ timeline, line, settings, unitId: 1, device, turnaroundMs: 10, ...(answer && { answer }) })
  const bus = createReadOnlyBus({
    address: { kind: 'rtu', path: '/dev/emulated', ...settings },
    clock,
    openSerial: virtualPort(line, timeline),
  })
  bus.tap(({ direction, bytes }) => {
    if (direction === 'sent')
      asked.push({ fn: bytes[1]!, address: bytes.readUInt16BE(2), count: bytes.readUInt16BE(4) })
  })
  const stop = new AbortController()
  return {
    asked,
    stop,
    clock,
    async scan(options: Partial<RegisterScanOptions> = {}): Promise<RegisterScan> {
      const whole = { bus, unitId: 1, fn: 3 as const, to: 65_535, rate: free, ...options }
      return registerScan.parse(await inTime(clock, scanRegisters(whole, { clock, signal: stop.signal })))
    },
  }
}

/** Address to word, of everything that was found. */
function valuesOf({ spans }: RegisterScan): Map<number, number> {
  return new Map(spans.flatMap(({ address, words }) => words.map((word, i): [number, number] => [address + i, word])))
}

/** What asking for each register alone finds. */
function oracle(device: PduDevice): Map<number, number> {
  const found = new Map<number, number>()
  for (let address = 0; address <= 65_535; address++) {
    const request = Buffer.from([3, address >> 8, address & 0xff, 0, 1])
    const answer = answerPdu(device, request)
    if (answer[0] === 3) found.set(address, answer.readUInt16BE(2))
  }
  return found
}

describe('a register scan', () => {
  test.each([125, 65, 10])('finds what asking one by one finds, at blocks of %i, 20 times faster', async (most) => {
    const device = deviceWith(fortyIslands(most), most)
    const rig = createRig(device, { baud: 9600 })
    const found = await rig.scan()
    const all = oracle(device)
    expect(found).toMatchObject({ state: 'complete', largestBlock: most, next: 65_536 })
    expect(valuesOf(found)).toEqual(all)
    expect(rig.asked.every(({ fn }) => fn === 3)).toBe(true)
    // One by one each question takes the characters of both frames, two silences and the device's time.
    const characterMs = 10 / 9.6
    const aloneMs = all.size * (15 * characterMs + 8 + 10) + (65_536 - all.size) * (13 * characterMs + 8 + 10)
    expect(aloneMs / found.elapsedMs).toBeGreaterThan(20)
    expect(found.elapsedMs / found.floorMs).toBeLessThan(1.3)
  })

  test('asks for every address when it is told to, and then misses nothing', async () => {
    const random = createRandom(3)
    for (let round = 0; round < 12; round++) {
      const islands: Island[] = []
      for (let at = Math.floor(random() * 9); at < 380;) {
        const count = 1 + Math.floor(random() * (random() < 0.5 ? 3 : 60))
        islands.push([at, count])
        at += count + 1 + Math.floor(random() * 40)
      }
      const device = deviceWith(islands, [125, 65, 10, 1][round % 4])
      const rig = createRig(device)
      const found = await rig.scan({ to: 450, stride: 1 })
      expect(valuesOf(found)).toEqual(oracle(device))
      expect(found.spans.some(({ inferred }) => inferred)).toBe(false)
      // Every address is accounted for once.
      const counted = found.spans.reduce((sum, { count }) => sum + count, 0)
      expect(counted).toBe(451)
    }
  })

  test('learns the largest block of a device that refuses larger ones as an address', async () => {
    const most = 37
    const device = deviceWith([[100, 400]])
    const rig = createRig(device, {
      answer: (pdu) => (pdu.readUInt16BE(3) > most ? Buffer.from([0x83, 2]) : answerPdu(device, pdu)),
    })
    const found = await rig.scan({ to: 999 })
    expect(found.largestBlock).toBe(most)
    expect(valuesOf(found)).toEqual(oracle(device))
  })

  test('finds what a device has that ignores what it lacks', async () => {
    const device = deviceWith([
      [64, 40],
      [300, 70],
    ])
    const rig = createRig(device, {
      answer: (pdu) => {
        const answer = answerPdu(device, pdu)
        return answer[0] === 0x83 ? undefined : answer
      },
    })
    const found = await rig.scan({ to: 600 })
    expect(found.state).toBe('complete')
    expect(valuesOf(found)).toEqual(oracle(device))
    expect(new Set(found.spans.map(({ status }) => status))).toEqual(new Set(['value', 'silence']))
  })

  test('takes long rows of one word that stands for nothing as holes', async () => {
    const device = deviceWith([[0, 400]], 125, (address) => (address >= 100 && address < 300 ? 0xffff : address))
    const found = await createRig(device).scan({ to: 399 })
    expect(found.spans.map(({ address, count, status }) => [address, count, status])).toEqual([
      [0, 100, 'value'],
      [100, 200, 'sentinel'],
      [300, 100, 'value'],
    ])
  })

  test('never touches what must not be read', async () => {
    const device = deviceWith([[0, 1000]])
    const rig = createRig(device)
    const found = await rig.scan({
      to: 999,
      noScanRanges: [
        [50, 59],
        [64, 64],
        [500, 700],
      ],
    })
    const touched = rig.asked.filter(({ address, count }) =>
      [50, 59, 64, 500, 600, 700].some((one) => address <= one && one < address + count),
    )
    expect(touched).toEqual([])
    expect(valuesOf(found).size).toBe(1000 - 10 - 1 - 201)
    expect(found.spans.filter(({ status }) => status === 'skipped')).toHaveLength(3)
  })

  test('asks once more where an answer may have been bad luck', async () => {
    const device = deviceWith([[0, 100]])
    let count = 0
    const rig = createRig(device, {
      // Every third answer: busy, or none at all.
      answer: (pdu) => {
        count++
        if (count % 6 === 3) return Buffer.from([0x83, 6])
        return count % 6 === 0 ? undefined : answerPdu(device, pdu)
      },
    })
    const found = await rig.scan({ to: 299 })
    expect(valuesOf(found)).toEqual(oracle(device))
    expect(found.spans.map(({ status }) => status)).toEqual(['value', 'illegal-address'])
  })

  test('keeps other exceptions apart, and says when a function is unknown', async () => {
    const device = deviceWith([[0, 40]])
    const rig = createRig(device, {
      answer: (pdu) => {
        const last = pdu.readUInt16BE(1) + pdu.readUInt16BE(3) - 1
        return last >= 40 && last < 80 ? Buffer.from([0x83, 4]) : answerPdu(device, pdu)
      },
    })
    const found = await rig.scan({ to: 99, stride: 1 })
    expect(found.spans.map(({ address, status, code }) => [address, status, code])).toEqual([
      [0, 'value', null],
      [40, 'other-exception', 4],
      [80, 'illegal-address', 2],
    ])
    const none = await createRig(device, { answer: (pdu) => Buffer.from([pdu[0]! | 0x80, 1]) }).scan({ fn: 4 })
    expect(none).toMatchObject({ state: 'complete', notes: ['the device does not know function 4'], requests: 1 })
    expect(none.spans).toHaveLength(1)
  })

  test('reads no faster than it is allowed to', async () => {
    const device = deviceWith([[0, 500]])
    const fast = await createRig(device, { baud: 9600 }).scan({ to: 499, rate: { perS: 1000, duty: 0.5 } })
    // 500 registers take 1.04 s on the wire.
    expect(fast.elapsedMs).toBeGreaterThan(2 * 500 * 2 * (10 / 9.6))
    const slow = await createRig(device).scan({ to: 499, rate: { perS: 2 } })
    expect(slow.elapsedMs).toBeGreaterThanOrEqual((slow.requests - 1) * 500)
  })

  test('stops at once, keeps what it found, and goes on from there', async () => {
    const device = deviceWith(fortyIslands(8))
    const whole = await createRig(device).scan()
    const rig = createRig(device)
    const scanning = rig.scan()
    await rig.clock.advance(7000)
    rig.stop.abort()
    const partial = await scanning
    expect(partial).toMatchObject({ state: 'cancelled' })
    expect(partial.next).toBeGreaterThan(1000)
    const goneOn = await createRig(device).scan({ previous: registerScan.parse(JSON.parse(JSON.stringify(partial))) })
    expect(goneOn).toMatchObject({ state: 'complete', next: 65_536 })
    expect(valuesOf(goneOn)).toEqual(valuesOf(whole))
    expect(goneOn.requests).toBeLessThan(whole.requests + 30)
  })

  test('ends when the unit is gone, and when it never was there', async () => {
    const device = deviceWith([[0, 2000]])
    let answers = 0
    const rig = createRig(device, { answer: (pdu) => (++answers > 5 ? undefined : answerPdu(device, pdu)) })
    const gone = await rig.scan()
    expect(gone).toMatchObject({ state: 'closed', reason: 'unit 1 does not answer any more' })
    expect(valuesOf(gone).size).toBeGreaterThan(300)
    const nobody = await createRig(device, { answer: () => undefined }).scan()
    expect(nobody).toMatchObject({ state: 'closed', reason: 'unit 1 does not answer', spans: [] })
  })
})
