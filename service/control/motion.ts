import type { Reason } from '#contract/api.ts'
import { type Claim, wattPerAmpere } from './allocate.ts'
import { type Consumer, beyondA, fromAmpere, longAgoS, toAmpere } from './claims.ts'
import { type Frame, bits } from './frame.ts'
import type { Row } from './layout.ts'
import { type Rows, ampereText, roomText, ruleOf, tolerance, wattText } from './rows.ts'
import type { DeviceState } from './state.ts'

/** What a charger or load is told, on its way to the share it was given. */
export interface Move {
  readonly consumer: Consumer
  /** A per used phase. */
  valueA: number
  readonly beforeA: number
  memory: DeviceState
  /** Deciding rule first. */
  reasons: Reason[]
  /** Row that holds it, -1 for none. */
  readonly row: number
  relieves: boolean
}

/** Room in each row before any claim was served: what sentences speak of. */
export type Room = Float64Array

/**
 * S4: a fall to the share acts at once; a rise waits until there has been room for the dwell time, and then follows the ramp.
 * A start goes to the lowest value first.
 */
export function moved(frame: Frame, room: Room, consumer: Consumer, elapsedS: number): Move {
  const { claim, unit, memory } = consumer
  const settings = unit.device.config.charger ?? unit.device.config.load!
  const rampA = elapsedS * rampPerS(frame, consumer)
  const upSwitch = frame.phases[unit.index] === 1 && bits(frame.mask[unit.index]!) > 1
  // What was one phase is three now: the others start from nothing.
  const lastA = upSwitch ? Math.min(claim?.minA ?? 0, memory.last) : toAmpere(frame, unit, memory.last)
  const given = claim?.given ?? 0
  const same = unit.device.config.load !== undefined && given > 0 && lastA > 0 && isRounding(frame, consumer, given)
  const targetA = same ? lastA : given
  const reasons = shareReasons(frame, room, consumer)
  const row = claim?.row ?? -1
  if (targetA <= lastA + tolerance) {
    const relieves = targetA < lastA - tolerance && (consumer.forced || hard(frame, row) || consumer.blind)
    const next = settled(frame, consumer, targetA, undefined)
    return { consumer, valueA: targetA, beforeA: lastA, memory: next, reasons, row, relieves }
  }
  const riseS = memory.riseS ?? 0
  if (riseS < settings.dwellS) {
    reasons.unshift(wait(`waiting ${Math.floor(riseS)} s of ${settings.dwellS} s before a rise`))
    const next = settled(frame, consumer, lastA, riseS)
    return { consumer, valueA: lastA, beforeA: lastA, memory: next, reasons, row, relieves: false }
  }
  const minA = claim?.minA ?? 0
  const valueA = lastA > 0 ? Math.min(targetA, lastA + rampA) : Math.min(targetA, Math.max(minA, rampA))
  if (valueA < targetA - tolerance)
    reasons.unshift({
      rule: 'ramp',
      tier: 'safety',
      text: `moves by at most ${amount(frame, consumer, rampA)} in this cycle, towards ${amount(frame, consumer, targetA)}`,
    })
  const next = settled(frame, consumer, valueA, riseS)
  return { consumer, valueA, beforeA: lastA, memory: next, reasons, row, relieves: false }
}

/** Loads are told whole watts: less than this is rounding of other setpoints, and not worth a write. */
const noticeableW = 2

const isRounding = (frame: Frame, { unit, memory }: Consumer, valueA: number): boolean =>
  Math.abs(fromAmpere(frame, unit, valueA) - memory.last) < noticeableW

const wait = (text: string): Reason => ({ rule: 'dwell', tier: 'safety', text })

function rampPerS(frame: Frame, { unit }: Consumer): number {
  const { charger, load } = unit.device.config
  return charger ? charger.rampAPerS : (load?.rampWPerS ?? 0) / wattPerAmpere(frame, unit.index)
}

const amount = (frame: Frame, { unit }: Consumer, ampere: number): string =>
  unit.device.controlled?.kind === 'charger' ? ampereText(ampere) : wattText(fromAmpere(frame, unit, ampere))

const hard = ({ layout }: Frame, row: number): boolean => row >= 0 && layout.rows[row]!.tier !== 'economic'

/** The memory of a device after this cycle. */
export function settled(
  frame: Frame,
  { unit, memory, claim, waits }: Consumer,
  valueA: number,
  riseS: number | undefined,
): DeviceState {
  const { index, device } = unit
  const running = valueA > 0
  const sinceS = memory.last > 0 === running ? memory.sinceS : 0
  const drawnA = Math.max(frame.unitA[index * 3]!, frame.unitA[index * 3 + 1]!, frame.unitA[index * 3 + 2]!)
  const charging = drawnA >= 1
  const offered = device.config.charger !== undefined && memory.last > 0 && !charging && claim !== undefined
  const phases = nowPhases(frame, index)
  const used = claim === undefined ? undefined : usedPhases(frame, index, charging, memory)
  const reachedTarget = riseS !== undefined && valueA >= (claim?.given ?? 0) - tolerance
  // Chargers are exact to a few percent.
  const over = beyondA(frame, unit, memory) > 1 + 0.05 * toAmpere(frame, unit, memory.last)
  const waiting = waits || (claim !== undefined && !running)
  return {
    last: fromAmpere(frame, unit, valueA),
    sinceS,
    ...(phases !== undefined && { phases }),
    ...(used !== undefined && { usedPhases: used }),
    ...(riseS !== undefined && !reachedTarget && { riseS }),
    ...(waiting && { waitS: memory.waitS ?? 0 }),
    ...(offered && { idleS: memory.idleS ?? 0 }),
    ...(over && { overS: memory.overS ?? 0 }),
    ...(phases !== undefined && {
      switchedS: memory.phases !== undefined && memory.phases !== phases ? 0 : (memory.switchedS ?? longAgoS),
    }),
  }
}

/** The phases a charger is to use from now on: those of its claim, which may have changed them. */
export function nowPhases(frame: Frame, unit: number): 1 | 3 | undefined {
  const told = frame.phases[unit]!
  if (told === 0) return undefined
  const claimed = frame.claimedPhases[unit]!
  return (claimed || told) === 1 ? 1 : 3
}

function usedPhases(frame: Frame, unit: number, charging: boolean, memory: DeviceState): number | undefined {
  if (nowPhases(frame, unit) !== (frame.phases[unit] || undefined)) return undefined
  return charging ? frame.mask[unit]! : memory.usedPhases
}

function shareReasons(frame: Frame, room: Room, { claim, reason, unit, blind }: Consumer): Reason[] {
  if (!claim || claim.row < 0) return [reason]
  const row = frame.layout.rows[claim.row]!
  const reasons = [rowReason(frame, row, room[claim.row]!, claim, unit.device.controlled?.kind === 'charger')]
  if (blind || reason.rule === 'wish') reasons.push(reason)
  return reasons
}

function rowReason(frame: Frame, row: Row, room: number, claim: Claim, isCharger: boolean): Reason {
  const text = roomText(frame, row, room)
  const lowest = isCharger ? ampereText(claim.minA) : wattText(claim.minA * wattPerAmpere(frame, claim.unit))
  return {
    rule: ruleOf[row.kind],
    tier: row.tier,
    text:
      claim.given > 0
        ? `${text}${isCharger ? `, ${ampereText(claim.given)} for this one` : ''}`
        : `${text}, too little for its lowest ${lowest}${claim.waitS > 0 ? `; waits for its turn since ${Math.floor(claim.waitS)} s` : ''}`,
  }
}

/**
 * A rise only uses room that is measured, not room that others have just been told to make: where both would meet in a row, the
 * rise is cut back to what fits beside the values that are still there (S4).
 */
export function holdRises(frame: Frame, rows: Rows, moves: readonly Move[], other: Float64Array): void {
  const { layout } = frame
  const worst = other.slice()
  const rises = new Float64Array(layout.rows.length)
  let rising = 0
  for (const { consumer, valueA, beforeA } of moves) {
    const { index } = consumer.unit
    const present = frame.unitW[index]! / wattPerAmpere(frame, index) - frame.excessA[index]!
    for (let entry = layout.start[index]!; entry < layout.start[index + 1]!; entry += 1) {
      const row = layout.entryRow[entry]!
      if (layout.rows[row]!.tier === 'economic') continue
      worst[row]! += rows.coef[entry]! * Math.max(valueA, present)
      if (valueA > beforeA) rises[row]! += Math.max(0, rows.coef[entry]!) * (valueA - beforeA)
    }
    if (valueA > beforeA) rising += 1
  }
  if (rising === 0) return
  for (const move of moves) {
    const { index } = move.consumer.unit
    if (move.valueA <= move.beforeA) continue
    let share = 1
    for (let entry = layout.start[index]!; entry < layout.start[index + 1]!; entry += 1) {
      const row = layout.entryRow[entry]!
      const over = worst[row]! - rows.hi[row]!
      if (over > tolerance && rows.coef[entry]! > 0 && rises[row]! > 0) share = Math.min(share, 1 - over / rises[row]!)
    }
    if (share >= 1) continue
    const rise = move.valueA - move.beforeA
    move.valueA = move.beforeA > 0 ? move.beforeA + rise * Math.max(0, share) : 0
    const riseS = move.memory.riseS ?? move.consumer.memory.riseS ?? 0
    move.memory = settled(frame, move.consumer, move.valueA, riseS)
    move.reasons.unshift(wait('waits until others have made room'))
  }
}
