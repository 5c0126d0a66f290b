import type { ControlState } from '#contract/api.ts'
import type { MapCommand } from '#contract/point-map.ts'
import type { SafeSetpoint } from '#contract/setpoint.ts'
import type { Device, WriteOutcome } from '../drivers/driver.ts'

/** Whether the service may touch real devices at all, whatever else is configured. */
export type Mode = 'production' | 'simulation'

/** Where a write would go. */
export interface WriteTarget {
  readonly device: Device
  /** True when the endpoint was bound and reported by our own simulated plant. */
  readonly simulated: boolean
  /** The device's commands as its map declares them: the allowlist. */
  readonly commands: ReadonlyMap<string, MapCommand>
}

/** What the guard leaves in the journal for every attempt, allowed or not (S2). */
export interface WriteRecord {
  readonly kind: 'write' | 'release'
  readonly principal: string
  readonly deviceId: string
  readonly command: string
  readonly value?: number
  readonly outcome: 'attempt' | WriteOutcome['result'] | 'refused' | 'recorded'
  readonly detail?: string
  readonly frames?: readonly string[]
}

export type GuardedOutcome =
  | { readonly outcome: 'confirmed' | 'written' | 'failed'; readonly reason?: string }
  | { readonly outcome: 'refused' | 'recorded'; readonly reason: string }

export interface Guard {
  /** One automatic write. Never rejects; what happened is the outcome. */
  write(setpoint: SafeSetpoint, reason: string): Promise<GuardedOutcome>
  /** Gives control back to the device. Allowed whenever writing it was. */
  release(deviceId: string, command: string, reason: string): Promise<GuardedOutcome>
  /** Why automatic writes to this device do not go out, or undefined when they do. */
  obstacle(deviceId: string): { readonly outcome: 'refused' | 'recorded'; readonly reason: string } | undefined
}

const principal = 'automatic control'

/**
 * The one gate for automatic writes (S1): control enabled, the mode, the origin of the endpoint, the map's allowlist and
 * limits, then the journal, then the wire.
 */
export function createGuard(options: {
  mode: Mode
  /** Started by the desktop app: never writes automatically to real devices. */
  desktop: boolean
  targets: ReadonlyMap<string, WriteTarget>
  control(): ControlState
  journal(record: WriteRecord): void
}): Guard {
  const { mode, desktop, targets, control, journal } = options

  function obstacle(deviceId: string): { outcome: 'refused' | 'recorded'; reason: string } | undefined {
    const target = targets.get(deviceId)
    if (!target) return { outcome: 'refused', reason: `there is no device "${deviceId}"` }
    const { enabled, dryRun, reason } = control()
    if (!enabled) return { outcome: 'refused', reason }
    if (!target.simulated && mode === 'simulation')
      return { outcome: 'refused', reason: 'simulation mode writes only to the simulated plant' }
    if (!target.simulated && desktop)
      return { outcome: 'refused', reason: 'a service started by the desktop app does not control real devices' }
    if (dryRun) return { outcome: 'recorded', reason: 'dry run: recorded, not sent' }
    return undefined
  }

  async function carryOut(
    record: Omit<WriteRecord, 'outcome'>,
    send: (device: Device) => Promise<WriteOutcome>,
    encode: (device: Device) => readonly string[],
  ): Promise<GuardedOutcome> {
    const target = targets.get(record.deviceId)
    const refusal = obstacle(record.deviceId)
    if (!target || refusal?.outcome === 'refused') {
      const reason = refusal?.reason ?? 'unknown device'
      journal({ ...record, outcome: 'refused', detail: reason })
      return { outcome: 'refused', reason }
    }
    try {
      if (refusal) {
        journal({ ...record, outcome: 'recorded', frames: encode(target.device) })
        return { outcome: 'recorded', reason: refusal.reason }
      }
      journal({ ...record, outcome: 'attempt', frames: encode(target.device) })
      const { result, reason, frames } = await send(target.device)
      journal({ ...record, outcome: result, frames, ...(reason && { detail: reason }) })
      return { outcome: result, ...(reason && { reason }) }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      journal({ ...record, outcome: 'failed', detail: reason })
      return { outcome: 'failed', reason }
    }
  }

  return {
    obstacle,
    write(setpoint, reason) {
      const { deviceId, command, value } = setpoint
      const record = { kind: 'write', principal, deviceId, command, value, detail: reason } as const
      const target = targets.get(deviceId)
      const declared = target?.commands.get(command)
      const outside = !declared
        ? `the map of this device declares no command ${command}`
        : outsideLimits(declared, value, target)
      if (outside) {
        journal({ ...record, outcome: 'refused', detail: outside })
        return Promise.resolve({ outcome: 'refused', reason: outside })
      }
      return carryOut(
        record,
        (device) => device.write(setpoint),
        (device) => device.encode(setpoint).frames,
      )
    },
    release: (deviceId, command, reason) =>
      carryOut(
        { kind: 'release', principal, deviceId, command, detail: reason },
        (device) => device.release(command),
        () => [],
      ),
  }
}

/** The map's own limits, which hold even if everything above them failed. */
function outsideLimits(command: MapCommand, value: number, target: WriteTarget | undefined): string | undefined {
  const resolve = (limit: MapCommand['limits']['min']): number | undefined => {
    if (typeof limit === 'number') return limit
    const reading = target?.device.readings().get(limit.point)
    return typeof reading?.value === 'number' && reading.quality !== 'bad'
      ? reading.value * (limit.factor ?? 1)
      : undefined
  }
  const min = resolve(command.limits.min)
  const max = resolve(command.limits.max)
  if (min === undefined || max === undefined) return 'a limit of the command depends on a point that is not measured'
  if (!Number.isFinite(value) || value < min || value > max)
    return `${value} ${command.unit} is outside the limits of the map, ${min} to ${max} ${command.unit}`
  return undefined
}
