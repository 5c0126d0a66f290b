import { describe, expect, it } from 'vitest'
import { startCycle } from '../../../service/runtime/cycle.ts'
import { manualClock } from './manual-clock.ts'

describe('cycle', () => {
  it('keeps absolute deadlines although every timer fires late', async () => {
    const clock = manualClock()
    const deadlines: number[] = []
    const cycle = startCycle({ periodMs: 100, clock, run: ({ deadlineMs }) => deadlines.push(deadlineMs) })
    for (let n = 1; n <= 50; n += 1) await clock.advance(100 * n + 7 - clock.monotonicMs())
    await cycle[Symbol.asyncDispose]()
    expect(deadlines).toEqual(Array.from({ length: 50 }, (_, index) => (index + 1) * 100))
    expect(cycle.stats().latenessMs.max).toBe(7)
  })

  it('skips and counts the deadlines that a long cycle missed', async () => {
    const clock = manualClock()
    const starts: number[] = []
    const cycle = startCycle({
      periodMs: 100,
      clock,
      run: ({ number }) => {
        starts.push(clock.monotonicMs())
        if (number === 2) clock.busy(350)
      },
    })
    await clock.advance(100)
    await clock.advance(100)
    await clock.advance(50)
    await clock.advance(100)
    await cycle[Symbol.asyncDispose]()
    expect(starts).toEqual([100, 200, 600, 700])
    expect(cycle.stats().overruns).toBe(3)
  })

  it('is not moved by steps of the wall clock', async () => {
    const clock = manualClock()
    let count = 0
    const cycle = startCycle({ periodMs: 1000, clock, run: () => (count += 1) })
    for (const step of [0, 3_600_000, -7_200_000]) {
      clock.stepWall(step)
      await clock.advance(1000)
    }
    await cycle[Symbol.asyncDispose]()
    expect(count).toBe(3)
  })

  it('reports an error of the step and ends', async () => {
    const clock = manualClock()
    const cycle = startCycle({
      periodMs: 100,
      clock,
      run: () => {
        throw new Error('broken step')
      },
    })
    await clock.advance(100)
    await expect(cycle.done).rejects.toThrow('broken step')
  })
})
