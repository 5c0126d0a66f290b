import { hashUnit, smoothNoise } from './noise.ts'
import { eachPhase, type ThreePhase } from './phases.ts'

interface Appliance {
  readonly phase: keyof ThreePhase | 'all'
  readonly powerW: number
  /** One chance to run in each slot of this length. */
  readonly slotS: number
  readonly runS: number
  readonly probability: number
}

/**
 * What switches in the building. The two on L2 together draw more than a 35 A main fuse carries, so that the fuse binds when
 * neither sun nor battery helps enough.
 */
const appliances: readonly Appliance[] = [
  { phase: 'l1', powerW: 900, slotS: 260, runS: 110, probability: 0.8 },
  { phase: 'l2', powerW: 7200, slotS: 1500, runS: 300, probability: 0.6 },
  { phase: 'l2', powerW: 2000, slotS: 420, runS: 130, probability: 0.6 },
  { phase: 'l3', powerW: 1600, slotS: 330, runS: 140, probability: 0.6 },
  { phase: 'all', powerW: 3300, slotS: 2400, runS: 600, probability: 0.5 },
]

const channel = { base: 20, noise: 30, appliance: 40, start: 60 }
const share: ThreePhase = { l1: 0.42, l2: 0.33, l3: 0.25 }

function running(seed: number, index: number, appliance: Appliance, timeS: number): boolean {
  const slot = Math.floor(timeS / appliance.slotS)
  if (hashUnit(seed, channel.appliance + index, slot) >= appliance.probability) return false
  const startS = hashUnit(seed, channel.start + index, slot) * (appliance.slotS - appliance.runS)
  const inSlotS = timeS - slot * appliance.slotS
  return inSlotS >= startS && inSlotS < startS + appliance.runS
}

/** Active power of the building per phase, W: a pure function of seed and time. About 3 to 8 kW, peaks of 17 kW. */
export function loadAt(seed: number, atMs: number, longitudeDeg: number): ThreePhase {
  const timeS = atMs / 1000
  const solarHour = (atMs / 3_600_000 + longitudeDeg / 15) % 24
  const day = 0.75 + 0.25 * Math.cos(((solarHour - 13) / 12) * Math.PI)
  const baseW = 3900 * day * (0.9 + 0.2 * smoothNoise(seed, channel.base, timeS, 600))
  const on = appliances.filter((appliance, index) => running(seed, index, appliance, timeS))
  return eachPhase((phase) => {
    const flicker = 0.97 + 0.06 * smoothNoise(seed, channel.noise + phase.charCodeAt(1), timeS, 5)
    let powerW = baseW * share[phase] * flicker
    for (const appliance of on) {
      if (appliance.phase === phase) powerW += appliance.powerW
      else if (appliance.phase === 'all') powerW += appliance.powerW / 3
    }
    return powerW
  })
}
