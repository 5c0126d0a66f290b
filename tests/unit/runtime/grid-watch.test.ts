import { describe, expect, it } from 'vitest'
import type { GridState } from '#contract/control.ts'
import { createGridWatch } from '../../../service/runtime/grid-watch.ts'
import { manualClock } from './manual-clock.ts'

const unknown = { quality: 'bad', deviceIds: [] } as const

function state(what: Pick<Partial<GridState>, 'violations' | 'leftAlone' | 'gridId'>): GridState {
  return {
    gridId: 'grid',
    name: 'Grid',
    atMs: 0,
    cycle: 1,
    state: 'running',
    controlledBy: 'grid',
    grid: { ...unknown, deviceIds: [], currentA: {}, voltageV: {} },
    pv: { ...unknown, deviceIds: [] },
    battery: { ...unknown, deviceIds: [] },
    load: { ...unknown, deviceIds: [] },
    chargers: { ...unknown, deviceIds: [] },
    limits: [],
    violations: [],
    setpoints: [],
    leftAlone: [],
    ...what,
  }
}

const over = { limitId: 'main.fuse.l2', tier: 'physical', excess: 4, text: 'L2 of Main is 4 A over its fuse' } as const
const alone = { deviceId: 'battery', text: 'its map has no command for it' }

function rig(silent = false) {
  const clock = manualClock()
  const faults = new Map<string, string>()
  const cleared: string[] = []
  const watch = createGridWatch({
    clock,
    name: (id) => id.toUpperCase(),
    silent: () => silent,
    faults: {
      raise: (key, { message }) => faults.set(key, message),
      clear(key, message) {
        if (faults.delete(key)) cleared.push(message)
      },
    },
  })
  return { clock, faults, cleared, watch }
}

describe('what control cannot do', () => {
  it('is a fault once it lasts, and ends once it is over for as long', async () => {
    const { clock, faults, cleared, watch } = rig()
    for (let second = 0; second < 5; second += 1) {
      watch(state({ violations: [over], leftAlone: [alone] }))
      await clock.advance(1_000)
    }
    expect([...faults]).toEqual([])
    watch(state({ violations: [over], leftAlone: [alone] }))
    expect([...faults.values()]).toEqual([
      'Grid: L2 of Main is 4 A over its fuse; control has done all it can',
      'BATTERY is left alone: its map has no command for it',
    ])
    await clock.advance(4_000)
    watch(state({ violations: [over] }))
    await clock.advance(1_000)
    watch(state({ violations: [over] }))
    expect(cleared).toEqual(['BATTERY is controlled again'])
    // Another grid does not end it.
    await clock.advance(5_000)
    watch(state({ gridId: 'other' }))
    expect(faults.size).toBe(1)
    watch(state({}))
    expect(cleared[1]).toBe('Grid: main.fuse.l2 is kept again')
  })

  it('is no fault while relief works, for economics, or of a device that has one already', async () => {
    const { clock, faults, watch } = rig(true)
    for (let second = 0; second < 20; second += 1) {
      const violations = second % 10 === 0 ? [over] : [{ ...over, tier: 'economic' as const }]
      watch(state({ violations, leftAlone: [alone] }))
      await clock.advance(1_000)
    }
    expect([...faults]).toEqual([])
  })
})
