import type { Reason } from '#contract/api.ts'
import { followS, longAgoS, wishFor, wishReason } from './claims.ts'
import { type Frame, bits, firstAt } from './frame.ts'
import type { Unit } from './layout.ts'
import { type Flows, rowBand, rowReason } from './limits.ts'
import { type Rows, addTo, fuseShare, tolerance, wattText } from './rows.ts'
import type { DeviceState } from './state.ts'
import type { StepInput } from './types.ts'

/** A plant that control may curtail. */
export interface Plant {
  readonly unit: Unit
  readonly ratedW: number
  readonly memory: DeviceState
  readonly powerW: number
  /** A person's limit; its rating where there is none. */
  readonly wishedW: number
  /** What others may count on: what it gives now, and no more than it was wished or will be told to. */
  readonly countedW: number
  /** What it would give if it were let, as far as that was seen. */
  readonly availableW: number
}

export interface PlantMove {
  readonly plant: Plant
  /** What it is expected to give. */
  readonly givesW: number
  readonly limitW: number
  readonly memory: DeviceState
  readonly reasons: readonly Reason[]
  readonly row: number
  readonly relieves: boolean
}

/** Less above a limit is rounding of other setpoints and no reason to curtail. */
const noticeableW = 1
/** Below this share of its limit a plant is not held by it. */
const heldShare = 0.97

/** `known` are powers that a first attempt has decided, by unit. */
export function plantsOf(frame: Frame, input: StepInput, known?: ReadonlyMap<number, number>): Plant[] {
  const plants: Plant[] = []
  for (const unit of frame.layout.units) {
    const ratedW = unit.device.config.pv?.ratedPowerW
    if (!unit.controlled || !frame.alive[unit.index] || ratedW === undefined) continue
    if (unit.device.controlled?.kind !== 'pv') continue
    const memory = frame.memory[unit.index] ?? { last: foundLimitW(frame, unit, ratedW), sinceS: longAgoS }
    const powerW = Math.max(0, -frame.unitW[unit.index]!)
    // A plant that was let go has not had the time to show what the sun gives.
    const underW = Math.min(memory.last, memory.underW ?? memory.last)
    const held = underW < ratedW && powerW >= heldShare * underW
    const availableW = held ? Math.max(powerW, memory.availableW ?? powerW) : powerW
    const wish = wishFor(input, unit.device.config.id, plantCommands)
    const wishedW = wish?.command === 'limitPowerPercent' ? (wish.value * ratedW) / 100 : (wish?.value ?? ratedW)
    const toldW = memory.fellS === undefined ? Infinity : memory.last
    const countedW = Math.min(powerW, Math.max(0, wishedW), toldW, known?.get(unit.index) ?? Infinity)
    plants.push({ unit, ratedW, wishedW: Math.min(ratedW, Math.max(0, wishedW)), memory, powerW, availableW, countedW })
  }
  return plants
}

const plantCommands = ['limitPowerW', 'limitPowerPercent'] as const

/** The limit that the plant is found with (S7). */
function foundLimitW({ readings, staleMs }: Frame, { device }: Unit, ratedW: number): number {
  const points = readings.get(device.config.id)
  const watt = firstAt(points, 'pv.setpointW', 'setpointW', staleMs)
  const percent = firstAt(points, 'pv.setpointPercent', 'setpointPercent', staleMs)
  const found = Number.isNaN(watt) ? (percent * ratedW) / 100 : watt
  return found >= 0 && found < ratedW ? found : ratedW
}

/**
 * Curtails only where an export limit or a fuse demands it, after loads and batteries were decided, and lets go with the ramp.
 * `flow` has everything else as decided and the plants as they are now; on return, with their limits.
 *
 * Where a limit cannot be seen because its meter is missing, no plant gives more than the limit alone would let pass, as if
 * nothing on the site consumed (S5).
 */
export function curtailed(
  frame: Frame,
  rows: Rows,
  plants: readonly Plant[],
  flows: Flows,
  input: StepInput,
): PlantMove[] {
  const factors = new Map(plants.map((plant) => [plant, shrinkOf(frame, rows, plants, plant, flows)]))
  return plants.map((plant) => {
    const { unit, ratedW, memory, powerW, availableW } = plant
    const shrink = factors.get(plant)!
    const wish = wishFor(input, unit.device.config.id, plantCommands)
    const wishedW = Math.max(plant.wishedW, neededW(frame, rows, plant, flows))
    const rampedW = memory.last + (unit.device.config.pv?.rampWPerS ?? 0) * input.elapsedS
    const isHeld = memory.last < ratedW
    // One that is not held has all the room of its rating until a limit is really met.
    const needed = shrink.limitW < powerW - noticeableW || isHeld || shrink.blind
    const roomW = needed ? Math.min(ratedW, shrink.limitW) : ratedW
    const limitW = Math.max(0, Math.min(roomW, rampedW, wishedW))
    const reasons: Reason[] = []
    if (limitW >= ratedW)
      reasons.push({ rule: 'not-limited', tier: 'economic', text: `gives all it can, up to ${wattText(ratedW)}` })
    else if (shrink.row >= 0 && limitW >= roomW - tolerance)
      reasons.push(rowReason(frame, frame.layout.rows[shrink.row]!, flows.least[shrink.row]!))
    else if (wish && limitW >= wishedW - tolerance) reasons.push(wishReason(wish))
    else
      reasons.push({ rule: 'ramp', tier: 'safety', text: `returns by ${wattText(limitW - memory.last)} in this cycle` })
    const givesW = Math.min(availableW, limitW)
    const changeA = (plant.countedW - givesW) / (bits(frame.mask[unit.index]!) * frame.voltageV)
    for (const flow of [flows.most, flows.least]) addTo(flow, frame, rows, unit.index, changeA)
    return {
      plant,
      givesW,
      limitW,
      memory: {
        last: limitW,
        sinceS: memory.sinceS + input.elapsedS,
        availableW,
        underW: input.elapsedS > 0 ? memory.last : (memory.underW ?? memory.last),
        ...fell(memory, limitW, input.elapsedS),
      },
      reasons,
      row: limitW < ratedW ? shrink.row : -1,
      relieves: limitW < memory.last - tolerance && shrink.row >= 0,
    }
  })
}

/** A plant has 5 s to follow; until then it counts as if it had. */
function fell({ last, fellS }: DeviceState, limitW: number, elapsedS: number): { fellS?: number } {
  if (limitW < last - tolerance) return { fellS: 0 }
  const sinceS = (fellS ?? Infinity) + elapsedS
  return sinceS < followS ? { fellS: sinceS } : {}
}

/** The same move with another limit, for the sake of a row. */
export const limitedTo = (move: PlantMove, limitW: number, row: number, reason: Reason): PlantMove => ({
  ...move,
  givesW: limitW,
  limitW,
  memory: { ...move.memory, last: limitW, ...fell(move.plant.memory, limitW, 0) },
  reasons: [reason],
  row,
  relieves: limitW < move.plant.memory.last - tolerance,
})

/** The same move with the limit it has: nothing is released while a limit cannot be kept. */
export function kept(move: PlantMove): PlantMove {
  const { memory, ratedW, wishedW, countedW, powerW } = move.plant
  const limitW = Math.min(memory.last, wishedW, countedW < powerW ? countedW : ratedW)
  const text = limitW < ratedW ? 'stays while a limit is exceeded' : `gives all it can, up to ${wattText(ratedW)}`
  const reason: Reason = { rule: 'kept', tier: 'safety', text }
  return { ...limitedTo(move, limitW, -1, reason), givesW: countedW, relieves: false }
}

/** Rounding moves no limit to and fro: one that hardly changes stays. */
export function steady(move: PlantMove): PlantMove {
  const { last } = move.plant.memory
  if (move.row < 0 || move.limitW === 0 || Math.abs(move.limitW - last) >= 2 * noticeableW) return move
  return { ...move, limitW: last, memory: { ...move.memory, last }, relieves: false }
}

/** What a plant has to give so that no import limit is exceeded for the sake of a wish. */
function neededW(frame: Frame, rows: Rows, plant: Plant, flows: Flows): number {
  if (plant.wishedW >= plant.powerW) return 0
  const factor = bits(frame.mask[plant.unit.index]!) * frame.voltageV
  let most = Infinity
  for (const tier of ['physical', 'safety'] as const)
    most = Math.min(most, rowBand(frame, rows, plant.unit.index, flows, -plant.countedW / factor, tier).max)
  return most === Infinity ? 0 : Math.max(0, Math.min(plant.powerW, -most * factor))
}

/** The power that the tightest row leaves to a plant when all plants of that row give way in proportion. */
function shrinkOf(
  frame: Frame,
  rows: Rows,
  plants: readonly Plant[],
  plant: Plant,
  { least: flow, most }: Flows,
): { limitW: number; row: number; blind: boolean } {
  const { layout, mask, voltageV } = frame
  const { unit } = plant
  const powerW = plant.countedW
  let limitW = Infinity
  let tightest = -1
  let blind = false
  const missed = isMissed(frame, rows, unit.index, most)
  for (let entry = layout.start[unit.index]!; entry < layout.start[unit.index + 1]!; entry += 1) {
    const row = layout.entryRow[entry]!
    const coef = rows.coef[entry]!
    const seen = rows.known[row] === 1
    const margin = layout.rows[row]!.kind === 'fuse' && missed ? 1 / fuseShare : 1
    const lo = (seen ? rows.lo[row]! : rows.declaredLo[row]!) * margin
    if (coef <= 0 || lo === -Infinity || (missed && layout.rows[row]!.tier !== 'physical')) continue
    const all = plants.filter((other) => isIn(frame, rows, other.unit.index, row))
    const sumA = all.reduce((sum, other) => sum + rowA(frame, rows, other, row), 0)
    const ratedW = all.reduce((sum, other) => sum + other.ratedW, 0)
    const ownA = rowA(frame, rows, plant, row)
    // Room left below the limit, in watt of this plant's phases; without a measurement, the limit itself less what all give.
    const share = sumA > 0 ? ownA / sumA : plant.ratedW / ratedW
    const wattPer = (bits(mask[unit.index]!) * voltageV) / coef
    // Where import is over a fuse elsewhere, those who do not feed in there give way first.
    const first = all.filter((other) => isMissed(frame, rows, other.unit.index, most) === missed)
    const firstA = first.reduce((sum, other) => sum + rowA(frame, rows, other, row), 0)
    const spareA = missed ? sumA - firstA : 0
    const part = firstA > 0 ? ownA / firstA : share
    const overA = flow[row]! - lo
    const room = seen
      ? overA < 0
        ? Math.min(0, overA + spareA) * wattPer * part + powerW
        : overA * wattPer * share + powerW
      : -lo * wattPer * share
    if (room < limitW) {
      limitW = room
      tightest = row
      blind = !seen
    }
  }
  return { limitW: Math.max(0, limitW), row: tightest, blind }
}

/**
 * Whether the plant is missed elsewhere: where import is over a fuse, an export limit in watt has to stand back, and export on another
 * phase may use all of its own fuse.
 */
function isMissed({ layout }: Frame, rows: Rows, unit: number, most: Float64Array): boolean {
  for (let entry = layout.start[unit]!; entry < layout.start[unit + 1]!; entry += 1) {
    const row = layout.entryRow[entry]!
    if (rows.coef[entry]! > 0 && layout.rows[row]!.kind === 'fuse' && most[row]! > rows.hi[row]!) return true
  }
  return false
}

/** What a plant feeds into a row, in the unit of the row. */
function rowA({ layout, mask, voltageV }: Frame, { coef }: Rows, { unit, countedW }: Plant, row: number): number {
  for (let entry = layout.start[unit.index]!; entry < layout.start[unit.index + 1]!; entry += 1)
    if (layout.entryRow[entry] === row) return (coef[entry]! * countedW) / (bits(mask[unit.index]!) * voltageV)
  return 0
}

/** Whether a plant feeds into a row. */
function isIn({ layout }: Frame, { coef }: Rows, unit: number, row: number): boolean {
  for (let entry = layout.start[unit]!; entry < layout.start[unit + 1]!; entry += 1)
    if (layout.entryRow[entry] === row) return coef[entry]! > 0
  return false
}
