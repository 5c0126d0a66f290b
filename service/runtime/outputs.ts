import type { SetpointState } from '#contract/api.ts'
import type { MapCommand } from '#contract/point-map.ts'
import type { Decision } from '../control/step.ts'
import type { Guard } from './guard.ts'

/** The output stage of a cycle: decides which setpoints are due and hands them to the guard without waiting. */
export interface Outputs {
  /** Sends what is changed or due; returns the state of every decided setpoint for the snapshot. */
  apply(decisions: readonly Decision[], monotonicMs: number): SetpointState[]
  /** Gives back control of everything written since start; resolves when the devices have answered. */
  releaseAll(reason: string): Promise<void>
  /** Stops writing to these devices. Resolves to the commands that were written to them, once none is under way. */
  pause(deviceIds: readonly string[], reason: string): Promise<readonly WrittenCommand[]>
  /** Writes to them again from the next cycle on. */
  resume(deviceIds: readonly string[]): void
}

export interface WrittenCommand {
  readonly deviceId: string
  readonly command: string
}

interface Sent {
  value: number
  atMs: number
  outcome: SetpointState['outcome']
  reason?: string
  underWay: boolean
  settled: Promise<void>
}

/** Renewal in a third of the device's own reversion time (S3); 20 s where the device never forgets. */
function renewalMs(command: MapCommand): number {
  if (command.expiry.kind === 'none') return command.storage === 'volatile' ? 20_000 : Infinity
  return (command.expiry.seconds * 1000) / 3
}

export function createOutputs(options: {
  guard: Pick<Guard, 'obstacle' | 'write' | 'release'>
  command(deviceId: string, name: string): MapCommand | undefined
}): Outputs {
  const { guard, command } = options
  const sent = new Map<string, Sent>()
  /** Devices that are left alone, with the reason. */
  const paused = new Map<string, string>()

  async function send({ setpoint, reasons }: Decision, entry: Sent, monotonicMs: number): Promise<void> {
    entry.underWay = true
    entry.value = setpoint.value
    entry.atMs = monotonicMs
    const result = await guard.write(setpoint, reasons[0]?.text ?? '')
    entry.outcome = result.outcome
    if (result.reason) entry.reason = result.reason
    else delete entry.reason
    entry.underWay = false
  }

  return {
    apply(decisions, monotonicMs) {
      return decisions.map((decision) => {
        const { deviceId, command: name, value } = decision.setpoint
        const declared = command(deviceId, name)
        const state = { deviceId, command: name, unit: declared?.unit ?? '', value, reasons: [...decision.reasons] }
        const why = paused.get(deviceId)
        if (why !== undefined) return { ...state, outcome: 'refused', outcomeReason: why }
        const obstacle = guard.obstacle(deviceId, name)
        if (obstacle?.outcome === 'refused') return { ...state, outcome: 'refused', outcomeReason: obstacle.reason }
        const key = `${deviceId} ${name}`
        let entry = sent.get(key)
        if (!entry) {
          entry = { value: NaN, atMs: -Infinity, outcome: 'unchanged', underWay: false, settled: Promise.resolve() }
          sent.set(key, entry)
        }
        const step = declared?.step ?? 1
        const changed = !(Math.abs(value - entry.value) < step)
        const due = declared !== undefined && monotonicMs - entry.atMs >= renewalMs(declared)
        if (!entry.underWay && (changed || due || entry.outcome === 'failed'))
          entry.settled = send(decision, entry, monotonicMs)
        return { ...state, outcome: entry.outcome, ...(entry.reason && { outcomeReason: entry.reason }) }
      })
    },
    async pause(deviceIds, reason) {
      for (const id of deviceIds) paused.set(id, reason)
      const found = [...sent].flatMap(([key, { settled }]) => {
        const [deviceId = '', command = ''] = key.split(' ')
        return deviceIds.includes(deviceId) ? [{ key, deviceId, command, settled }] : []
      })
      await Promise.all(found.map(({ settled }) => settled))
      for (const { key } of found) sent.delete(key)
      return found.map(({ deviceId, command }) => ({ deviceId, command }))
    },
    resume(deviceIds) {
      for (const id of deviceIds) paused.delete(id)
    },
    async releaseAll(reason) {
      const keys = [...sent.keys()]
      sent.clear()
      await Promise.all(
        keys.map((key) => {
          const [deviceId = '', name = ''] = key.split(' ')
          return guard.release(deviceId, name, reason)
        }),
      )
    },
  }
}
