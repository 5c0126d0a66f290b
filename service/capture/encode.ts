import type { Site } from '#contract/site.ts'
import type { SiteCommands } from '../domain/site-model.ts'
import type { AgedReading } from '../domain/measured.ts'
import type { Decision, StepInput, StepResult } from '../control/types.ts'
import { createDecisionLog } from './digest.ts'
import type { CaptureHeader, CaptureStep, CodedValue, MeasuredTogether } from './format.ts'

interface Held {
  value: AgedReading['value']
  quality: AgedReading['quality']
  reason: string | undefined
  absent: boolean
  atMs: number
  ageMs: number
  /** Number of the step in which it was last there. */
  seen: number
}

/** Turns the steps of one grid into lines. */
export interface StepEncoder {
  encode(input: StepInput, result: Pick<StepResult<unknown>, 'decisions'>): CaptureStep
}

export function captureHeaderOf(of: {
  readonly version: string
  readonly atMs: number
  readonly site: Site
  readonly commands?: SiteCommands | undefined
  readonly states: CaptureHeader['states']
}): CaptureHeader {
  const { version, atMs, site, commands, states } = of
  const declared = commands && Object.fromEntries([...commands].map(([id, names]) => [id, [...names]]))
  return { capture: 1, version, atMs, site, ...(declared && { commands: declared }), states }
}

/** `wanted` leaves out what no control looks at. */
export function createStepEncoder(gridId: string, wanted: (deviceId: string, point: string) => boolean): StepEncoder {
  const held = new Map<string, Map<string, Held>>()
  const decisionLog = createDecisionLog()
  let setpoints = new Map<string, Decision['setpoint']>()
  let wishes = '[]'
  let plan = '[]'
  let number = 0

  function readingsOf(input: StepInput, line: CaptureStep): void {
    const elapsedMs = wholeMs(input.elapsedS)
    for (const [deviceId, points] of input.readings) {
      let known = held.get(deviceId)
      if (!known) held.set(deviceId, (known = new Map()))
      const groups: MeasuredTogether[] = []
      for (const [point, reading] of points) {
        const before = known.get(point)
        if (!before && !wanted(deviceId, point)) continue
        const sameValue = before !== undefined && isSameValue(before, reading)
        const aged = before?.atMs === reading.atMs && before.ageMs + elapsedMs === reading.ageMs
        known.set(point, hold(before, reading, number))
        if (sameValue && aged) continue
        let group = groups.find(([atMs, ageMs]) => atMs === reading.atMs && ageMs === reading.ageMs)
        if (!group) groups.push((group = [reading.atMs, reading.ageMs, {}]))
        if (!sameValue) group[2][point] = code(reading)
        else if (group[3]) group[3].push(point)
        else group[3] = [point]
      }
      if (groups.length > 0) (line.r ??= {})[deviceId] = groups
    }
    for (const [deviceId, known] of held)
      for (const [point, { seen }] of known)
        if (seen !== number) {
          known.delete(point)
          ;((line.d ??= {})[deviceId] ??= []).push(point)
        }
  }

  function setpointsOf(decisions: readonly Decision[], line: CaptureStep): void {
    const next = new Map(decisions.map(({ setpoint }) => [`${setpoint.deviceId} ${setpoint.command}`, setpoint]))
    for (const [key, { deviceId, command, value }] of next)
      if (setpoints.get(key)?.value !== value) (line.s ??= []).push([deviceId, command, value])
    for (const [key, { deviceId, command }] of setpoints)
      if (!next.has(key)) (line.s ??= []).push([deviceId, command, null])
    setpoints = next
  }

  return {
    encode(input, { decisions }) {
      number += 1
      const line: CaptureStep = { g: gridId, t: input.atMs, e: input.elapsedS }
      readingsOf(input, line)
      const wishesNow = JSON.stringify(input.wishes)
      if (wishesNow !== wishes) line.w = input.wishes.map((wish) => ({ ...wish }))
      wishes = wishesNow
      const planNow = JSON.stringify(input.plan)
      if (planNow !== plan) line.p = [...input.plan]
      plan = planNow
      setpointsOf(decisions, line)
      const { hash } = decisionLog(decisions)
      if (hash !== '') line.h = hash
      return line
    },
  }
}

/** Ages are whole milliseconds, so that they can be foretold. */
export const wholeMs = (seconds: number): number => Math.round(seconds * 1000)

function hold(before: Held | undefined, reading: AgedReading, seen: number): Held {
  const { value, quality, reason, atMs, ageMs } = reading
  const absent = reading.absent === true
  if (!before) return { value, quality, reason, absent, atMs, ageMs, seen }
  return Object.assign(before, { value, quality, reason, absent, atMs, ageMs, seen })
}

function isSameValue(before: Held, reading: AgedReading): boolean {
  if (before.quality !== reading.quality || before.reason !== reading.reason) return false
  if (before.absent !== (reading.absent === true)) return false
  if (before.value === reading.value) return true
  return Array.isArray(before.value) && JSON.stringify(before.value) === JSON.stringify(reading.value)
}

function code({ value, quality, reason, absent }: AgedReading): CodedValue {
  if (quality === 'good' && value !== undefined && reason === undefined && absent === undefined) return value
  return {
    ...(value !== undefined && { v: value }),
    q: quality,
    ...(reason !== undefined && { r: reason }),
    ...(absent && { x: true as const }),
  }
}
