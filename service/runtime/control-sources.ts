import type { Principal } from '#contract/access.ts'
import type { ArmedState, ControlTarget, ControlWish, Explanation } from '#contract/control.ts'
import { EdgeError } from '#contract/errors.ts'
import type { Sources } from '../api/sources.ts'
import type { CaptureRecorder } from '../capture/recorder.ts'
import type { Clock } from '../domain/clock.ts'
import type { Storage } from '../storage/types.ts'
import { type Armed, keyOf } from './armed.ts'
import { commandsOf } from './device-view.ts'
import type { Explainer } from './explain.ts'
import { failsafeOf, loadProofs } from './failsafe.ts'
import type { LimitsEdit } from './limits-edit.ts'
import type { SiteDeviceEntry, SiteRuntime } from './site-runtime.ts'
import type { PlausibilityWatch } from './plausibility.ts'
import type { VerificationEdit } from './verification-edit.ts'
import type { Wishes } from './wishes.ts'
import { manualTable, writeTable } from './write-rules.ts'

export type ControlSources = Pick<
  Sources,
  | 'grids'
  | 'cycles'
  | 'failsafe'
  | 'writeRules'
  | 'explain'
  | 'capture'
  | 'wishes'
  | 'setWish'
  | 'clearWish'
  | 'armed'
  | 'arm'
  | 'disarm'
  | 'limits'
  | 'previewLimits'
  | 'changeLimits'
  | 'verification'
  | 'verify'
  | 'unverify'
  | 'plausibility'
>

const journalName = ({ name, address }: Principal): string => `${name} (${address})`

/** Answers what the API asks about control, and takes what people ask of it. */
export function createControlSources(parts: {
  clock: Clock
  runtime: SiteRuntime
  storage: Pick<Storage, 'journal' | 'addEvent' | 'explanations'>
  entries: readonly SiteDeviceEntry[]
  wishes: Wishes
  armed: Armed
  explainer: Explainer
  capture: Pick<CaptureRecorder, 'read'>
  limitsEdit: LimitsEdit
  verificationEdit: VerificationEdit
  plausibility: Pick<PlausibilityWatch, 'of'>
  epoch: number
  dataFolder: string
  /** The wishes have changed. */
  wishesChanged(): void
}): ControlSources {
  const {
    clock,
    runtime,
    storage,
    entries,
    wishes,
    armed,
    explainer,
    capture,
    limitsEdit,
    verificationEdit,
    plausibility,
    epoch,
    dataFolder,
    wishesChanged,
  } = parts
  const entryOf = (id: string): SiteDeviceEntry => {
    const entry = entries.find(({ config }) => config.id === id)
    if (!entry) throw new EdgeError('device.unknown', 'the site has no device with this ID')
    return entry
  }

  function tell(message: string, deviceId?: string): void {
    storage.addEvent({
      atMs: clock.nowMs(),
      severity: 'info',
      code: 'control.asked',
      message,
      ...(deviceId && { deviceId }),
    })
  }

  /** Throws what keeps automatic control from taking this value of this command. Returns the unit. */
  function check({ deviceId, command }: ControlTarget, value: number, key: string): string {
    const entry = entryOf(deviceId)
    const declared = commandsOf(entry.map).get(command)
    if (!declared) throw new EdgeError('control.unknown', `${entry.config.name} has no command ${command}`)
    const outside = runtime.outsideLimits(deviceId, command, value)
    if (outside !== undefined) throw new EdgeError('control.outside', outside)
    const grids = runtime.grids()
    const decided = grids
      .flatMap(({ setpoints }) => setpoints)
      .find((setpoint) => setpoint.deviceId === deviceId && setpoint.command === command)
    const alone = grids.flatMap(({ leftAlone }) => leftAlone).find((left) => left.deviceId === deviceId)
    if (!decided)
      throw new EdgeError(
        'control.not-decided',
        alone
          ? `${entry.config.name} is left alone: ${alone.text}`
          : `automatic control does not use ${command} of ${entry.config.name}`,
      )
    if (decided.outcome === 'refused')
      throw new EdgeError('control.not-decided', decided.outcomeReason ?? 'automatic control may not write it')
    const contradiction = wishes.obstacle({ deviceId, command }, key)
    if (contradiction) throw contradiction
    return declared.unit
  }

  function armedState(principal: Principal): ArmedState {
    return {
      armed: armed.holds(principal),
      permissions: armed.list().map(({ key, permission }) => ({ ...permission, own: key === keyOf(principal) })),
      targets: runtime.manualTargets(),
    }
  }

  return {
    grids: () => runtime.grids(),
    cycles: () => ({ atMs: clock.nowMs(), epoch, grids: [...runtime.cycles()] }),
    writeRules: () => ({ automatic: [...writeTable], manual: [...manualTable] }),
    failsafe: () => ({
      devices: failsafeOf(
        entries.map(({ config, map }) => ({
          id: config.id,
          name: config.name,
          mapHash: map.hash,
          commands: commandsOf(map),
        })),
        // A check may have added one.
        loadProofs(dataFolder),
        (deviceId, command) => runtime.valueNow(deviceId, command),
      ),
    }),
    capture: (fromMs, toMs) => capture.read(fromMs, toMs),
    async explain({ device, at }): Promise<Explanation> {
      entryOf(device)
      // What holds now is known without the disk.
      const stored = at === undefined ? [] : await storage.explanations(device, at)
      return explainer.explain(device, at ?? clock.nowMs(), stored)
    },
    wishes: () => wishes.list(),
    async setWish(target, request, principal): Promise<ControlWish> {
      const { value, reason, ttlS } = request
      const by = { key: keyOf(principal), name: principal.name, unit: check(target, value, keyOf(principal)) }
      await storage.journal.appendDurable({
        kind: 'wish',
        principal: journalName(principal),
        ...target,
        value,
        outcome: 'asked',
        detail: reason,
        data: { ttlS },
      })
      const wish = wishes.set(target, request, by)
      tell(`${principal.name} asks for ${target.command} ${value} ${by.unit} for ${ttlS} s: ${reason}`, target.deviceId)
      wishesChanged()
      return wish
    },
    clearWish(target, principal) {
      if (!wishes.clear(target)) return
      storage.journal.append({ kind: 'wish', principal: journalName(principal), ...target, outcome: 'taken back' })
      tell(`${principal.name} lets ${target.command} be automatic again`, target.deviceId)
      wishesChanged()
    },
    armed: armedState,
    async arm(request, principal) {
      await storage.journal.appendDurable({
        kind: 'arm',
        principal: journalName(principal),
        detail: request.reason,
        data: { minutes: request.minutes },
      })
      armed.arm(request, principal)
      return armedState(principal)
    },
    disarm(principal) {
      if (armed.release(principal))
        storage.journal.append({ kind: 'arm', principal: journalName(principal), outcome: 'released' })
      return armedState(principal)
    },
    plausibility: plausibility.of,
    verification: verificationEdit.verification,
    async verify(target, proof, principal) {
      const now = await verificationEdit.add(target, proof, principal.name)
      const { name } = entryOf(target.deviceId).config
      tell(`${principal.name} has verified ${target.name} of ${name}: ${proof.how}`, target.deviceId)
      return now
    },
    async unverify(target, withdrawal, principal) {
      const now = await verificationEdit.remove(target, withdrawal, principal.name)
      const { name } = entryOf(target.deviceId).config
      tell(
        `${principal.name} says that ${target.name} of ${name} is not verified: ${withdrawal.reason}`,
        target.deviceId,
      )
      return now
    },
    limits: limitsEdit.limits,
    previewLimits: limitsEdit.preview,
    async changeLimits(request, principal) {
      const limits = await limitsEdit.change(request, journalName(principal))
      tell(
        `${request.changes.length === 1 ? 'a limit was' : `${request.changes.length} limits were`} changed by ${principal.name}: ${request.reason}`,
      )
      return limits
    },
  }
}
