import type { Site } from '#contract/site.ts'
import type { StepInput } from '../../../service/control/types.ts'
import type { laws } from './laws.ts'
import { type Result, type StepFor, realStep } from './run.ts'

type Change = (result: Result, site: Site, input: StepInput, before: Result | undefined) => Result

/** The real step with one mistake. */
const broken =
  (change: Change): StepFor =>
  (site) => {
    const real = realStep(site)
    let before: Result | undefined
    return (state, input) => {
      const result = real(state, input)
      const wrong = change(result, site, input, before)
      before = result
      return wrong
    }
  }

type Decision = Result['decisions'][number]

/** Gives every setpoint another value. */
const values = (of: (decision: Decision, at: number, site: Site, input: StepInput) => number): Change =>
  function change(result, site, input) {
    const decisions = result.decisions.map((decision, at) => ({
      ...decision,
      setpoint: { ...decision.setpoint, value: of(decision, at, site, input) },
    }))
    return { ...result, decisions }
  }

const isCharger = ({ setpoint }: Decision) => setpoint.command === 'setCurrentA'
const isBattery = ({ setpoint }: Decision) => setpoint.command === 'setPowerW'
const settings = (site: Site, { setpoint }: Decision) => site.devices.find(({ id }) => id === setpoint.deviceId)

interface Planted {
  readonly law: keyof typeof laws
  readonly mistake: string
  readonly stepFor: StepFor
}

let calls = 0

export const planted: readonly Planted[] = [
  {
    law: 'fuses',
    mistake: 'a relief comes one cycle late',
    stepFor: broken((result, _site, _input, before) => (before ? { ...result, decisions: before.decisions } : result)),
  },
  {
    law: 'fuses',
    mistake: 'a charger gets 4 A more than was left',
    stepFor: broken(
      values((decision) => decision.setpoint.value + (isCharger(decision) && decision.setpoint.value > 0 ? 4 : 0)),
    ),
  },
  {
    law: 'fuses',
    mistake: 'phases are not rotated',
    stepFor: (site) =>
      realStep({
        ...site,
        devices: site.devices.map((device) => ({
          ...device,
          phases: device.phases.length === 1 ? ['l1'] : ['l1', 'l2', 'l3'],
        })),
      }),
  },
  {
    law: 'fuses',
    mistake: 'only the connection is looked at, not the circuits below',
    stepFor: (site) => {
      const [grid] = site.grids
      const blind = structuredClone(grid!)
      const forget = (circuits: typeof blind.connection.circuits): void => {
        for (const circuit of circuits ?? []) {
          delete circuit.fuseA
          forget(circuit.circuits)
        }
      }
      forget(blind.connection.circuits)
      return realStep({ ...site, grids: [blind] })
    },
  },
  {
    law: 'tiers',
    mistake: 'a wish is obeyed without limits',
    stepFor: broken(
      values(
        ({ setpoint }, _at, _site, { wishes }) =>
          wishes.find(({ deviceId, command }) => deviceId === setpoint.deviceId && command === setpoint.command)
            ?.value ?? setpoint.value,
      ),
    ),
  },
  {
    law: 'reserve',
    mistake: 'an unknown or low charge does not stop a battery',
    stepFor: broken(
      values((decision) => (isBattery(decision) && decision.setpoint.value === 0 ? 500 : decision.setpoint.value)),
    ),
  },
  {
    law: 'balance',
    mistake: 'a current is taken for another phase',
    stepFor: broken((result) => ({
      ...result,
      limits: result.limits.map((limit) =>
        limit.id.endsWith('.fuse.l2')
          ? { ...limit, value: result.limits.find(({ id }) => id === limit.id.replace('l2', 'l1'))?.value ?? 0 }
          : limit,
      ),
    })),
  },
  {
    law: 'shares',
    mistake: 'the first charger takes the share of the second',
    stepFor: broken(
      values(({ setpoint }) =>
        setpoint.deviceId === 'twin-0' && setpoint.value > 6
          ? setpoint.value + 1
          : setpoint.deviceId === 'twin-1' && setpoint.value > 7
            ? setpoint.value - 1
            : setpoint.value,
      ),
    ),
  },
  {
    law: 'shares',
    mistake: 'the last charger waits without need',
    stepFor: broken(values(({ setpoint }) => (setpoint.deviceId === 'twin-1' ? 0 : setpoint.value))),
  },
  {
    law: 'repeats',
    mistake: 'something outside the inputs decides',
    stepFor: broken(values(({ setpoint }) => setpoint.value + (calls++ % 7 === 0 ? 0.1 : 0))),
  },
  {
    law: 'repeats',
    mistake: 'each call moves, whatever time has passed',
    stepFor: broken(
      values(
        (decision, _at, _site, { elapsedS }) =>
          decision.setpoint.value + (isBattery(decision) && elapsedS === 0 ? 10 : 0),
      ),
    ),
  },
  {
    law: 'answers',
    mistake: 'what is no number is calculated with',
    stepFor: broken(
      values(({ setpoint }, _at, _site, { readings }) => {
        const read = readings.get(setpoint.deviceId)?.get('powerW')?.value
        return typeof read === 'number' && !Number.isFinite(read) ? read : setpoint.value
      }),
    ),
  },
  {
    law: 'answers',
    mistake: 'a wish is obeyed beyond the capability of the device',
    stepFor: broken(
      values(
        ({ setpoint }, _at, _site, { wishes }) =>
          wishes.find(({ deviceId }) => deviceId === setpoint.deviceId)?.value ?? setpoint.value,
      ),
    ),
  },
  {
    law: 'rises',
    mistake: 'chargers jump to the top',
    stepFor: broken(
      values((decision, _at, site) =>
        isCharger(decision) && decision.setpoint.value > 0
          ? (settings(site, decision)?.charger?.maxCurrentA ?? 0)
          : decision.setpoint.value,
      ),
    ),
  },
  {
    law: 'unknown',
    mistake: 'a silent meter leaves the last setpoints in force',
    stepFor: broken((result, _site, _input, before) => before ?? result),
  },
]
