import { describe, expect, test } from 'vitest'
import { registerScan } from '#contract/workbench-scan.ts'
import { answerPdu } from '../../../service/drivers/simulated/modbus-pdu.ts'
import { createRandom } from '../line/random.ts'
import { createRegisterRig, deviceWith, fortyIslands, type Island, oracle, valuesOf } from './register-rig.ts'

describe('a register scan', () => {
  test.each([125, 65, 10])('finds what asking one by one finds, at blocks of %i, 20 times faster', async (most) => {
    const device = deviceWith(fortyIslands(most), most)
    const rig = createRegisterRig(device, { baud: 9600 })
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
      const rig = createRegisterRig(device)
      const found = await rig.scan({ to: 450, stride: 1 })
      expect(valuesOf(found)).toEqual(oracle(device))
      expect(found.spans.some(({ inferred }) => inferred)).toBe(false)
      // Every address is accounted for once.
      const counted = found.spans.reduce((sum, { count }) => sum + count, 0)
      expect(counted).toBe(451)
    }
  })

  test('finds single registers where a map has them', async () => {
    const device = deviceWith([
      [5, 1],
      [101, 2],
      [333, 1],
      [900, 3],
    ])
    const found = await createRegisterRig(device).scan({ to: 999, likelyAddresses: [333, 5, 102, 900, 950] })
    expect(valuesOf(found)).toEqual(oracle(device))
  })

  test('learns the largest block of a device that refuses larger ones as an address', async () => {
    const most = 37
    const device = deviceWith([[100, 400]])
    const rig = createRegisterRig(device, {
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
    const rig = createRegisterRig(device, {
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
    const found = await createRegisterRig(device).scan({ to: 399 })
    expect(found.spans.map(({ address, count, status }) => [address, count, status])).toEqual([
      [0, 100, 'value'],
      [100, 200, 'sentinel'],
      [300, 100, 'value'],
    ])
  })

  test('never touches what must not be read', async () => {
    const device = deviceWith([[0, 1000]])
    const rig = createRegisterRig(device)
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
    const rig = createRegisterRig(device, {
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
    const rig = createRegisterRig(device, {
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
    const none = await createRegisterRig(device, { answer: (pdu) => Buffer.from([pdu[0]! | 0x80, 1]) }).scan({ fn: 4 })
    expect(none).toMatchObject({ state: 'complete', notes: ['the device does not know function 4'], requests: 1 })
    expect(none.spans).toHaveLength(1)
  })

  test('reads no faster than it is allowed to', async () => {
    const device = deviceWith([[0, 500]])
    const fast = await createRegisterRig(device, { baud: 9600 }).scan({ to: 499, rate: { perS: 1000, duty: 0.5 } })
    // 500 registers take 1.04 s on the wire.
    expect(fast.elapsedMs).toBeGreaterThan(2 * 500 * 2 * (10 / 9.6))
    const slow = await createRegisterRig(device).scan({ to: 499, rate: { perS: 2 } })
    expect(slow.elapsedMs).toBeGreaterThanOrEqual((slow.requests - 1) * 500)
  })

  test('stops at once, keeps what it found, and goes on from there', async () => {
    const device = deviceWith(fortyIslands(8))
    const whole = await createRegisterRig(device).scan()
    const rig = createRegisterRig(device)
    const scanning = rig.scan()
    await rig.clock.advance(7000)
    rig.stop.abort()
    const partial = await scanning
    expect(partial).toMatchObject({ state: 'cancelled' })
    expect(partial.next).toBeGreaterThan(1000)
    const goneOn = await createRegisterRig(device).scan({
      previous: registerScan.parse(JSON.parse(JSON.stringify(partial))),
    })
    expect(goneOn).toMatchObject({ state: 'complete', next: 65_536 })
    expect(valuesOf(goneOn)).toEqual(valuesOf(whole))
    expect(goneOn.requests).toBeLessThan(whole.requests + 30)
  })

  test('ends when the unit is gone, and when it never was there', async () => {
    const device = deviceWith([[0, 2000]])
    let answers = 0
    const rig = createRegisterRig(device, { answer: (pdu) => (++answers > 5 ? undefined : answerPdu(device, pdu)) })
    const gone = await rig.scan()
    expect(gone).toMatchObject({ state: 'closed', reason: 'unit 1 does not answer any more' })
    expect(valuesOf(gone).size).toBeGreaterThan(300)
    const nobody = await createRegisterRig(device, { answer: () => undefined }).scan()
    expect(nobody).toMatchObject({ state: 'closed', reason: 'unit 1 does not answer', spans: [] })
  })
})
