import type { Reason } from '#contract/api.ts'
import type { BatteryImage, SiteImage } from '../domain/site-image.ts'

/** Imbalances smaller than this leave the setpoint alone: meters disagree by as much, and the battery need not chase them. */
const deadbandW = 25

/**
 * The economic wish: battery power with which nothing crosses the grid connection. Measured battery and grid power of
 * the same image are used, so the wish does not wind up while the battery still moves.
 */
export function selfConsumption(
  image: SiteImage,
  battery: BatteryImage,
  heldW: number,
): { value: number; reason: Reason } | undefined {
  const { powerW } = image.grid
  if (!powerW.ok || !battery.powerW.ok) return undefined
  if (Math.abs(powerW.value) < deadbandW)
    return {
      value: heldW,
      reason: economic(`grid exchange is ${Math.round(powerW.value)} W, close enough to zero`),
    }
  const verb = powerW.value > 0 ? 'import' : 'export'
  return {
    value: battery.powerW.value + powerW.value,
    reason: economic(`covers ${Math.round(Math.abs(powerW.value))} W of grid ${verb}`),
  }
}

const economic = (text: string): Reason => ({ rule: 'self-consumption', tier: 'economic', text })
