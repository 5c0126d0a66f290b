/** The site of the fault tests: a meter, three chargers and a battery behind one fuse, real devices in production mode. */
export const cycleMs = 500
/** Every device goes through its whole range in this time. */
export const responseS = 0.5

/** Longest time over a limit that is no violation: an unread change, the cycle that sees it, and the devices' answer. */
export const allowedS = cycleMs / 1000 + cycleMs / 1000 + responseS

/** Behind the plant that pymodbus plays. */
export const faultSite: FaultSite = { fuseA: 40, chargerPhases: [[0, 1, 2], [1, 2, 0], [2]] }
export const { fuseA } = faultSite

export interface FaultSite {
  readonly fuseA: number
  /** Phases of the chargers' terminals: 0 is L1. */
  readonly chargerPhases: readonly (readonly number[])[]
}

export function siteText(
  ports: Readonly<Record<string, number>>,
  { fuseA, chargerPhases }: FaultSite = faultSite,
): string {
  const at = (name: string): string => `'tcp://127.0.0.1:${ports[name]}'`
  const chargers = chargerPhases.map((phases, index) => {
    const id = `charger-${index + 1}`
    const names = phases.map((phase) => `l${phase + 1}`).join(', ')
    return `  - id: ${id}
    name: Bay ${index + 1}
    role: charger
    map: r-ems/demo-charger
    connection: ${at(id)}
    phases: [${names}]
    charger: { maxCurrentA: 32, dwellS: 1, rampAPerS: 8, minOnS: 0, minOffS: 2 }
    verified: { commands: [setCurrentA], signs: [powerW] }
`
  })
  return `version: 3
name: Faults
cycleMs: ${cycleMs}
grids: [{ id: grid, name: Grid, connection: { id: main, name: Main, fuseA: ${fuseA}, meter: meter } }]
devices:
  - { id: meter, name: Meter, role: grid-meter, map: eastron/sdm630, connection: ${at('meter')}, verified: { signs: [powerW] } }
${chargers.join('')}  - id: battery
    name: Battery
    role: battery
    map: r-ems/demo-battery
    connection: ${at('battery')}
    battery: { maxChargeW: 5000, maxDischargeW: 5000, rampWPerS: 5000 }
    verified: { commands: [setPowerW], signs: [powerW] }
`
}
