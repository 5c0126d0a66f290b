import { describe, expect, it } from 'vitest'
import type { StepInput, StepResult } from '../../../service/control/types.ts'
import type { Device } from '../../../service/drivers/driver.ts'
import { type CompletedCycle, jitterMs, startGridRuntime } from '../../../service/runtime/grid-runtime.ts'
import { type ManualClock, manualClock } from './manual-clock.ts'

type State = number

const known = new Map([['meter', new Map()]])
const nothing = { decisions: [], limits: [], violations: [], leftAlone: [] }

/** A device whose polls end when they are told to. */
function device(poll: () => Promise<void>): Device {
  return {
    id: 'meter',
    poll,
    readings: () => new Map(),
    link: () => ({ state: 'online', requests: 0, failures: 0 }),
    points: () => [],
    pollGroups: () => [],
    bound: () => undefined,
    pollDurationMs: () => 0,
    write: () => Promise.resolve({ result: 'confirmed', frames: [] }),
    writeByHand: () => Promise.resolve({ result: 'confirmed', frames: [] }),
    encode: () => ({ frames: [] }),
    release: () => Promise.resolve({ result: 'confirmed', frames: [] }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

function start(
  clock: ManualClock,
  gridId: string,
  step: (state: State, input: StepInput) => StepResult<State>,
  poll: () => Promise<void> = () => Promise.resolve(),
) {
  const completed: CompletedCycle<State>[] = []
  const told: (string | undefined)[] = []
  const grid = startGridRuntime<State>({
    gridId,
    name: gridId,
    periodMs: 1_000,
    clock,
    devices: [device(poll)],
    step: { initial: () => 0, step },
    freeze: (elapsedS) => ({ atMs: clock.nowMs(), elapsedS, readings: known, wishes: [], plan: [] }),
    blind: (input) => ({ ...input, readings: new Map() }),
    complete: (cycle) => void completed.push(cycle),
    failing: (reason) => told.push(reason),
  })
  return { grid, completed, told }
}

const counting = (state: State): StepResult<State> => ({ ...nothing, state: state + 1 })

describe('the cycle of a grid', () => {
  it('goes on with the safe values of a step that knows nothing when its own step throws, and delays no other grid', async () => {
    const clock = manualClock()
    let broken = true
    const good = start(clock, 'good', counting)
    const bad = start(clock, 'bad', (state, { readings }) => {
      if (broken && readings.size > 0) throw new Error('division by nothing')
      return {
        ...nothing,
        state: state + 1,
        leftAlone: [{ deviceId: 'charger', text: readings.size > 0 ? 'good' : 'blind' }],
      }
    })
    for (let second = 0; second < 5; second += 1) await clock.advance(1_000)
    broken = false
    await clock.advance(1_000)
    expect(good.completed.map(({ result }) => result.state)).toEqual([1, 2, 3, 4, 5, 6])
    expect(good.grid.cycle()).toMatchObject({ state: 'running', failures: 0, overruns: 0 })
    expect(bad.completed.map(({ result }) => result.leftAlone[0]?.text)).toEqual([
      ...Array.from({ length: 5 }, () => 'blind'),
      'good',
    ])
    // From a fresh state each time: what led to the failure may be in it.
    expect(bad.completed.map(({ result }) => result.state)).toEqual([1, 1, 1, 1, 1, 2])
    expect(bad.told).toEqual(['division by nothing', undefined])
    expect(bad.grid.cycle()).toMatchObject({ state: 'running', failures: 5 })
  })

  it('hands nothing over when even that throws, and goes on trying', async () => {
    const clock = manualClock()
    let broken = true
    const { grid, completed, told } = start(clock, 'bad', (state) => {
      if (broken) throw new Error('nothing works')
      return counting(state)
    })
    await clock.advance(3_000)
    expect(completed).toEqual([])
    expect(grid.cycle()).toMatchObject({ state: 'failing', reason: 'nothing works' })
    broken = false
    await clock.advance(1_000)
    expect(completed).toHaveLength(1)
    expect(told).toEqual(['nothing works', undefined])
  })

  it('S7: waits for the first readings, but not for long', async () => {
    const clock = manualClock()
    const answered = Promise.withResolvers<void>()
    const asked = Promise.withResolvers<void>()
    const prompt = start(clock, 'prompt', counting, () => answered.promise)
    const never = start(clock, 'never', counting, () => asked.promise)
    await clock.advance(900)
    expect(prompt.completed).toHaveLength(0)
    answered.resolve()
    await clock.advance(0)
    expect([prompt.completed.length, never.completed.length]).toEqual([1, 0])
    await clock.advance(1_099)
    expect(never.completed).toHaveLength(0)
    await clock.advance(1)
    expect(never.completed).toHaveLength(1)
    await clock.advance(1_000)
    expect(never.completed).toHaveLength(2)
    asked.resolve()
  })

  it('measures jitter against whole periods', () => {
    const timing = { number: 2, deadlineMs: 0, latenessMs: 0 }
    const jitter = [0.99, 1.02, 3.01].map((elapsedS) => jitterMs({ ...timing, elapsedS }, 1_000))
    expect(jitter.map((ms) => Math.round(ms))).toEqual([10, 20, 10])
  })
})
