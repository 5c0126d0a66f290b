import type { SafeSetpoint } from '#contract/setpoint.ts'

/** The only place where a setpoint becomes safe: finite and inside what all limits have left. */
export function safeSetpoint(
  deviceId: string,
  command: string,
  value: number,
  relieves: boolean,
  band: { readonly min: number; readonly max: number },
): SafeSetpoint {
  if (!Number.isFinite(value)) throw new RangeError(`setpoint for ${deviceId} is not a finite number`)
  return { deviceId, command, value: Math.min(Math.max(value, band.min), band.max), relieves } as SafeSetpoint
}
