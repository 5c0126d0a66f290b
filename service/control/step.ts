import type { LimitState, Reason } from '#contract/api.ts'
import type { SafeSetpoint } from '#contract/setpoint.ts'
import type { Site } from '#contract/site.ts'
import type { BatteryImage, SiteImage } from '../domain/site-image.ts'
import { type FloorState, capabilityBand, clampTo, fuseBand, limitStates, safeSetpoint, socBand } from './limits.ts'
import { selfConsumption } from './self-consumption.ts'

/** What the step remembers between cycles. Plain data, so that it can be stored and replayed. */
export interface ControlState {
  readonly floor: FloorState
  /** The last setpoint that was decided, or found in the device at the first cycle (S7). */
  readonly lastW?: number
}

export const initialState: ControlState = { floor: { atFloor: false, atCeiling: false } }

export interface Decision {
  readonly setpoint: SafeSetpoint
  /** Deciding rule first. */
  readonly reasons: readonly Reason[]
}

export interface StepResult {
  readonly state: ControlState
  readonly decisions: readonly Decision[]
  readonly limits: readonly LimitState[]
}

const batteryCommand = 'setPowerW'

/**
 * One control step: pure and deterministic. Physical limits, then safety, then economics; a lower tier never
 * overrides a higher one, and there is always an answer.
 */
export function step(site: Site, state: ControlState, image: SiteImage, elapsedS: number): StepResult {
  const decided =
    image.battery && site.battery ? decideBattery(site, site.battery, state, image, image.battery, elapsedS) : undefined
  const binding = new Set(
    decided?.decision?.reasons.filter((reason) => reason.tier !== 'economic').map((reason) => reason.rule),
  )
  return {
    state: decided?.state ?? state,
    decisions: decided?.decision ? [decided.decision] : [],
    limits: limitStates(site, image, binding),
  }
}

function decideBattery(
  site: Site,
  settings: NonNullable<Site['battery']>,
  state: ControlState,
  image: SiteImage,
  battery: BatteryImage,
  elapsedS: number,
): { state: ControlState; decision?: Decision } {
  const found =
    state.lastW ??
    (battery.setpointW.ok ? battery.setpointW.value : undefined) ??
    (battery.powerW.ok ? battery.powerW.value : undefined)
  // S7: nothing is written to a device whose present state is unknown.
  if (found === undefined) return { state }

  const capability = capabilityBand(settings, battery)
  const soc = socBand(settings, battery, state.floor)
  const fuse = fuseBand(site, image, battery)
  const wish = selfConsumption(image, battery, found)
  const reasons: Reason[] = []

  let wanted: number
  if (wish) {
    const ramped = ramp(found, wish.value, settings.rampWPerS * elapsedS)
    wanted = ramped.value
    reasons.push(wish.reason)
    if (ramped.reason) reasons.unshift(ramped.reason)
  } else {
    // S5: without its inputs the battery goes to zero, which neither loads nor unloads anything.
    wanted = 0
    reasons.push({ rule: 'input-missing', tier: 'safety', text: `holds 0 W: ${missingInput(image, battery)}` })
  }

  // Lower tiers first, so that the higher ones have the last word.
  let value = wanted
  for (const band of [soc.band, fuse, capability]) {
    const clamped = band ? clampTo(band, value) : { value }
    if (clamped.rule) reasons.unshift(clamped.rule)
    value = clamped.value
  }
  const relieves = value !== wanted
  const setpoint = safeSetpoint(battery.deviceId, batteryCommand, value, relieves, capability)
  return { state: { floor: soc.state, lastW: setpoint.value }, decision: { setpoint, reasons } }
}

/** S4: an economic change moves by the ramp; limits move at once because they clamp after it. */
function ramp(from: number, to: number, stepW: number): { value: number; reason?: Reason } {
  if (Math.abs(to - from) <= stepW) return { value: to }
  const value = from + Math.sign(to - from) * stepW
  return {
    value,
    reason: {
      rule: 'ramp',
      tier: 'safety',
      text: `moves by at most ${Math.round(stepW)} W in this cycle, towards ${Math.round(to)} W`,
    },
  }
}

function missingInput(image: SiteImage, battery: BatteryImage): string {
  const { powerW } = image.grid
  if (!powerW.ok) return `grid power is unknown (${powerW.reason})`
  return battery.powerW.ok ? 'an input is unknown' : `battery power is unknown (${battery.powerW.reason})`
}
