import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { calm, longestOverS, startFaultRig, tell } from './support/fault-rig.ts'
import { allowedS, cycleMs } from './support/fault-site.ts'
import { type Ampere, plantMissing } from './support/plant.ts'

/** A meter that has always changed is not believed once it stands still for so long (service/runtime/frozen-meters.ts). */
const frozenS = 5

const pymodbus = plantMissing ? ` (${plantMissing})` : ''

/**
 * Each fault has a service and a plant of its own, with a monitor on the plant's side that shares no code with the product. Each
 * test says how long the fuse may be exceeded: a change that was not read yet, the cycle that sees it, the devices' answer, and where it
 * applies the time in which the fault itself is noticed.
 */
describe.skipIf(plantMissing !== undefined).concurrent(`faults of the meter${pymodbus}`, { timeout: 60_000 }, () => {
  it('load steps: each is answered within a cycle', async (context) => {
    await using rig = await startFaultRig()
    const { plant } = rig
    const steps: Ampere[] = [
      [25, 5, 5],
      [5, 5, 25],
      [39, 39, 39],
      [20, 30, 10],
    ]
    for (const ampere of steps) {
      await plant.order({ do: 'house', ampere })
      await delay(allowedS * 1000 + Math.random() * cycleMs)
      const window = await plant.window()
      await tell(context, `house ${ampere.join('/')} A`, window, allowedS)
      expect(longestOverS(window)).toBeLessThanOrEqual(allowedS)
    }
  })

  it('a meter with old values: noticed, and everything falls to its safe value', async (context) => {
    await using rig = await startFaultRig()
    const { plant } = rig
    // Long enough to know that its values change.
    await rig.client.flowUntil(({ cycle }) => cycle >= 16)
    await plant.order({ do: 'meter', mode: 'frozen' })
    await plant.order({ do: 'house', ampere: [35, 5, 5] })
    await plant.until(({ chargerA }) => chargerA.every((value) => value === 0))
    const window = await plant.window()
    const boundS = frozenS + allowedS
    await tell(context, 'frozen meter with a load step behind it', window, boundS)
    expect(longestOverS(window)).toBeLessThanOrEqual(boundS)
    const [event] = await rig.events()
    expect(event).toMatchObject({ code: 'meter.frozen', severity: 'error', deviceId: 'meter' })
    expect((await rig.client.health()).faults.map(({ code }) => code)).toContain('meter.frozen')
    await plant.order({ do: 'house', ampere: calm })
    await plant.order({ do: 'meter', mode: 'live' })
    await plant.until(({ chargerA }) => chargerA.every((value) => value > 0))
    expect((await rig.client.health()).faults).toEqual([])
  })

  it.for(['nan', 'silent'] as const)('a meter that is %s: unknown, not zero', async (mode, context) => {
    await using rig = await startFaultRig()
    const { plant, client } = rig
    await plant.order({ do: 'meter', mode })
    await plant.order({ do: 'house', ampere: [35, 5, 5] })
    const startMs = performance.now()
    await plant.until(({ chargerA, batteryW }) => batteryW === 0 && chargerA.every((value) => value === 0))
    const afterS = (performance.now() - startMs) / 1000
    const window = await plant.window()
    // Old values count for 2 s; NaN says at once that there are none.
    const boundS = allowedS + (mode === 'silent' ? 2 : 0)
    await tell(context, `meter ${mode}, safe values after ${afterS.toFixed(1)} s`, window, boundS)
    expect(longestOverS(window)).toBeLessThanOrEqual(boundS)
    expect((await client.powerFlow()).grid).not.toHaveProperty('powerW')
  })

  it('a meter that jumps: the lie down is over within a cycle, the one up stops all vehicles', async (context) => {
    await using rig = await startFaultRig()
    const { plant } = rig
    const lieS = 0.8
    const { toldA: before } = await plant.flows()
    await plant.order({ do: 'meter', mode: 'shifted', ampere: [-60, -60, -60] })
    await delay(lieS * 1000)
    await plant.order({ do: 'meter', mode: 'live' })
    await delay(allowedS * 1000)
    const down = await plant.window()
    // The battery takes the surplus that is not there, and vehicles rise by one step of their ramp: nobody can know better.
    await tell(context, 'meter jumps by -60 A for 0.8 s', down, lieS + allowedS)
    expect(longestOverS(down)).toBeLessThanOrEqual(lieS + allowedS)
    const { toldA: after } = await plant.flows()
    for (const [index, value] of after.entries()) expect(value).toBeLessThanOrEqual((before[index] ?? 0) + 0.5)
    await plant.order({ do: 'meter', mode: 'shifted', ampere: [500, 500, 500] })
    await plant.until(({ chargerA }) => chargerA.every((value) => value === 0), { withinMs: allowedS * 1000 + 500 })
    const up = await plant.window()
    await tell(context, 'meter jumps by +500 A', up, 0)
    expect(longestOverS(up)).toBe(0)
  })
})
