import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { longestOverS, startFaultRig, tell, writesOf } from './support/fault-rig.ts'
import { allowedS, cycleMs, fuseA } from './support/fault-site.ts'
import { plantMissing } from './support/plant.ts'

/** A device that acknowledges a reduction has so long to follow before others make up for it (IEC 61851 allows 5 s). */
const followS = 5

const pymodbus = plantMissing ? ` (${plantMissing})` : ''

/** As faults-meter.test.ts, for devices that do not do what they are told. */
describe.skipIf(plantMissing !== undefined).concurrent(`faults of devices${pymodbus}`, { timeout: 60_000 }, () => {
  it('a battery that stops answering, and stops: vehicles make room', async (context) => {
    await using rig = await startFaultRig()
    const { plant } = rig
    await plant.order({ do: 'house', ampere: [12, 12, 12] })
    await plant.until(({ batteryW }) => batteryW > 3000, { forMs: 3_000 })
    await plant.window()
    await plant.order({ do: 'battery', mode: 'dead' })
    await plant.until(({ batteryW }) => batteryW === 0)
    await delay(4_000)
    const window = await plant.window()
    await tell(context, 'battery dead', window, allowedS)
    expect(longestOverS(window)).toBeLessThanOrEqual(allowedS)
    expect((await rig.client.health()).faults.map(({ code, deviceId }) => [code, deviceId])).toContainEqual([
      'device.silent',
      'battery',
    ])
    expect((await plant.flows()).chargerA.some((value) => value > 0)).toBe(true)
  })

  it('a battery that acknowledges and does nothing: said once, not repeated for ever', async (context) => {
    await using rig = await startFaultRig()
    const { plant } = rig
    await plant.order({ do: 'battery', mode: 'ignores' })
    const code = async () => (await rig.events())[0]?.code
    await expect.poll(code, { timeout: 14_000, interval: 200 }).toBe('control.no-effect')
    const noticed = await plant.window()
    await delay(4_000)
    const window = await plant.window()
    await tell(context, `battery without effect: ${writesOf(window, 'battery').length} writes in 4 s`, window, allowedS)
    expect(longestOverS(noticed)).toBeLessThanOrEqual(allowedS)
    expect(longestOverS(window)).toBeLessThanOrEqual(allowedS)
    expect(writesOf(window, 'battery').length).toBeLessThanOrEqual(1)
  })

  it.for(['ignores', 'forgets'] as const)(
    'a charger that acknowledges a reduction and %s it: others make up for it',
    async (mode, context) => {
      await using rig = await startFaultRig()
      const { plant } = rig
      await plant.order({ do: 'battery', mode: 'dead' })
      await rig.settle()
      await plant.order({ do: 'charger', number: 1, mode })
      await plant.order({ do: 'house', ampere: [25, 5, 5] })
      await plant.until(({ ampere: [l1] }) => l1 <= fuseA, { forMs: 2_000 })
      const window = await plant.window()
      // The first cycle after the reduction is the first one that can see it unfollowed.
      const boundS = followS + cycleMs / 1000 + allowedS
      const attempts = writesOf(window, 'charger-1').length
      await tell(context, `charger ${mode} a reduction, told ${attempts} times`, window, boundS)
      expect(longestOverS(window)).toBeLessThanOrEqual(boundS)
      if (mode === 'forgets')
        expect((await rig.client.health()).faults).toContainEqual(
          expect.objectContaining({ code: 'control.not-taken', deviceId: 'charger-1' }),
        )
      // A relief is never given up, and not repeated in every cycle either.
      expect(attempts).toBeLessThanOrEqual(window.seconds)
    },
  )
})
