import type { ControlState, Mode } from '#contract/api.ts'
import type { MapCommand } from '#contract/point-map.ts'
import type { SafeSetpoint } from '#contract/setpoint.ts'
import type { Device, WriteOutcome } from '../drivers/driver.ts'
import { manualRuleFor, writeRuleFor } from './write-rules.ts'

/** Where a write would go. */
export interface WriteTarget {
  readonly device: Device
  /** True when the endpoint was bound and reported by our own simulated plant. */
  readonly simulated: boolean
  /** The device's commands as its map declares them: the allowlist. */
  readonly commands: ReadonlyMap<string, MapCommand>
  /** Why automatic control must not use this command yet (S12), or undefined when all of it is proven. */
  unverified(command: string): string | undefined
  /** Why this value must not be held for ever by a device that never lets go of one (S3), or undefined. */
  unsafeForEver(command: string, value: number): string | undefined
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
  /** For the ledger of writes by hand. */
  readonly data?: Readonly<Record<string, string>>
}

/** A write that a person asked for. */
export interface ManualWrite {
  /** Who, such as `cli:maria`. */
  readonly principal: string
  /** The device of the site, or the address of one that is not part of it. */
  readonly deviceId: string
  readonly simulated: boolean
  /** Whether that person is armed. */
  readonly armed: boolean
  /** Undefined only with `release`. */
  readonly value: number | undefined
  readonly action: ManualCommand | ManualRegister | ManualRelease | ManualNothing
  /** Kept with it, so that it can be taken back. */
  readonly data?: Readonly<Record<string, string>>
  /** The check that it is part of. */
  readonly check?: {
    readonly runId: string
    /** It puts back what the check has found before. */
    readonly returning: boolean
  }
}

interface ManualCommand {
  readonly kind: 'command'
  readonly command: string
  readonly device: Device
  readonly commands: WriteTarget['commands']
}

/** Gives control back to the device, as its map says. */
interface ManualRelease {
  readonly kind: 'release'
  readonly command: string
  readonly device: Device
}

/** A register that no command of a map declares: only within limits that the person typed in. */
interface ManualRegister {
  readonly kind: 'register'
  /** For the journal, such as `holding 200 (FC06)`. */
  readonly register: string
  readonly min: number
  readonly max: number
  /** The command of the map that writes this register, if there is one. */
  readonly declaredBy?: string
  /** The frames that would be sent; empty with a value that the register cannot hold. */
  encode(): readonly string[]
  send(): Promise<WriteOutcome>
}

/** A write that cannot even be prepared; the attempt is journalled all the same. */
interface ManualNothing {
  readonly kind: 'impossible'
  /** Command or register. */
  readonly command: string
  readonly reason: string
}

export interface ManualOutcome extends Omit<WriteOutcome, 'result'> {
  readonly outcome: WriteOutcome['result'] | 'refused'
}

export type GuardedOutcome =
  | { readonly outcome: 'confirmed' | 'written' | 'failed'; readonly reason?: string }
  | { readonly outcome: 'refused' | 'recorded'; readonly reason: string }

export interface Guard {
  /** One automatic write. Never rejects; what happened is the outcome. */
  write(setpoint: SafeSetpoint, reason: string, dependsOnSimulated: boolean): Promise<GuardedOutcome>
  /** Gives control back to the device. Allowed whenever writing it was. */
  release(deviceId: string, command: string, reason: string): Promise<GuardedOutcome>
  /** One write by a person, in the journal for good before it goes out. Never rejects. */
  manual(write: ManualWrite): Promise<ManualOutcome>
  /** Why this write would be refused now, or undefined. Nothing is written, and nothing goes into the journal. */
  manualObstacle(write: ManualWrite): string | undefined
  /** Why nobody may write to this device by hand, armed or not, or undefined. */
  notByHand(deviceId: string, simulated: boolean): string | undefined
  /** Why automatic writes to this device do not go out, or undefined when they do. */
  obstacle(deviceId: string, command: string, dependsOnSimulated: boolean): Obstacle | undefined
}

interface Obstacle {
  readonly outcome: 'refused' | 'recorded'
  readonly reason: string
}

const principal = 'automatic control'

/**
 * The one gate for writes (S1). Both kinds follow the tables in write-rules.ts: those of a person need that person to be armed,
 * and never meet automatic control on the same device (S9), which a check borrows it from. Automatic ones use only what is verified for this
 * site (S12). All of them pass the mode, the origin of the endpoint, the map's allowlist and limits, then the journal, then the wire.
 */
export function createGuard(options: {
  mode: Mode
  /** Started by the desktop app: never writes automatically to real devices. */
  desktop: boolean
  targets: ReadonlyMap<string, WriteTarget>
  control(): ControlState
  journal(record: WriteRecord): void
  /** Resolves once the record is on the disk for good. */
  journalDurable(record: WriteRecord): Promise<unknown>
  /** Whether automatic control decides over this device at present. */
  controlled(deviceId: string): boolean
  /** The check that has borrowed this device from automatic control. */
  lentTo?(deviceId: string): string | undefined
}): Guard {
  const { mode, desktop, targets, control, journal, journalDurable, controlled, lentTo } = options

  function obstacle(deviceId: string, command: string, dependsOnSimulated: boolean): Obstacle | undefined {
    const target = targets.get(deviceId)
    if (!target) return { outcome: 'refused', reason: `there is no device "${deviceId}"` }
    const { enabled, dryRun, reason } = control()
    const { simulated } = target
    const { outcome, text, controlEnabled } = writeRuleFor({
      mode,
      simulated,
      dependsOnSimulated,
      startedByDesktop: desktop,
      controlEnabled: enabled,
      dryRun,
    })
    // The state of control says itself why it is off.
    if (outcome === 'refused') return { outcome, reason: controlEnabled === 'no' ? reason : text }
    const unverified = target.unverified(command)
    if (unverified !== undefined) return { outcome: 'refused', reason: unverified }
    return outcome === 'recorded' ? { outcome, reason: text } : undefined
  }

  async function carryOut(
    record: Omit<WriteRecord, 'outcome'>,
    dependsOnSimulated: boolean,
    send: (device: Device) => Promise<WriteOutcome>,
    encode: (device: Device) => readonly string[],
  ): Promise<GuardedOutcome> {
    const target = targets.get(record.deviceId)
    const refusal = obstacle(record.deviceId, record.command, dependsOnSimulated)
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
      const reason = messageOf(error)
      journal({ ...record, outcome: 'failed', detail: reason })
      return { outcome: 'failed', reason }
    }
  }

  function manualRefusal(
    { deviceId, simulated, check }: Pick<ManualWrite, 'deviceId' | 'simulated' | 'check'>,
    armed: boolean,
  ): string | undefined {
    const { enabled, dryRun } = control()
    const runId = lentTo?.(deviceId)
    const { outcome, text } = manualRuleFor({
      mode,
      simulated,
      controlled: enabled && !dryRun && controlled(deviceId),
      lent: runId === undefined ? 'no' : runId === check?.runId ? 'own' : 'other',
      returning: check?.returning ?? false,
      armed,
    })
    if (outcome === 'sent') return undefined
    return text.startsWith('automatic control decides over it') ? text.replace('it;', `${deviceId};`) : text
  }

  const notByHand = (deviceId: string, simulated: boolean): string | undefined =>
    manualRefusal({ deviceId, simulated }, true)

  /** Why a person must not write this, or undefined. */
  function manualObstacle(write: ManualWrite): string | undefined {
    const { armed, value, action } = write
    if (action.kind === 'impossible') return action.reason
    const refusal = manualRefusal(write, armed)
    if (refusal !== undefined) return refusal
    if (action.kind === 'release') return undefined
    if (value === undefined) return 'there is no value to write'
    if (action.kind === 'command') {
      const declared = action.commands.get(action.command)
      if (!declared) return `the map of this device declares no command ${action.command}`
      return outsideLimits(declared, value, action.device)
    }
    const { min, max, declaredBy } = action
    if (declaredBy !== undefined) return `this register belongs to the command ${declaredBy} of the map; use that`
    if (!Number.isFinite(min) || !Number.isFinite(max) || min > max) return `${min} to ${max} are no limits`
    if (!Number.isFinite(value) || value < min || value > max)
      return `${value} is outside the limits that were given, ${min} to ${max}`
    return undefined
  }

  async function manual(write: ManualWrite): Promise<ManualOutcome> {
    const { principal, deviceId, value, action, check, data } = write
    const command = action.kind === 'register' ? action.register : action.command
    const kind = action.kind === 'release' ? 'release' : 'write'
    const record = {
      kind,
      principal,
      deviceId,
      command,
      ...(value !== undefined && { value }),
      ...(data && { data }),
    } as const
    const how = check ? `by the check ${check.runId}${check.returning ? ', as it was before' : ''}` : 'by hand'
    const detail = action.kind === 'register' ? `limits given: ${action.min} to ${action.max}` : how
    const refuse = (reason: string): ManualOutcome => {
      journal({ ...record, outcome: 'refused', detail: reason })
      return { outcome: 'refused', reason, frames: [] }
    }
    const obstacle = manualObstacle(write)
    if (obstacle !== undefined || action.kind === 'impossible') return refuse(obstacle ?? 'it cannot be prepared')
    try {
      await journalDurable({ ...record, outcome: 'attempt', detail, frames: framesOf(action, value) })
    } catch (error) {
      const reason = `the journal did not take it, so that it was not written: ${messageOf(error)}`
      // What a check has changed goes back all the same: the journal says so when it can (S2).
      if (!check?.returning) return refuse(reason)
      journal({ ...record, outcome: 'attempt', detail: `${detail}; ${reason}` })
    }
    try {
      const { result, ...rest } = await sendManual(action, value ?? Number.NaN)
      const { reason, frames } = rest
      journal({ ...record, outcome: result, frames, ...(reason && { detail: reason }) })
      return { outcome: result, ...rest }
    } catch (error) {
      const reason = messageOf(error)
      journal({ ...record, outcome: 'failed', detail: reason })
      return { outcome: 'failed', reason, frames: [] }
    }
  }

  return {
    obstacle,
    notByHand,
    manualObstacle,
    manual,
    write(setpoint, reason, dependsOnSimulated) {
      const { deviceId, command, value } = setpoint
      const record = { kind: 'write', principal, deviceId, command, value, detail: reason } as const
      const target = targets.get(deviceId)
      const declared = target?.commands.get(command)
      const outside = !declared
        ? `the map of this device declares no command ${command}`
        : (outsideLimits(declared, value, target?.device) ?? target?.unsafeForEver(command, value))
      if (outside) {
        journal({ ...record, outcome: 'refused', detail: outside })
        return Promise.resolve({ outcome: 'refused', reason: outside })
      }
      return carryOut(
        record,
        dependsOnSimulated,
        (device) => device.write(setpoint),
        (device) => device.encode(setpoint).frames,
      )
    },
    release: (deviceId, command, reason) =>
      carryOut(
        { kind: 'release', principal, deviceId, command, detail: reason },
        false,
        (device) => device.release(command),
        () => [],
      ),
  }
}

type SentAction = Exclude<ManualWrite['action'], ManualNothing>

function framesOf(action: SentAction, value: number | undefined): readonly string[] {
  if (action.kind === 'register') return action.encode()
  if (action.kind === 'release' || value === undefined) return []
  return action.device.encode({ command: action.command, value }).frames
}

function sendManual(action: SentAction, value: number): Promise<WriteOutcome> {
  if (action.kind === 'register') return action.send()
  if (action.kind === 'release') return action.device.release(action.command)
  return action.device.writeByHand(action.command, value)
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** The limits of the map as they are now; one that depends on a point that is not measured is absent. */
export function limitsOf({ limits }: MapCommand, device: Device | undefined): { min?: number; max?: number } {
  const resolve = (limit: MapCommand['limits']['min']): number | undefined => {
    if (typeof limit === 'number') return limit
    const reading = device?.readings().get(limit.point)
    return typeof reading?.value === 'number' && reading.quality !== 'bad'
      ? reading.value * (limit.factor ?? 1)
      : undefined
  }
  const min = resolve(limits.min)
  const max = resolve(limits.max)
  return { ...(min !== undefined && { min }), ...(max !== undefined && { max }) }
}

/** The map's own limits, which hold even if everything above them failed. */
export function outsideLimits(command: MapCommand, value: number, device: Device | undefined): string | undefined {
  const { min, max } = limitsOf(command, device)
  if (min === undefined || max === undefined) return 'a limit of the command depends on a point that is not measured'
  if (!Number.isFinite(value) || value < min || value > max)
    return `${value} ${command.unit} is outside the limits of the map, ${min} to ${max} ${command.unit}`
  return undefined
}
