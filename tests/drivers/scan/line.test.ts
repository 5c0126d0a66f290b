import { describe, expect, test } from 'vitest'
import { type UnitScan, unitScan } from '#contract/workbench-scan.ts'
import { scrambledDevice } from '../line/registers.ts'
import { createRandom } from '../line/random.ts'
import { withCrc } from '../support/test-device.ts'
import { createLineRig, slow } from './line-rig.ts'

const ids = ({ units }: UnitScan): number[] => units.map(({ unitId }) => unitId)
/** Unit IDs tried for a slow device; more in a long run. */
const rounds = Number(process.env['R_EMS_SCAN_ROUNDS'] ?? 4)
const uart = { kind: 'uart' } as const
const usb = { kind: 'usb', latencyMs: 16 } as const

describe('a scan of a line at 9600 baud', () => {
  test.each([
    ['a UART', uart, [17, 33, 90, 148, 222]],
    ['a USB adapter', usb, [17, 33, 90, 148, 222]],
    ['a USB adapter', usb, [1, 2, 3, 4, 5]],
    ['a USB adapter', usb, [243, 244, 245, 246, 247]],
  ])('finds 5 units in 247 within 20 s, none missed, none false (%s, %j)', async (_, model, there) => {
    const rig = createLineRig({ model })
    for (const unitId of there) rig.device(unitId)
    const found = unitScan.parse(await rig.inTime(rig.scan()))
    expect(found).toMatchObject({ state: 'complete', reason: null, heard: { bytes: 0 } })
    expect(ids(found)).toEqual(there)
    expect(found.elapsedMs).toBeLessThan(20_000)
    expect(found.elapsedMs / found.floorMs).toBeLessThan(1.3)
    // Whoever takes longer than the quick look waits could still be anywhere else, and is named.
    expect(found.notExcluded).toHaveLength(242)
    expect(found.heard.text).toMatch(/^nothing else heard for 1\d s$/)
  })

  test(
    'finds a unit that answers after 600 ms, within 200 s, wherever it is',
    { timeout: 20_000 + 1000 * rounds },
    async () => {
      const random = createRandom(5)
      for (let round = 0; round < rounds; round++) {
        const slowId = 1 + Math.floor(random() * 247)
        for (const others of [[], [7, 21, 100, 150, 201].filter((unitId) => unitId !== slowId)]) {
          const rig = createLineRig()
          rig.device(slowId, 600)
          for (const unitId of others) rig.device(unitId)
          const found = await rig.inTime(rig.scan({ settings: slow, thorough: true }))
          expect(found.state).toBe('complete')
          expect(ids(found)).toEqual([slowId, ...others].toSorted((a, b) => a - b))
          expect(found.elapsedMs).toBeLessThan(200_000)
          expect(found.notExcluded).toEqual([])
        }
      }
    },
  )

  test('hears a unit in the quick pass that answers later than is waited for', async () => {
    let heard = 0
    for (const turnaroundMs of [60, 75, 90, 105, 120, 150, 180, 195]) {
      const rig = createLineRig({ model: uart })
      rig.device(1, 5)
      rig.device(140, turnaroundMs)
      const found = await rig.inTime(rig.scan())
      if (found.units.length === 2) heard++
      // Where the late answer meets our next question, a scan that hears a part of it stops; it never excludes the unit.
      else expect(found.notExcluded).toContain(140)
      expect(ids(found).filter((unitId) => unitId !== 1 && unitId !== 140)).toEqual([])
    }
    expect(heard).toBeGreaterThanOrEqual(4)
  })

  test.each([
    ['says how long nothing was heard when nobody is there', 0],
    ['is not misled by single bytes of a line without bias', 1],
  ])('%s', async (_, glitches) => {
    const rig = createLineRig({ model: uart })
    if (glitches > 0) {
      const source = rig.line.attach({ settings: slow, receive: () => undefined })
      rig.timeline.at(3000.3, () => source.send(Uint8Array.of(0)))
    }
    const found = await rig.inTime(rig.scan())
    expect(found).toMatchObject({ state: 'complete', units: [], heard: { bytes: 0 } })
    expect(found.notExcluded).toHaveLength(247)
    expect(found.notes).toHaveLength(glitches)
  })
})

describe('somebody else on the line', () => {
  const request = withCrc(Buffer.from([9, 3, 0, 0, 0, 10]))

  test('is heard before anything is sent', async () => {
    const rig = createLineRig()
    const other = rig.line.attach({ settings: slow, receive: () => undefined })
    rig.timeline.at(1500, () => other.send(request))
    const found = await rig.inTime(rig.scan())
    expect(found).toMatchObject({ state: 'foreign-traffic', units: [], requests: 0 })
    expect(found.reason).toMatch(/^a request to unit 9 \(function 3\) was heard: .* sniff/)
    expect(rig.sent).toEqual([])
  })

  test('at another rate is heard before anything is sent', async () => {
    const rig = createLineRig()
    const other = rig.line.attach({ settings: { ...slow, baud: 19_200 }, receive: () => undefined })
    rig.timeline.at(1500, () => other.send(Buffer.concat([request, request])))
    const found = await rig.inTime(rig.scan())
    expect(found).toMatchObject({ state: 'foreign-traffic', requests: 0 })
    expect(rig.sent).toEqual([])
  })

  test('is noticed when it polls every 20 s, and the scan stops within a frame', async () => {
    const frameMs = (request.length * 10) / 9.6
    let noticed = 0
    for (let phaseMs = 0; phaseMs < 70; phaseMs += 3) {
      const rig = createLineRig({ model: phaseMs % 2 === 0 ? uart : usb })
      rig.device(9)
      rig.device(40)
      const master = rig.line.attach({ settings: slow, receive: () => undefined })
      let endMs = 0
      const poll = (): void => {
        endMs = master.send(request)
        rig.timeline.at(rig.timeline.nowMs() + 20_000, poll)
      }
      // Its first poll falls into the scan, wherever between two of our own frames.
      rig.timeline.at(6000 + phaseMs, poll)
      const found = await rig.inTime(rig.scan())
      const after = rig.sent.filter(({ atMs }) => atMs > endMs)
      // Nobody hears what is said while the own transmitter is on.
      const deaf = rig.sent.some(({ atMs }) => atMs - 0.5 <= endMs - frameMs && atMs + 0.5 >= endMs - frameMs)
      if (deaf) continue
      noticed++
      expect(found.state).toBe('foreign-traffic')
      expect(after.length, `${phaseMs} ms: ${found.reason ?? ''}`).toBeLessThanOrEqual(1)
      expect(found.elapsedMs).toBeLessThan(7500)
    }
    expect(noticed).toBeGreaterThan(20)
  })
})

describe('two devices under one ID', () => {
  test.each([
    ['at the same time', 20, 20],
    ['almost at the same time', 20, 22.3],
    ['one after the other', 10, 45],
  ])('are told from one that answer %s', async (_, first, second) => {
    const rig = createLineRig({ model: uart })
    rig.device(1)
    rig.device(77, first, scrambledDevice(20, 1))
    rig.device(77, second, scrambledDevice(20, 40_000))
    rig.device(200)
    const found = await rig.inTime(rig.scan())
    expect(found.state).toBe('complete')
    expect(ids(found)).toEqual([1, 77, 200])
    expect(found.units[1]).toMatchObject({ status: 'two-devices' })
    expect(found.units[1]!.notes.join()).toContain('two devices on unit 77?')
  })
})

describe('a scan that is broken off', () => {
  test('stops within a frame, keeps what it found, and goes on from there', async () => {
    const rig = createLineRig()
    for (const unitId of [3, 60, 190]) rig.device(unitId)
    const first = rig.scan()
    await rig.clock.advance(9000)
    rig.stop.abort()
    const stoppedMs = rig.clock.monotonicMs()
    const partial = await rig.inTime(first)
    expect(partial).toMatchObject({ state: 'cancelled' })
    expect(ids(partial)).toEqual([3, 60])
    expect(rig.sent.filter(({ atMs }) => atMs > stoppedMs)).toEqual([])

    const next = createLineRig()
    for (const unitId of [3, 60, 190]) next.device(unitId)
    const previous = unitScan.parse(JSON.parse(JSON.stringify(partial)))
    const whole = await next.inTime(next.scan({ settings: slow, previous }))
    expect(whole.state).toBe('complete')
    expect(ids(whole)).toEqual([3, 60, 190])
    // What was asked before is not asked again.
    expect(whole.requests).toBeLessThan(260)
  })
})

describe('a line with unknown settings', () => {
  test.each([
    [{ baud: 19_200, parity: 'even', stopBits: 1 } as const, 1],
    [{ baud: 115_200, parity: 'none', stopBits: 1 } as const, 3],
    [{ baud: 57_600, parity: 'none', stopBits: 2 } as const, 61],
    [{ baud: 2400, parity: 'none', stopBits: 1 } as const, 247],
    [{ baud: 9600, parity: 'even', stopBits: 1 } as const, 5],
  ])('is understood within 30 s: %j, unit %i', async (settings, unitId) => {
    const rig = createLineRig({ settings })
    rig.device(unitId)
    let foundMs = 0
    const found = await rig.inTime(
      rig.scan({ settings: undefined }, ({ phase }) => {
        if (phase === 'units' && foundMs === 0) foundMs = rig.clock.monotonicMs()
      }),
    )
    expect(found).toMatchObject({ state: 'complete', settings })
    expect(ids(found)).toEqual([unitId])
    expect(foundMs).toBeLessThan(30_000)
  })

  test('says so when nobody answers', async () => {
    const rig = createLineRig()
    const found = await rig.inTime(rig.scan({ settings: undefined }))
    expect(found).toMatchObject({ state: 'complete', settings: null, units: [] })
    expect(found.notes).toEqual(['nobody answers at any usual settings'])
    expect(found.elapsedMs).toBeLessThan(45_000)
  })

  test('and unusual unit IDs is asked for all of them at the most frequent settings', async () => {
    const rig = createLineRig()
    for (const unitId of [33, 180]) rig.device(unitId)
    const found = await rig.inTime(rig.scan({ settings: undefined }))
    expect(found).toMatchObject({ state: 'complete', settings: slow, notes: [] })
    expect(ids(found)).toEqual([33, 180])
  })
})
