import { describe, expect, test } from 'vitest'
import { failed, type Answer } from '../../../../service/drivers/modbus/pdu.ts'
import { createUnit } from '../../../../service/drivers/modbus/unit.ts'
import { createManualClock } from '../../../drivers/support/manual-clock.ts'

const good: Answer = { kind: 'written' }
const timeout = failed('timeout', 'no answer', true)

function unitAt(quirks = {}) {
  const unit = createUnit(1, quirks, createManualClock())
  const settle = (answer: Answer, nowMs: number, latencyMs = 10): void => {
    unit.sent()
    unit.settled(answer, latencyMs, nowMs)
  }
  return { unit, settle }
}

describe('a unit', () => {
  test('that never answered is left alone after one timeout, longer each time up to 30 s', () => {
    const { unit, settle } = unitAt()
    let nowMs = 0
    const pauses: number[] = []
    for (let i = 0; i < 8; i++) {
      settle(timeout, nowMs)
      const fromMs = nowMs
      while (unit.silentReason(nowMs) !== undefined) nowMs += 500
      pauses.push(nowMs - fromMs)
    }
    expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000])
  })

  test('that answered before gets one more try at once, and is asked as before when it answers', () => {
    const { unit, settle } = unitAt()
    settle(good, 0)
    settle(timeout, 100)
    expect(unit.silentReason(100)).toBeUndefined()
    settle(timeout, 200)
    expect(unit.silentReason(200)).toContain('next attempt in 1 s')
    expect(unit.probing()).toBe(true)
    settle(good, 1300)
    expect(unit.silentReason(1300)).toBeUndefined()
    expect(unit.probing()).toBe(false)
  })

  test('behind a gateway that says 0B is silent too; any other exception is an answer', () => {
    const behind = unitAt()
    behind.settle({ kind: 'exception', code: 11 }, 0)
    expect(behind.unit.silentReason(0)).toBeDefined()
    const present = unitAt()
    present.settle({ kind: 'exception', code: 2 }, 0)
    expect(present.unit.silentReason(0)).toBeUndefined()
    expect(present.unit.stats(0)).toMatchObject({ exceptions: 1, failures: 0 })
  })

  test('is allowed three times its slowest answer, within the limit of its map', () => {
    const { unit, settle } = unitAt({ timeoutMs: 2000 })
    expect(unit.timeoutMs()).toBe(2000)
    for (let i = 0; i < 16; i++) settle(good, i, 200)
    expect(unit.timeoutMs()).toBe(620)
    settle(timeout, 20)
    expect(unit.timeoutMs()).toBe(1240)
    unit.answeredLate(1500)
    expect(unit.timeoutMs()).toBe(2000)
    const quick = unitAt()
    for (let i = 0; i < 16; i++) quick.settle(good, i, 1)
    expect(quick.unit.timeoutMs()).toBe(250)
  })

  test('counts what happened and keeps its gap', () => {
    const { unit, settle } = unitAt({ requestGapMs: 50 })
    settle(good, 1000, 7)
    settle(failed('crc', 'CRC error', true), 1100)
    settle(timeout, 1200)
    expect(unit.readyAtMs).toBe(1250)
    expect(unit.stats(1200)).toMatchObject({ requests: 3, failures: 2, timeouts: 1, crcErrors: 1, p50Ms: 7, p95Ms: 7 })
  })
})
