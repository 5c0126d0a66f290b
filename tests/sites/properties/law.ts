import fc from 'fast-check'
import type { Site } from '#contract/site.ts'
import type { StepInput } from '../../../service/control/types.ts'
import { type StepFor, noon } from './run.ts'

/** What must hold for every site, whatever is measured. Each takes the step, so that a broken one can be tried. */
export interface Law {
  readonly name: string
  readonly property: (stepFor: StepFor) => fc.IProperty<unknown[]> | fc.IPropertyWithHooks<unknown[]>
}

export const everything = { roles: ['charger', 'battery', 'load', 'pv'], maxDevices: 10 } as const

/** Setpoints are rounded to a watt, or to a tenth of an ampere downwards. */
export const roundingW = 2

export const wishDraw = fc.record({ device: fc.nat(20), value: fc.integer({ min: -20_000, max: 20_000 }) })

const commandOf: Record<string, string> = { charger: 'setCurrentA', battery: 'setPowerW', load: 'limitPowerW' }

/** Wishes that name existing devices and commands. */
export function wishesFor(site: Site, draws: readonly { device: number; value: number }[]): StepInput['wishes'] {
  return draws.flatMap(({ device, value }) => {
    const { id, role, load } = site.devices[device % site.devices.length]!
    const command = load?.kind === 'switched' ? 'switchOn' : commandOf[role]
    if (!command) return []
    const fitting = role === 'battery' ? value : Math.abs(value) % (role === 'charger' ? 33 : 6000)
    const wished = command === 'switchOn' ? fitting % 2 : fitting
    return [{ deviceId: id, command, value: wished, untilMs: noon + 60_000, principal: 'anna', reason: 'trial' }]
  })
}

export function fail(what: string, details: object): never {
  throw new Error(`${what} ${JSON.stringify(details)}`)
}
