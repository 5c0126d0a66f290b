import type { LimitState, Reason } from '#contract/api.ts'
import { phases } from '#contract/metrics.ts'
import type { SafeSetpoint } from '#contract/setpoint.ts'
import type { Site } from '#contract/site.ts'
import { type BatteryImage, type SiteImage } from '../domain/site-image.ts'
import { valueOf } from '../domain/measured.ts'

/** An interval of allowed battery power (W, > 0 discharge) and the rule behind each end. */
export interface Band {
  readonly min: number
  readonly max: number
  readonly minRule: Reason
  readonly maxRule: Reason
}

/** Share of the fuse that control may plan with; the rest covers measurement error and the time to the next cycle. */
export const fuseShare = 0.97

const watt = (value: number): string => `${Math.round(value)} W`
const physical = (rule: string, text: string): Reason => ({ rule, tier: 'physical', text })
const safety = (rule: string, text: string): Reason => ({ rule, tier: 'safety', text })

/** What the battery and its inverter can do: site limits and, where reported, the device's own. */
export function capabilityBand(site: NonNullable<Site['battery']>, battery: BatteryImage): Band {
  const charge = Math.min(site.maxChargeW, valueOf(battery.chargeLimitW) ?? Infinity)
  const discharge = Math.min(site.maxDischargeW, valueOf(battery.dischargeLimitW) ?? Infinity)
  return {
    min: -charge,
    max: discharge,
    minRule: physical('battery-charge-limit', `the battery can charge at most ${watt(charge)}`),
    maxRule: physical('battery-discharge-limit', `the battery can discharge at most ${watt(discharge)}`),
  }
}

/**
 * Battery power that keeps every phase of the grid connection inside the main fuse (S6), the battery being balanced
 * over the three phases: one watt of battery moves each phase by 1/(3 U) ampere. Undefined when no phase is measured.
 */
export function fuseBand(site: Site, image: SiteImage, battery: BatteryImage): Band | undefined {
  if (!battery.powerW.ok) return undefined
  const fuseA = site.grid.mainFuseA * fuseShare
  let band: Band | undefined
  for (const phase of phases) {
    const current = image.grid.currentA[phase]
    if (!current.ok) continue
    const wattPerAmpere = 3 * (valueOf(image.grid.voltageV[phase]) ?? site.grid.nominalVoltageV)
    const min = battery.powerW.value + (current.value - fuseA) * wattPerAmpere
    const max = battery.powerW.value + (current.value + fuseA) * wattPerAmpere
    const name = phase.toUpperCase()
    const importLeft = `${name} of the grid connection carries ${current.value.toFixed(1)} A of ${site.grid.mainFuseA} A`
    if (!band || min > band.min)
      band = {
        ...(band ?? { max: Infinity, maxRule: physical('main-fuse', '') }),
        min,
        minRule: physical('main-fuse', `${importLeft} import`),
      }
    if (max < band.max)
      band = { ...band, max, maxRule: physical('main-fuse', `${importLeft}; export is limited by the same fuse`) }
  }
  return band
}

export interface FloorState {
  /** True while discharge is held because the reserve was reached; released one percent above it. */
  readonly atFloor: boolean
  readonly atCeiling: boolean
}

const socHysteresisPercent = 1

/** State-of-charge floor and ceiling. Unknown state of charge stops both directions (S5). */
export function socBand(
  site: NonNullable<Site['battery']>,
  battery: BatteryImage,
  state: FloorState,
): { band: Band; state: FloorState } {
  const soc = battery.socPercent
  if (!soc.ok) {
    const rule = safety('soc-unknown', `the state of charge is unknown (${soc.reason})`)
    return { band: { min: 0, max: 0, minRule: rule, maxRule: rule }, state }
  }
  const atFloor =
    soc.value <= site.minSocPercent || (state.atFloor && soc.value < site.minSocPercent + socHysteresisPercent)
  const atCeiling =
    soc.value >= site.maxSocPercent || (state.atCeiling && soc.value > site.maxSocPercent - socHysteresisPercent)
  return {
    state: { atFloor, atCeiling },
    band: {
      min: atCeiling ? 0 : -Infinity,
      max: atFloor ? 0 : Infinity,
      minRule: safety(
        'soc-ceiling',
        `the battery is full at ${soc.value.toFixed(1)} % (charge up to ${site.maxSocPercent} %)`,
      ),
      maxRule: safety('soc-floor', `the reserve of ${site.minSocPercent} % is reached at ${soc.value.toFixed(1)} %`),
    },
  }
}

/** Moves a value into the band; tells the rule that moved it. */
export function clampTo(band: Band, value: number): { value: number; rule?: Reason } {
  // An empty band means that import and export of different phases contradict: share the violation evenly.
  if (band.min > band.max) return { value: (band.min + band.max) / 2, rule: band.minRule }
  if (value < band.min) return { value: band.min, rule: band.minRule }
  if (value > band.max) return { value: band.max, rule: band.maxRule }
  return { value }
}

export function limitStates(site: Site, image: SiteImage, binding: ReadonlySet<string>): LimitState[] {
  const states: LimitState[] = phases.map((phase) => {
    const current = valueOf(image.grid.currentA[phase])
    return {
      id: `main-fuse.${phase}`,
      title: `Grid connection ${phase.toUpperCase()}`,
      unit: 'A',
      kind: 'ceiling' as const,
      limit: site.grid.mainFuseA,
      binding: binding.has('main-fuse'),
      violated: current !== undefined && Math.abs(current) > site.grid.mainFuseA,
      ...(current !== undefined && { value: Math.abs(current) }),
    }
  })
  if (image.battery && site.battery) {
    const soc = valueOf(image.battery.socPercent)
    states.push({
      id: 'battery-reserve',
      title: 'Battery reserve',
      unit: '%',
      kind: 'floor',
      limit: site.battery.minSocPercent,
      binding: binding.has('soc-floor'),
      violated: soc !== undefined && soc < site.battery.minSocPercent,
      ...(soc !== undefined && { value: soc }),
    })
    const power = valueOf(image.battery.powerW)
    states.push(
      batteryPower(
        'battery-charge',
        'Battery charge',
        site.battery.maxChargeW,
        power === undefined ? undefined : Math.max(0, -power),
        binding.has('battery-charge-limit'),
      ),
      batteryPower(
        'battery-discharge',
        'Battery discharge',
        site.battery.maxDischargeW,
        power === undefined ? undefined : Math.max(0, power),
        binding.has('battery-discharge-limit'),
      ),
    )
  }
  return states
}

function batteryPower(
  id: string,
  title: string,
  limit: number,
  value: number | undefined,
  binding: boolean,
): LimitState {
  return {
    id,
    title,
    unit: 'W',
    kind: 'ceiling',
    limit,
    binding,
    // Devices overshoot a little while they settle; 2 % is not a violation.
    violated: value !== undefined && value > limit * 1.02,
    ...(value !== undefined && { value }),
  }
}

/** The only place where a setpoint becomes safe: finite and inside the band that all limits have left. */
export function safeSetpoint(
  deviceId: string,
  command: string,
  value: number,
  relieves: boolean,
  band: Band,
): SafeSetpoint {
  if (!Number.isFinite(value)) throw new RangeError(`setpoint for ${deviceId} is not a finite number`)
  const { value: inside } = clampTo(band, value)
  return { deviceId, command, value: Math.round(inside), relieves } as SafeSetpoint
}
