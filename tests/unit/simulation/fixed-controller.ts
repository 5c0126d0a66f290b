import type { SafeSetpoint } from '#contract/setpoint.ts'
import type { Decision, StepInput } from '../../../service/control/types.ts'
import type { Controller } from '../../../service/simulation/controller.ts'

export interface Order {
  readonly deviceId: string
  readonly command: string
  readonly value: number
  readonly text?: string
}

/** Control that does what a test says, so that physics and accounts can be checked apart from the real one. */
export function orders(decide: (input: StepInput, count: number) => readonly Order[]): () => Controller {
  return () => ({
    initialState: () => ({ count: 0 }),
    step(_gridId, state, input) {
      const count = (state as { count: number }).count
      return {
        state: { count: count + 1 },
        decisions: decide(input, count).map((order): Decision => decisionOf(order)),
        limits: [],
        violations: [],
        leftAlone: [],
      }
    },
  })
}

function decisionOf({ deviceId, command, value, text = 'as the test says' }: Order): Decision {
  // Nothing is written: the setpoint goes to a model.
  const setpoint = { deviceId, command, value, relieves: false } as SafeSetpoint
  return { setpoint, reasons: [{ rule: 'test', tier: 'economic', text }], dependsOn: [deviceId] }
}
