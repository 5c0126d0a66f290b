import type { Reason } from '#contract/api.ts'
import type { Claim } from './allocate.ts'
import { type Frame, bits, numberAt, whyNot } from './frame.ts'
import type { Unit } from './layout.ts'
import type { Row } from './layout.ts'
import { type Rows, ampereText, presentA, wattText } from './rows.ts'
import type { ActiveSignal } from './signals.ts'
import type { DeviceState } from './state.ts'
import type { StepInput, Wish } from './types.ts'

/** A charger or load in this cycle: its claim, or why it gets nothing. */
export interface Consumer {
  readonly unit: Unit
  readonly memory: DeviceState
  /** What it asks for; undefined when it shall not run at all. */
  readonly claim?: Claim
  /** Why it asks for no more than `claim.maxA`, or for nothing. */
  readonly reason: Reason
  /** Some input is missing, so that `claim.maxA` is the declared safe value. */
  readonly blind: boolean
  /** It would run if it were not for its shortest time off. */
  readonly waits: boolean
  /** Whether stopping it is demanded by safety, and not only wished. */
  readonly forced: boolean
}

/** Long enough for every waiting time: a device found in a state has been in it for this long. */
export const longAgoS = 1_000_000
/** A vehicle that takes nothing for this long does not want to charge now. */
const idleAfterS = 60
/** Below, a modulating load is off. */
const leastW = 1
/** When not all can run, each runs for at least this long before another of the same priority takes its turn. */
const turnS = 300
/** Contactors are not switched up more often than this; down is immediate. */
const phaseSwitchS = 300

/** A vehicle has 5 s to follow (IEC 61851); what it takes beyond for longer, nobody can count on being given back. */
export const followS = 5

const economic = (rule: string, text: string): Reason => ({ rule, tier: 'economic', text })
const safety = (rule: string, text: string): Reason => ({ rule, tier: 'safety', text })
const physical = (rule: string, text: string): Reason => ({ rule, tier: 'physical', text })

export const wishReason = ({ principal, value, reason, command }: Wish): Reason =>
  economic('wish', `${principal} asks for ${Number(value.toFixed(2))} by ${command}: ${reason}`)

/** The wish for a command of a device; of several, the last one counts. */
export function wishFor(input: StepInput, deviceId: string, commands: readonly string[]): Wish | undefined {
  return input.wishes.findLast((wish) => wish.deviceId === deviceId && commands.includes(wish.command))
}

export function consumersOf(
  frame: Frame,
  rows: Rows,
  input: StepInput,
  signals: readonly ActiveSignal[],
  unknown: string | undefined,
): Consumer[] {
  const shed = signals.find(({ signal }) => signal.kind === 'shed')
  const consumers: Consumer[] = []
  for (const unit of frame.layout.units) {
    const kind = unit.controlled ? unit.device.controlled?.kind : undefined
    if (!frame.alive[unit.index] || (kind !== 'charger' && kind !== 'load')) continue
    const memory = remembered(frame, unit, input.elapsedS)
    if ((memory.overS ?? 0) >= followS) frame.excessA[unit.index] = beyondA(frame, unit, memory)
    const missing = missingRow(frame, rows, unit)
    const blindness = unknown ?? (missing && blindText(frame, missing))
    const shape = kind === 'charger' ? chargerShape(frame, unit, memory, input) : loadShape(frame, unit, input)
    const priority = (unit.device.config.charger ?? unit.device.config.load)?.priority ?? 5
    if (shed && priority >= 6)
      consumers.push(
        stopped(
          unit,
          memory,
          safety('shed-signal', `${shed.signal.name}: loads of priority ${priority} are off`),
          true,
        ),
      )
    else if ('stop' in shape) consumers.push(stopped(unit, memory, shape.stop, false))
    else consumers.push(claiming(frame, unit, memory, { ...shape, priority }, blindness))
  }
  return consumers
}

const stopped = (unit: Unit, memory: DeviceState, reason: Reason, forced: boolean): Consumer => ({
  unit,
  memory,
  reason,
  blind: false,
  waits: false,
  forced,
})

interface Shape {
  readonly minA: number
  readonly maxA: number
  readonly safeA: number
  readonly surplus: boolean
  readonly reason: Reason
  readonly idle: boolean
}

function claiming(
  frame: Frame,
  unit: Unit,
  memory: DeviceState,
  shape: Shape & { readonly priority: number },
  blindness: string | undefined,
): Consumer {
  const { config } = unit.device
  const settings = config.charger ?? config.load
  const running = memory.last > 0
  const lastA = toAmpere(frame, unit, memory.last)
  let { maxA } = shape
  let { reason } = shape
  if (blindness !== undefined) {
    // S7: before its inputs have ever been good it does not rise, not even to the safe value.
    const everGood = frame.model.nodes[unit.node]!.path.every((node) => {
      const { limited, circuit } = frame.model.nodes[node]!
      return !limited || frame.state.measured.includes(circuit.id)
    })
    maxA = Math.min(maxA, shape.safeA, everGood && running ? Infinity : lastA)
    reason = safety('input-missing', `${blindness}; holds at most ${amount(frame, unit, shape.safeA)}`)
  }
  const excessA = frame.excessA[unit.index]!
  if (excessA > 0 && lastA < maxA) {
    maxA = lastA
    reason = physical('not-followed', `takes ${amount(frame, unit, excessA)} more than it was told`)
  }
  const blind = blindness !== undefined
  if (maxA < shape.minA) return { unit, memory, reason, blind, waits: false, forced: blind }
  if (!running && memory.sinceS < (settings?.minOffS ?? 0)) {
    const text = `waits ${Math.floor(memory.sinceS)} s of ${settings?.minOffS} s before it runs again`
    return { ...stopped(unit, memory, safety('min-off', text), false), waits: true }
  }
  const phases = frame.phases[unit.index]!
  const [first = 0] = unit.terminals
  const claim: Claim = {
    unit: unit.index,
    priority: shape.priority,
    minA: shape.minA,
    maxA,
    surplus: shape.surplus,
    keep: running && memory.sinceS < (settings?.minOnS ?? 0),
    running,
    inTurn: running && memory.sinceS < Math.max(turnS, settings?.minOnS ?? 0),
    idle: shape.idle,
    waitS: memory.waitS ?? 0,
    oneMask: phases === 3 && bits(frame.mask[unit.index]!) > 1 ? 1 << first : 0,
    threeMask: phases === 1 && (memory.switchedS ?? longAgoS) >= phaseSwitchS ? allPhases(unit) : 0,
    given: 0,
    row: -1,
  }
  return { unit, memory, claim, reason, blind, waits: false, forced: false }
}

const allPhases = ({ terminals }: Unit): number => terminals.reduce((mask, terminal) => mask | (1 << terminal), 0)

function chargerShape(
  frame: Frame,
  unit: Unit,
  memory: DeviceState,
  input: StepInput,
): Shape | { readonly stop: Reason } {
  const { config } = unit.device
  const settings = config.charger!
  const points = frame.readings.get(config.id)
  const state = points?.get('connectorState')
  const letter = state?.quality !== 'bad' && typeof state?.value === 'string' ? state.value.charAt(0) : ''
  if (numberAt(points, 'plugged', frame.staleMs) === 0 || letter === 'A')
    return { stop: economic('no-vehicle', 'no vehicle is plugged in') }
  if (letter === 'E' || letter === 'F')
    return { stop: physical('connector-fault', `the connector reports state ${letter}`) }
  const wish = wishFor(input, config.id, ['setCurrentA'])
  if (wish && wish.value < settings.minCurrentA) return { stop: wishReason(wish) }
  if (!wish && settings.mode === 'off') return { stop: economic('off', 'charging is switched off') }
  let maxA = settings.maxCurrentA
  let reason = physical('highest-current', `charges with at most ${ampereText(maxA)}`)
  for (const [point, what] of deviceLimits) {
    const limitA = numberAt(points, point, frame.staleMs)
    if (!(limitA > 0 && limitA < maxA)) continue
    maxA = limitA
    reason = physical('device-limit', `${what} ${ampereText(limitA)}`)
  }
  const idle = (memory.idleS ?? 0) >= idleAfterS
  if (idle && settings.minCurrentA < maxA) {
    maxA = settings.minCurrentA
    reason = economic('idle-vehicle', `the vehicle takes nothing; ${ampereText(maxA)} are kept for it`)
  }
  if (wish && wish.value <= maxA) {
    maxA = wish.value
    reason = wishReason(wish)
  }
  return {
    minA: settings.minCurrentA,
    maxA,
    safeA: settings.safeCurrentA,
    surplus: !wish && settings.mode === 'surplus',
    reason,
    idle,
  }
}

const deviceLimits = [
  ['limitA', 'the charger allows at most'],
  ['cableCurrentA', 'the cable carries at most'],
  ['ratedCurrentA', 'the charger is rated for'],
] as const

function loadShape(frame: Frame, unit: Unit, input: StepInput): Shape | { readonly stop: Reason } {
  const { config } = unit.device
  const settings = config.load!
  const wish = wishFor(input, config.id, ['limitPowerW', 'setPowerW', 'switchOn'])
  const switched = settings.kind === 'switched'
  const wantedW = wish && (wish.command === 'switchOn' ? wish.value * settings.maxW : wish.value)
  if (wish && (wantedW ?? 0) <= 0) return { stop: wishReason(wish) }
  if (!wish && settings.mode === 'off') return { stop: economic('off', 'it is switched off') }
  const maxW = Math.min(settings.maxW, switched ? settings.maxW : (wantedW ?? Infinity))
  const minW = switched ? settings.maxW : Math.max(settings.minW, leastW)
  return {
    minA: toAmpere(frame, unit, minW),
    maxA: toAmpere(frame, unit, maxW),
    safeA: toAmpere(frame, unit, settings.safeW),
    surplus: !wish && settings.mode === 'surplus',
    reason: wish ? wishReason(wish) : physical('rated-power', `its rated power is ${wattText(settings.maxW)}`),
    idle: false,
  }
}

/** A setpoint of a charger or load as current per used phase, and back. */
export function toAmpere({ mask, voltageV }: Frame, { index, device }: Unit, setpoint: number): number {
  return device.controlled?.kind === 'charger' ? setpoint : setpoint / (bits(mask[index]!) * voltageV)
}
export function fromAmpere({ mask, voltageV }: Frame, { index, device }: Unit, ampere: number): number {
  return device.controlled?.kind === 'charger' ? ampere : ampere * bits(mask[index]!) * voltageV
}

const amount = (frame: Frame, unit: Unit, ampere: number): string =>
  unit.device.controlled?.kind === 'charger' ? ampereText(ampere) : wattText(fromAmpere(frame, unit, ampere))

/** The first limited row above a unit that it would load and whose flow nobody knows. */
function missingRow({ layout }: Frame, { known, coef, declaredHi }: Rows, unit: Unit): Row | undefined {
  for (let entry = layout.start[unit.index]!; entry < layout.start[unit.index + 1]!; entry += 1) {
    const row = layout.entryRow[entry]!
    if (!known[row] && coef[entry]! !== 0 && declaredHi[row]! < Infinity) return layout.rows[row]
  }
  return undefined
}

/** Why a circuit is not known: its meter, or a part of its sum. */
export function blindText({ model, layout, readings, alive, staleMs }: Frame, row: Row): string {
  const { circuit, meter } = model.nodes[row.node] ?? model.nodes[0]!
  const device = model.devices[meter]
  if (device)
    return `the current of ${circuit.name} is unknown (${device.config.name}: ${whyNot(readings.get(device.config.id), 'powerW', staleMs)})`
  const silent = layout.units.find(({ index, node }) => !alive[index] && model.nodes[node]!.path.includes(row.node))
  return `the current of ${circuit.name} is unknown (${silent ? `${silent.device.config.name} does not answer` : 'a part of it is not measured'})`
}

/** What it takes more than it was told, A per used phase; negative where it is less. */
export const beyondA = (frame: Frame, unit: Unit, { last }: DeviceState): number =>
  presentA(frame, unit.index) - toAmpere(frame, unit, last)

function older(memory: DeviceState, elapsedS: number): DeviceState {
  const { sinceS, riseS, waitS, idleS, overS, switchedS } = memory
  return {
    ...memory,
    sinceS: sinceS + elapsedS,
    ...(riseS !== undefined && { riseS: riseS + elapsedS }),
    ...(waitS !== undefined && { waitS: waitS + elapsedS }),
    ...(idleS !== undefined && { idleS: idleS + elapsedS }),
    ...(overS !== undefined && { overS: overS + elapsedS }),
    ...(switchedS !== undefined && { switchedS: switchedS + elapsedS }),
  }
}

/** What is known of a device from before, its times as of now, or what it is found doing (S7). */
function remembered(frame: Frame, unit: Unit, elapsedS: number): DeviceState {
  const known = frame.memory[unit.index]
  if (known) return older(known, elapsedS)
  const { config } = unit.device
  const points = frame.readings.get(config.id)
  const { staleMs } = frame
  if (config.charger) {
    const setpointA = numberAt(points, 'setpointA', staleMs)
    const { unitA } = frame
    const drawnA = Math.max(unitA[unit.index * 3]!, unitA[unit.index * 3 + 1]!, unitA[unit.index * 3 + 2]!)
    const foundA = Number.isNaN(setpointA) ? drawnA : setpointA
    return { last: foundA >= config.charger.minCurrentA ? foundA : 0, sinceS: longAgoS }
  }
  const powerW = frame.unitW[unit.index]!
  if (config.load?.kind === 'switched') return { last: powerW > 0 ? config.load.maxW : 0, sinceS: longAgoS }
  const setpointW = numberAt(points, 'setpointW', staleMs)
  const foundW = Number.isNaN(setpointW) ? powerW : setpointW
  return { last: Math.max(0, Math.min(foundW, config.load?.maxW ?? foundW)), sinceS: longAgoS }
}
