import { describe, expect, it } from 'vitest'
import { createValueHistory } from '../../../../service/commissioning/values/history.ts'
import { createKnobs } from '../../../../service/runtime/workbench/knob.ts'
import { libraryMaps } from '../../commissioning/inference/library-maps.ts'
import { manualClock } from '../manual-clock.ts'

const source = { kind: 'watch', id: 'w' } as const

function rig() {
  const clock = manualClock()
  const history = createValueHistory()
  const maps = libraryMaps()
  const knobs = createKnobs({
    clock,
    historyOf: ({ kind, id }) => (kind === 'watch' && id === 'w' ? history : undefined),
    maps: () => maps,
  })
  async function seconds(count: number, value: number): Promise<void> {
    for (let second = 0; second < count; second++) {
      history.record({ unitId: 1, fn: 3, address: 0, words: [value, 5, second % 3], atMs: clock.nowMs() })
      await clock.advance(1000)
    }
  }
  return { knobs, seconds, clock }
}

describe('the knob wizard of the workbench', () => {
  it('waits for ten seconds of baseline, then names the culprit, then says that it is sure', async () => {
    const { knobs, seconds } = rig()
    const { id } = knobs.start({ source })
    await seconds(4, 420)
    expect(knobs.state(id)).toMatchObject({ step: 'baseline', baselineSoFarMs: 4000 })
    expect(() => knobs.turn(id, {})).toThrow('4 s long so far; wait until it is 10 s')
    await seconds(8, 420)
    expect(knobs.state(id).step).toBe('ready')
    expect(knobs.turn(id, { from: 42, to: 45 })).toMatchObject({ step: 'watching', culprits: [], advice: 'wait' })
    await seconds(5, 450)
    expect(knobs.state(id)).toMatchObject({
      step: 'watching',
      hidden: 1,
      unmoved: 1,
      culprits: [{ unitId: 1, fn: 3, address: 0, scale: 0.1, before: 420, after: 450 }],
    })
    await seconds(16, 450)
    expect(knobs.state(id)).toMatchObject({ step: 'result', turns: [{ from: 42, to: 45 }] })
    knobs.end(id)
    expect(() => knobs.state(id)).toThrow('closed')
  })

  it('forgets what nobody looks at, and knows no source that has ended', async () => {
    const { knobs, clock } = rig()
    const { id } = knobs.start({ source })
    await clock.advance(601_000)
    expect(() => knobs.state(id)).toThrow('closed')
    expect(() => knobs.start({ source: { kind: 'job', id: 'gone' } })).toThrow('nothing is kept')
  })

  it('ranks what a register may hold, with reasons, and refuses bits and what was not read', async () => {
    const { knobs, seconds } = rig()
    await seconds(12, 2301)
    const found = knobs.candidates({ source, fn: 3, address: 0 })
    expect(found).toMatchObject({ address: 0, readings: 12 })
    expect(found.candidates.length).toBeGreaterThan(1)
    expect(found.candidates[0]?.reasons.length).toBeGreaterThan(0)
    expect(found.candidates[0]?.quantities[0]).toMatchObject({ metric: 'voltageV', scale: 0.1, value: 230.1 })
    expect(() => knobs.candidates({ source, fn: 1, address: 0 })).toThrow('one bit')
    expect(() => knobs.candidates({ source, fn: 3, address: 900 })).toThrow('has not been read')
  })
})
