import { describe, expect, it } from 'vitest'
import type { Principal } from '#contract/access.ts'
import { createArmed } from '../../../service/runtime/armed.ts'
import { createWishes } from '../../../service/runtime/wishes.ts'
import { manualClock } from './manual-clock.ts'

const person = (name: string): Principal => ({ kind: 'user', id: name, name, role: 'installer', address: '::1' })
const maria = person('maria')
const ben = person('ben')

describe('armed', () => {
  it('ends by itself, on a clock that nobody can set, and begins anew when asked again', async () => {
    const clock = manualClock()
    const armed = createArmed(clock)
    armed.arm({ minutes: 5, reason: 'commissioning' }, maria)
    expect([armed.holds(maria), armed.holds(ben)]).toEqual([true, false])
    clock.stepWall(3_600_000)
    await clock.advance(240_000)
    armed.arm({ minutes: 5, reason: 'commissioning' }, maria)
    await clock.advance(299_000)
    expect(armed.list()[0]?.permission).toMatchObject({ principal: 'maria', reason: 'commissioning', leftS: 1 })
    await clock.advance(1_000)
    expect(armed.holds(maria)).toBe(false)
    expect(armed.list()).toEqual([])
  })

  it('is given back at once, once', () => {
    const armed = createArmed(manualClock())
    armed.arm({ minutes: 5, reason: 'commissioning' }, maria)
    expect([armed.release(ben), armed.release(maria), armed.release(maria)]).toEqual([false, true, false])
    expect(armed.holds(maria)).toBe(false)
  })

  it('is bounded', () => {
    const armed = createArmed(manualClock())
    for (let n = 0; n < 50; n += 1) armed.arm({ minutes: 1, reason: 'many' }, person(`p${n}`))
    expect(() => armed.arm({ minutes: 1, reason: 'many' }, maria)).toThrow('50 people are armed already')
    armed.arm({ minutes: 1, reason: 'again' }, person('p7'))
  })
})

describe('wishes', () => {
  const target = { deviceId: 'battery', command: 'setPowerW' } as const
  const by = (name: string) => ({ key: name, name, unit: 'W' })
  const ask = (value: number, ttlS = 60) => ({ value, ttlS, reason: 'test' })
  const rig = () => {
    const clock = manualClock()
    const expired: string[] = []
    const wishes = createWishes(clock, ({ deviceId, principal }) => expired.push(`${deviceId} ${principal}`))
    return { clock, wishes, expired }
  }

  it('end on the monotonic clock, whatever the wall clock does, and say so once', async () => {
    const { clock, wishes, expired } = rig()
    wishes.set(target, ask(500), by('maria'))
    clock.stepWall(-3_600_000)
    await clock.advance(59_999)
    expect(wishes.current()).toMatchObject([{ ...target, value: 500, principal: 'maria', reason: 'test' }])
    clock.stepWall(7_200_000)
    await clock.advance(1)
    expect(wishes.current()).toEqual([])
    expect(wishes.list()).toEqual([])
    expect(expired).toEqual(['battery maria'])
  })

  it('are replaced by the one who asked, and by nobody else', () => {
    const { wishes } = rig()
    wishes.set(target, ask(500), by('maria'))
    expect(wishes.set(target, ask(700), by('maria'))).toMatchObject({ value: 700 })
    expect(() => wishes.set(target, ask(1), by('ben'))).toThrow(
      'maria has asked battery for setPowerW 700 W, for 60 s more',
    )
    expect(wishes.list()).toMatchObject([{ value: 700, principal: 'maria', leftS: 60 }])
  })

  it('do not contradict each other on one device', () => {
    const { wishes } = rig()
    wishes.set(target, ask(500), by('maria'))
    expect(() => wishes.set({ deviceId: 'battery', command: 'limitChargeW' }, ask(0), by('maria'))).toThrow(
      'setPowerW 500',
    )
    wishes.set({ deviceId: 'charger', command: 'setCurrentA' }, ask(8), by('ben'))
    expect([wishes.clear(target), wishes.clear(target)]).toEqual([true, false])
    expect(wishes.list().map(({ deviceId }) => deviceId)).toEqual(['charger'])
  })
})
