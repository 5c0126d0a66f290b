import { describe, expect, it } from 'vitest'
import type { SetpointState } from '#contract/api.ts'
import { createExplainer } from '../../../service/runtime/explain.ts'
import { open, temporaryFolder } from '../storage/temporary-storage.ts'

const start = 1_800_000_000_000

function setpoint(
  value: number,
  rule: string,
  text: string,
  outcome: SetpointState['outcome'] = 'confirmed',
): SetpointState {
  return {
    deviceId: 'battery',
    command: 'setPowerW',
    unit: 'W',
    value,
    outcome,
    reasons: [
      { rule, tier: 'physical', text },
      { rule: 'self-consumption', tier: 'economic', text: `covers 1,200 W of Feeder #2 with ${value} W` },
    ],
  }
}

describe('explanations', () => {
  it('are kept when other rules decide, and every ten seconds while only numbers change', async () => {
    const storage = await open(await temporaryFolder())
    const explainer = createExplainer()
    const stored: number[] = []
    for (let second = 0; second < 60; second += 1) {
      const atMs = start + second * 1_000
      const rule = second < 25 ? 'fuse' : 'ramp'
      const text = `L2 of Feeder #2 has ${second}.5 A left`
      const rows = explainer.note({ atMs, setpoints: [setpoint(second * 10, rule, text)], leftAlone: [] })
      storage.addExplanations(rows)
      if (rows.length > 0) stored.push(second)
    }
    expect(stored).toEqual([0, 10, 20, 25, 35, 45, 55])
    await storage.flush()

    // A service that was started anew knows what was stored.
    const ask = async (atMs: number) =>
      createExplainer().explain('battery', atMs, await storage.explanations('battery', atMs))
    const before = await ask(start + 24_900)
    expect(before.setpoints).toEqual([
      {
        command: 'setPowerW',
        unit: 'W',
        value: 200,
        outcome: 'confirmed',
        sinceMs: start,
        atMs: start + 20_000,
        reasons: [
          { rule: 'fuse', tier: 'physical', text: 'L2 of Feeder #2 has 20.5 A left' },
          { rule: 'self-consumption', tier: 'economic', text: 'covers 1,200 W of Feeder #2 with 200 W' },
        ],
      },
    ])
    const after = await ask(start + 25_000)
    expect(after.setpoints).toMatchObject([{ sinceMs: start + 25_000, reasons: [{ rule: 'ramp' }, {}] }])
    expect((await ask(start - 1)).setpoints).toEqual([])
    // What runs knows the newest numbers without the disk.
    expect(explainer.explain('battery', start + 59_000, []).setpoints).toMatchObject([
      { value: 590, sinceMs: start + 25_000 },
    ])
  })

  it('say when a device was left alone, and when no more', async () => {
    const storage = await open(await temporaryFolder())
    const explainer = createExplainer()
    const at = (second: number) => start + second * 1_000
    for (const [second, alone] of [false, true, true, false].entries()) {
      const setpoints = alone ? [] : [setpoint(100, 'fuse', 'L1 has 3 A left')]
      const leftAlone = alone ? [{ deviceId: 'battery', text: 'it has not answered for 12 s' }] : []
      storage.addExplanations(explainer.note({ atMs: at(second), setpoints, leftAlone }))
    }
    await storage.flush()
    const ask = async (second: number) =>
      createExplainer().explain('battery', at(second), await storage.explanations('battery', at(second)))
    expect(await ask(0)).toMatchObject({ setpoints: [{ value: 100 }] })
    expect(await ask(2)).toMatchObject({
      setpoints: [],
      leftAlone: { text: 'it has not answered for 12 s', sinceMs: at(1) },
    })
    const again = await ask(3)
    expect(again.setpoints).toMatchObject([{ value: 100, sinceMs: at(3) }])
    expect(again.leftAlone).toBeUndefined()
  })

  it('are bounded, the oldest going first', async () => {
    const storage = await open(await temporaryFolder(), { limits: { explainRows: 10_000 } })
    const row = (n: number) => ({ deviceId: 'battery', command: 'setPowerW', text: '{}', numbers: '', value: n })
    for (let batch = 0; batch < 4; batch += 1) {
      storage.addExplanations(
        Array.from({ length: 5_000 }, (_, n) => {
          const atMs = start + (batch * 5_000 + n) * 1_000
          return { ...row(batch * 5_000 + n), atMs, sinceMs: atMs }
        }),
      )
      await storage.flush()
    }
    // Tidying follows the writes of the history.
    storage.addSamples([{ deviceId: 'battery', metric: 'powerW', atMs: start, value: 1 }])
    await storage.flush()
    await expect.poll(() => storage.explanations('battery', start + 4_999_000)).toEqual([])
    expect(await storage.explanations('battery', start + 19_999_000)).toMatchObject([{ value: 19_999 }])
  })
})
