import type { CheckMeasure } from '#contract/checks.ts'
import type { CommandName, MapCommand } from '#contract/point-map.ts'
import { changeAt, letGoAt } from '../../../commissioning/checks/fallback.ts'
import { open } from '../../../commissioning/checks/measure.ts'
import { between, isSteady, meanOf } from '../../../commissioning/checks/samples.ts'
import type { SiteDeviceEntry } from '../../site-runtime.ts'
import { actuatorOf } from '../actuators.ts'
import type { Desk } from '../desk.ts'
import { changeBy, fallbackValueOf } from '../effects-of.ts'
import { cannot, type CheckPlan, ready } from '../plan.ts'
import { CheckEnd, type CheckTiming, type Hand, type Lane, type Session } from '../session.ts'
import { effectOf } from './command.ts'

type Expiring = MapCommand & { expiry: { kind: 'reversion' | 'watchdog'; seconds: number; fallback: string } }

const forgets = (declared: MapCommand): declared is Expiring => declared.expiry.kind !== 'none'
const toleranceOf = (seconds: number): number => Math.max(3, seconds / 10)
/** Of the tolerance, how much of it is waited in silence before the device is asked again. */
const silentShare = 0.6
/** Of what was switched, how far the power has to be from it before it has let go. */
const letGoShare = 0.2

function expects(declared: Expiring, fallback: number | undefined, silent: boolean): CheckMeasure[] {
  const { seconds } = declared.expiry
  const tolerance = toleranceOf(seconds)
  return [
    silent
      ? open({ key: 'fallbackAfter', unit: 's', rule: 'at-most', expected: seconds + tolerance })
      : open({ key: 'fallbackAfter', unit: 's', rule: 'within', expected: seconds, tolerance }),
    open({
      key: 'fallbackValue',
      unit: declared.unit,
      rule: fallback === undefined ? 'info' : 'within',
      ...(fallback !== undefined && {
        expected: fallback,
        tolerance: Math.max(declared.readBack?.tolerance ?? 0, declared.effect?.tolerance ?? 0),
      }),
    }),
  ]
}

/** What a run has to know while it waits. */
interface Wait {
  readonly session: Session
  readonly hand: Hand
  readonly held: number
  readonly sentMs: number
  readonly declared: Expiring
  readonly own: Lane | undefined
  readonly meter: Lane | undefined
}

/** When the setpoint has gone, seen at the device itself. Undefined when it never did in the time allowed. */
async function watchLetGo({ session, hand, held, sentMs, declared, own }: Wait): Promise<number | undefined> {
  const untilMs = sentMs + declared.expiry.seconds * 1_000 + session.timing.fallbackMarginMs
  const powerTolerance = Math.max(declared.effect?.tolerance ?? 0, Math.abs(held) * letGoShare)
  const inPower = declared.unit === 'W' && own !== undefined && Math.abs(held) > 2 * powerTolerance
  for (;;) {
    await session.sleep(session.timing.sampleMs)
    if (inPower) {
      const since = own.samples.filter(({ tMs }) => tMs > sentMs + 1_000)
      const gone = letGoAt(since, held, powerTolerance)
      const newestMs = since.at(-1)?.tMs ?? 0
      if (gone && newestMs > gone.tMs) {
        const lastHeldMs = since.findLast(({ tMs }) => tMs < gone.tMs)?.tMs ?? sentMs
        if (gone.tMs - lastHeldMs > toleranceOf(declared.expiry.seconds) * 1_000)
          throw new CheckEnd('not-measured', 'its power was read too seldom to say when it fell back')
        return gone.tMs
      }
      // A busy line may be late: what counts is what was read after that time.
      if (newestMs > untilMs) return undefined
      continue
    }
    const shown = await hand.readBack()
    const free = await hand.released()
    const differs = shown !== undefined && Math.abs(shown - held) > (declared.readBack?.tolerance ?? 0)
    if (free === true || differs) return session.tMs()
    if (session.tMs() > untilMs) return undefined
  }
}

/** Says and asks nothing until the device must have let go; the meter above it may see when. */
async function waitInSilence({ session, hand, held, sentMs, declared, own, meter }: Wait): Promise<number | undefined> {
  const { seconds } = declared.expiry
  const silentMs = (seconds + toleranceOf(seconds) * silentShare) * 1_000
  own?.stop()
  const speak = hand.silence()
  await session.sleep(Math.max(0, sentMs + silentMs - session.tMs()))
  const askedMs = session.tMs()
  speak()
  const shown = await hand.readBack()
  const free = await hand.released()
  const gone = free === true || (shown !== undefined && Math.abs(shown - held) > (declared.readBack?.tolerance ?? 0))
  if (shown === undefined && free === undefined)
    throw new CheckEnd('not-measured', `${hand.entry.config.name} does not show whether it has let go`)
  if (!gone) return undefined
  // A setpoint of a battery, which gives, falls: the meter sees more.
  const seen = meter && changeAt(between(meter.samples, sentMs + 1_000, Infinity), held, 3 * session.timing.sampleMs)
  return seen?.tMs ?? askedMs
}

function lossPlan(
  desk: Desk,
  timing: CheckTiming,
  entry: SiteDeviceEntry,
  command: CommandName,
  kind: 'comm-loss' | 'ems-loss',
): CheckPlan {
  const { id, name } = entry.config
  const silent = kind === 'comm-loss'
  return {
    id: `${kind}.${id}.${command}`,
    kind,
    group: 'failsafe',
    title: silent ? `${name} falls back when nobody speaks to it` : `${name} falls back when R-EMS says nothing new`,
    subjectId: id,
    subjectName: name,
    command,
    writes: true,
    prepare(chosen) {
      const declared = desk.commands(entry).get(command)
      if (!declared || !forgets(declared))
        return cannot({ code: 'not-covered', text: `${name} never lets go of ${command}` }, [])
      const fallback = fallbackValueOf(desk, entry, command)
      const measures = expects(declared, fallback, silent)
      const actuator = chosen === undefined ? actuatorOf(desk, entry) : undefined
      const idle = idleValue(entry, command, fallback)
      const value = chosen ?? (actuator && !('code' in actuator) ? actuator.on : idle)
      if (value === undefined)
        return cannot(
          actuator && 'code' in actuator ? actuator : { code: 'not-covered', text: 'no value to test' },
          measures,
          { devices: [id] },
        )
      const forbidden = desk.forbidden(entry, command, value)
      if (forbidden) return cannot(forbidden, measures, { devices: [id] })
      const change = changeBy(desk, entry, command, [value])
      if (!change)
        return cannot({ code: 'not-measured', text: `the power of ${name} is not measured now` }, measures, {
          devices: [id],
        })
      const room = desk.headroom([change])
      if (!room.ok) return cannot(room, measures, { devices: [id], headroom: room.rows })
      const { seconds } = declared.expiry
      const after = silent ? `says and asks nothing for ${seconds} s` : `does not renew it for ${seconds} s`
      return {
        reason: ready,
        expects: measures,
        planned: [desk.planned(entry, command, [value], `${after}, then what it found before`)],
        headroom: room.rows,
        durationS: Math.ceil(seconds + (timing.fallbackMarginMs + 2 * timing.settleMs) / 1_000),
        devices: [id],
        run: (session) => run(session, declared, value, fallback),
      }
    },
  }

  async function run(session: Session, declared: Expiring, value: number, fallback: number | undefined): Promise<void> {
    const effect = effectOf(desk, entry, command, declared)
    const above = desk.meterAbove(id)
    const total = above && ['powerW', 'grid.powerW'].find((each) => desk.number(above.config.id, each) !== undefined)
    const [own] = effect ? session.lanes(entry, [{ key: 'device', point: effect.point }]) : []
    const [meter] = above && total !== undefined ? session.lanes(above, [{ key: 'independent', point: total }]) : []
    const hand = await session.borrow(entry, command)
    await hand.tell(value)
    await session.sleep(timing.settleMs)
    // From here on its time runs, from a value that was in force for a while.
    const sentMs = await hand.tell(value)
    hand.letGo()
    session.marks([{ kind: 'released', tMs: sentMs, value }])
    const wait: Wait = { session, hand, held: value, sentMs, declared, own, meter }
    const atMs = silent ? await waitInSilence(wait) : await watchLetGo(wait)
    if (atMs === undefined) {
      const shown = await hand.readBack()
      session.measured('fallbackAfter', undefined)
      session.measured('fallbackValue', shown)
      throw new CheckEnd(
        'wrong',
        `${name} still holds ${value} ${declared.unit} ${Math.round((session.tMs() - sentMs) / 1_000)} s after it was told last`,
      )
    }
    const afterS = (atMs - sentMs) / 1_000
    session.measured('fallbackAfter', afterS)
    const found = await valueNow(session, hand, own, declared, silent)
    session.measured('fallbackValue', found)
    session.marks([{ kind: 'fallback', tMs: Math.round(atMs), value: found ?? fallback ?? 0 }])
    session.proven(id, command, { afterS: Math.round(afterS * 10) / 10, ...(found !== undefined && { value: found }) })
  }

  async function valueNow(
    session: Session,
    hand: Hand,
    own: Lane | undefined,
    declared: Expiring,
    freshLane: boolean,
  ): Promise<number | undefined> {
    await session.sleep(session.timing.settleMs)
    const effect = effectOf(desk, entry, command, declared)
    const inForce = declared.unit === 'W' && effect
    const lane = inForce && freshLane ? session.lanes(entry, [{ key: 'device', point: effect.point }])[0] : own
    if (!inForce || !lane) return hand.readBack()
    const deadlineMs = session.tMs() + session.timing.longestSettleMs
    const width = Math.max(10, (declared.effect?.tolerance ?? 0) / 5)
    while (!isSteady(lane.samples, session.timing.settleMs / 2, width) && session.tMs() < deadlineMs)
      await session.sleep(session.timing.sampleMs)
    return meanOf(lane.samples.slice(-3).map((sample) => sample.value))
  }
}

/** A value that shows its end in the setpoint alone, where nothing can be switched now. */
function idleValue(
  { config }: SiteDeviceEntry,
  command: CommandName,
  fallback: number | undefined,
): number | undefined {
  if (command === 'setCurrentA')
    return (config.charger?.minCurrentA ?? 6) + (fallback === (config.charger?.minCurrentA ?? 6) ? 2 : 0)
  if (command === 'limitPowerPercent') return 70
  return undefined
}

/** What a device does when R-EMS is gone; none where it never lets go. */
export function lossPlans(desk: Desk, timing: CheckTiming, entry: SiteDeviceEntry): CheckPlan[] {
  const command = desk.mainCommand(entry)
  const declared = command && desk.commands(entry).get(command)
  if (!command || !declared || !forgets(declared)) return []
  // Where any question keeps it going, only silence shows what it does.
  const needsSilence = declared.expiry.kind === 'watchdog' && (declared.expiry.heartbeat ?? []).length === 0
  return [
    ...(needsSilence ? [] : [lossPlan(desk, timing, entry, command, 'ems-loss')]),
    lossPlan(desk, timing, entry, command, 'comm-loss'),
  ]
}
