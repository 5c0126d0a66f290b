import type { SetpointState } from '#contract/api.ts'
import type { MapCommand } from '#contract/point-map.ts'
import type { DeviceRole } from '#contract/site-device.ts'
import type { Decision } from '../control/types.ts'
import type { Clock } from '../domain/clock.ts'
import { createEffectWatch, type EffectWatch } from './effects.ts'
import type { Faults } from './faults.ts'
import type { Guard } from './guard.ts'
import { renewalMs } from './renewal.ts'
import type { WriteBudget } from './write-budget.ts'

/** What the output stage has to know about a device. */
export interface OutputTarget {
  readonly name: string
  readonly role: DeviceRole
  command(name: string): MapCommand | undefined
  /** A fresh measured value, or undefined. */
  measured(point: string, notOlderThanMs: number): number | undefined
}

/** The output stage of a cycle: decides which setpoints are due and hands them to the guard without waiting. */
export interface Outputs {
  /** Sends what is changed or due; returns the state of every decided setpoint for the snapshot. */
  apply(decisions: readonly Decision[], monotonicMs: number): SetpointState[]
  /** The last value that the device was told, while it may still hold it. */
  valueNow(deviceId: string, command: string): number | undefined
  /** The device was away and may have been swapped or started anew: everything is written to it again. */
  writeAnew(deviceId: string): void
  /**
   * Gives back control of everything written since start: chargers and loads first, then the limits of PV, then batteries.
   * Nothing is written any more until `resume`. Resolves when the devices have answered, or had time to.
   */
  releaseAll(reason: string): Promise<void>
  resume(): void
  /** Stops writing to these devices. Resolves to the commands that were written to them, once none is under way. */
  pause(deviceIds: readonly string[], reason: string): Promise<readonly WrittenCommand[]>
  /** Writes to them again from the next cycle on. */
  unpause(deviceIds: readonly string[]): void
}

export interface WrittenCommand {
  readonly deviceId: string
  readonly command: string
}

interface Sent {
  value: number
  atMs: number
  outcome: SetpointState['outcome']
  reason: string | undefined
  /** Writes under way: two at most, when a relief overtakes. */
  underWay: number
  /** Attempts in a row that have failed. */
  failures: number
  /** Once nothing is under way. */
  settled: Promise<unknown>
  readonly effect: EffectWatch | undefined
}

/** The order in which control is given back. */
const releaseOrder: readonly (readonly DeviceRole[])[] = [['charger', 'load'], ['pv'], ['battery']]
/** A device that does not answer does not keep the next ones waiting for longer. */
const releaseMs = 350

/** From so many in a row on, people are told. */
const manyFailures = 3

/** What fails is tried again after 1 s, 2 s, 4 s and so on; a relief is never given up for long. */
const failurePauseMs = (failures: number, relieves: boolean): number =>
  failures === 0 ? 0 : Math.min(relieves ? 2_000 : 60_000, 500 * 2 ** Math.min(failures, 10))

export function createOutputs(options: {
  guard: Pick<Guard, 'obstacle' | 'write' | 'release'>
  target(deviceId: string): OutputTarget | undefined
  /** Devices of the simulated plant. */
  simulated: ReadonlySet<string>
  budget: Pick<WriteBudget, 'left' | 'spend'>
  faults: Pick<Faults, 'raise' | 'clear'>
  clock: Clock
}): Outputs {
  const { guard, target: targetOf, simulated, budget, faults, clock } = options
  const sent = new Map<string, Sent>()
  let released: string | undefined
  /** Devices that are left alone, with the reason. */
  const paused = new Map<string, string>()

  async function send(decision: Decision, entry: Sent, key: string, monotonicMs: number): Promise<void> {
    const { setpoint, reasons } = decision
    entry.underWay += 1
    entry.value = setpoint.value
    entry.atMs = monotonicMs
    const result = await guard.write(setpoint, reasons[0]?.text ?? '', restsOnSimulated(decision))
    entry.underWay -= 1
    // One that was overtaken says nothing about what holds now.
    if (entry.underWay > 0) return
    entry.outcome = result.outcome
    entry.reason = result.reason
    const { outcome } = result
    entry.failures = outcome === 'failed' ? entry.failures + 1 : 0
    tellFailures(setpoint, key, entry)
    if (outcome === 'confirmed' || outcome === 'written') entry.effect?.told(setpoint.value, monotonicMs)
    // What was not confirmed may have reached the register all the same.
    const onWire = outcome !== 'refused' && outcome !== 'recorded'
    if (onWire && targetOf(setpoint.deviceId)?.command(setpoint.command)?.storage === 'non-volatile') budget.spend(key)
  }

  // Decisions of one grid rest on the same devices, and share the list of them.
  const known = new WeakMap<Decision['dependsOn'], boolean>()
  function restsOnSimulated({ dependsOn }: Decision): boolean {
    if (simulated.size === 0) return false
    let rests = known.get(dependsOn)
    if (rests === undefined) {
      rests = dependsOn.some((id) => simulated.has(id))
      known.set(dependsOn, rests)
    }
    return rests
  }

  /** One failure is noise; a device that takes nothing is said once. */
  function tellFailures({ deviceId, command, value }: Decision['setpoint'], key: string, entry: Sent): void {
    if (entry.failures === 0) faults.clear(`write ${key}`, `${command} is taken again`)
    if (entry.failures !== manyFailures) return
    const target = targetOf(deviceId)
    faults.raise(`write ${key}`, {
      code: 'control.not-taken',
      severity: 'warning',
      message: `${target?.name ?? deviceId} does not take ${command} ${value} ${target?.command(command)?.unit ?? ''}: ${entry.reason ?? 'no reason'}`,
      action: 'Check at the device whether remote control is allowed and whether another controller writes to it.',
      deviceId,
    })
  }

  function entryOf(key: string, name: string, command: MapCommand | undefined): Sent {
    let entry = sent.get(key)
    if (!entry) {
      const effect = command?.effect && createEffectWatch(name, command.effect)
      entry = {
        value: NaN,
        atMs: -Infinity,
        outcome: 'unchanged',
        reason: undefined,
        underWay: 0,
        failures: 0,
        effect,
        settled: Promise.resolve(),
      }
      sent.set(key, entry)
    }
    return entry
  }

  /** Looks whether the device does what it was told, and says so once. */
  function watchEffect(key: string, target: OutputTarget, command: MapCommand, entry: Sent, nowMs: number): boolean {
    if (!command.effect || !entry.effect) return true
    const { point, withinMs } = command.effect
    const measured = target.measured(point, Math.max(5_000, withinMs))
    const effect = entry.effect.look(measured, nowMs)
    const [deviceId = '', name = ''] = key.split(' ')
    if (effect === 'none')
      faults.raise(`effect ${key}`, {
        code: 'control.no-effect',
        severity: 'warning',
        message: `${target.name} has accepted ${name} ${entry.value} ${command.unit}, but ${point} shows ${measured ?? 'nothing'}`,
        action: 'Check at the device whether it is in remote control and whether a limit of its own holds it.',
        deviceId,
      })
    else if (effect === 'seen') faults.clear(`effect ${key}`, `${target.name} follows ${name} again`)
    return effect !== 'none'
  }

  /** Nothing is expected of the device any more. */
  function forgetEffect(key: string): void {
    sent.get(key)?.effect?.forget()
    faults.clear(`effect ${key}`, 'control no longer writes it')
    faults.clear(`write ${key}`, 'control no longer writes it')
  }

  /** Why it must not be written now although it has changed or is due, or undefined. */
  function waits(key: string, command: MapCommand, entry: Sent, relieves: boolean, nowMs: number): string | undefined {
    const mayTellAtMs = entry.effect?.mayTellAtMs(relieves) ?? -Infinity
    if (nowMs < mayTellAtMs)
      return `the device accepts it without effect; tried again in ${Math.ceil((mayTellAtMs - nowMs) / 1000)} s`
    if (nowMs < entry.atMs + failurePauseMs(entry.failures, relieves)) return entry.reason ?? 'it has just failed'
    if (command.storage === 'volatile') return undefined
    const { dailyWrites = 1 } = command
    const faultKey = `budget ${key}`
    if (budget.left(key, dailyWrites) > 0) {
      faults.clear(faultKey, 'it may be written again')
      return undefined
    }
    const [deviceId = '', name = ''] = key.split(' ')
    faults.raise(faultKey, {
      code: 'control.budget',
      severity: 'warning',
      message: `${name} of ${deviceId} was written ${dailyWrites} times today; its register wears out, so that only relief is written`,
      action: 'Raise dwell times or steps, so that it changes less often; it may be written again tomorrow (UTC).',
      deviceId,
    })
    return relieves ? undefined : `the ${dailyWrites} writes of today are used up; its register wears out`
  }

  function applyOne(decision: Decision, nowMs: number): SetpointState {
    const { deviceId, command: name, value, relieves } = decision.setpoint
    const target = targetOf(deviceId)
    const command = target?.command(name)
    const state = { deviceId, command: name, unit: command?.unit ?? '', value, reasons: [...decision.reasons] }
    const refused = (outcomeReason: string): SetpointState => ({ ...state, outcome: 'refused', outcomeReason })
    if (released !== undefined) return refused(`control is given back: ${released}`)
    const lent = paused.get(deviceId)
    if (lent !== undefined) return refused(lent)
    const obstacle = guard.obstacle(deviceId, name, restsOnSimulated(decision))
    if (obstacle?.outcome === 'refused') {
      forgetEffect(`${deviceId} ${name}`)
      return refused(obstacle.reason)
    }
    if (!target || !command) return refused(`${deviceId} has no command ${name}`)
    const key = `${deviceId} ${name}`
    const entry = entryOf(key, name, command)
    const changed = !(Math.abs(value - entry.value) < (command.step ?? 1))
    const due = nowMs - entry.atMs >= renewalMs(command)
    const follows = watchEffect(key, target, command, entry, nowMs)
    if (changed || due || entry.outcome === 'failed' || (!follows && entry.underWay === 0)) {
      const why = waits(key, command, entry, relieves, nowMs)
      if (why !== undefined) return { ...state, outcome: entry.outcome, outcomeReason: why }
      // A relief does not wait for what is under way (S4).
      if (entry.underWay === 0 || (entry.underWay === 1 && changed && relieves))
        entry.settled = Promise.all([entry.settled, send(decision, entry, key, nowMs)])
    }
    return { ...state, outcome: entry.outcome, ...(entry.reason !== undefined && { outcomeReason: entry.reason }) }
  }

  async function giveTime(work: Promise<unknown>): Promise<void> {
    const stop = new AbortController()
    await Promise.race([work, clock.sleep(releaseMs, stop.signal).catch(() => undefined)])
    stop.abort()
  }

  return {
    apply: (decisions, monotonicMs) => decisions.map((decision) => applyOne(decision, monotonicMs)),
    valueNow(deviceId, command) {
      const entry = sent.get(`${deviceId} ${command}`)
      return entry && ['confirmed', 'written', 'unchanged'].includes(entry.outcome) && Number.isFinite(entry.value)
        ? entry.value
        : undefined
    },
    writeAnew(deviceId) {
      for (const [key, entry] of sent) if (key.startsWith(`${deviceId} `)) entry.value = NaN
    },
    async pause(deviceIds, reason) {
      for (const id of deviceIds) paused.set(id, reason)
      const found = [...sent].flatMap(([key, { settled }]) => {
        const [deviceId = '', command = ''] = key.split(' ')
        return deviceIds.includes(deviceId) ? [{ key, deviceId, command, settled }] : []
      })
      await Promise.all(found.map(({ settled }) => settled))
      for (const { key } of found) {
        forgetEffect(key)
        sent.delete(key)
      }
      return found.map(({ deviceId, command }) => ({ deviceId, command }))
    },
    unpause(deviceIds) {
      for (const id of deviceIds) paused.delete(id)
    },
    async releaseAll(reason) {
      released = reason
      for (const key of sent.keys()) forgetEffect(key)
      const all = [...sent.keys()].map((key) => key.split(' '))
      sent.clear()
      for (const roles of releaseOrder) {
        const now = all.filter(([deviceId = '']) => roles.includes(targetOf(deviceId)?.role ?? 'sensor'))
        if (now.length === 0) continue
        await giveTime(Promise.all(now.map(([deviceId = '', name = '']) => guard.release(deviceId, name, reason))))
      }
    },
    resume() {
      released = undefined
    },
  }
}
