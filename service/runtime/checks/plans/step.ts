import type { CheckMeasure } from '#contract/checks.ts'
import type { DeviceRole } from '#contract/site-device.ts'
import { open } from '../../../commissioning/checks/measure.ts'
import { between, isSteady, meanOf } from '../../../commissioning/checks/samples.ts'
import { readStep } from '../../../commissioning/checks/step-response.ts'
import type { SiteDeviceEntry } from '../../site-runtime.ts'
import { type Actuator, actuatorOf } from '../actuators.ts'
import type { Desk } from '../desk.ts'
import { cannot, type CheckPlan, ready } from '../plan.ts'
import { CheckEnd, type CheckTiming, type Session } from '../session.ts'

/** What is asked of a device of a role. Times in s, ramp in steps per second. */
interface Demands {
  readonly deadS: number
  readonly stepsPerS: number
  readonly overshootPercent: number
  readonly settledS: number
}

/** A charger and its vehicle may take 5 s (IEC 61851-1); an inverter curtails within seconds; a battery has no excuse. */
const demandsOf: Readonly<Partial<Record<DeviceRole, Demands>>> = {
  battery: { deadS: 1, stepsPerS: 0.2, overshootPercent: 10, settledS: 5 },
  pv: { deadS: 2, stepsPerS: 0.1, overshootPercent: 10, settledS: 10 },
  charger: { deadS: 3, stepsPerS: 0.1, overshootPercent: 20, settledS: 10 },
  load: { deadS: 2, stepsPerS: 0.1, overshootPercent: 20, settledS: 10 },
}

const bandShare = 0.03
const leastBandW = 30

function expects(demands: Demands, stepW: number | undefined): CheckMeasure[] {
  const band = stepW === undefined ? undefined : bandOf(stepW)
  return [
    open({ key: 'deadTime', unit: 's', rule: 'at-most', expected: demands.deadS }),
    open({
      key: 'ramp',
      unit: 'W/s',
      rule: 'at-least',
      ...(stepW !== undefined && { expected: Math.round(Math.abs(stepW) * demands.stepsPerS) }),
    }),
    open({ key: 'overshoot', unit: '%', rule: 'at-most', expected: demands.overshootPercent }),
    open({ key: 'settling', unit: 's', rule: 'at-most', expected: demands.settledS }),
    open({
      key: 'steadyError',
      unit: 'W',
      rule: 'within',
      expected: 0,
      ...(band !== undefined && { tolerance: Math.round(band) }),
    }),
  ]
}

const bandOf = (stepW: number): number => Math.max(leastBandW, Math.abs(stepW) * bandShare)

/** The power that is asked for, in the unit of the lane; where the command is none in W, what it settles at is what was asked for. */
function targetOf({ entry, command, on }: Actuator): number | undefined {
  if (command === 'setPowerW' || command === 'limitPowerW') return on
  if (command === 'limitPowerPercent') return ((entry.config.pv?.ratedPowerW ?? 0) * on) / 100 || undefined
  return undefined
}

/** Dead time, ramp, overshoot, settling and steady error of the power of a device. */
export function stepPlan(desk: Desk, timing: CheckTiming, entry: SiteDeviceEntry): CheckPlan | undefined {
  const { id, name, role } = entry.config
  const command = desk.mainCommand(entry)
  const demands = demandsOf[role]
  if (!command || !demands) return undefined

  async function run(session: Session, actuator: Actuator, asked: Demands): Promise<void> {
    const { off, on, point } = actuator
    const meter = desk.meterAbove(id)
    const total = meter && ['powerW', 'grid.powerW'].find((each) => desk.number(meter.config.id, each) !== undefined)
    const [lane] = session.lanes(entry, [{ key: 'device', point }])
    if (meter && total !== undefined) session.lanes(meter, [{ key: 'independent', point: total }])
    if (!lane) throw new CheckEnd('internal', 'no lane')
    const hand = await session.borrow(entry, command!)
    await hand.tell(off)
    await session.sleep(timing.settleMs)
    const deadlineMs = session.tMs() + timing.longestSettleMs
    while (!isSteady(lane.samples, timing.settleMs, bandOf(actuator.aboutW) * 2)) {
      if (session.tMs() > deadlineMs)
        throw new CheckEnd('disturbed', `the power of ${name} does not stand still before the step`)
      await session.sleep(timing.sampleMs)
    }
    const fromMs = session.tMs() - timing.settleMs
    const before = meanOf(between(lane.samples, fromMs, Infinity).map(({ value }) => value))
    if (before === undefined) throw new CheckEnd('not-measured', `the power of ${name} was not measured`)
    const atMs = await hand.tell(on)
    const rated = desk.number(id, 'ratedPowerW')
    await session.sleep(timing.stepMs)
    const settled = meanOf(between(lane.samples, session.tMs() - timing.stepMs / 4, Infinity).map(({ value }) => value))
    const percent = command === 'limitPowerPercent' && rated !== undefined ? (rated * on) / 100 : undefined
    const to = targetOf(actuator) ?? percent ?? settled
    if (to === undefined) throw new CheckEnd('not-measured', `the power of ${name} was not measured`)
    const band = bandOf(to - before)
    session.expects(expects(asked, to - before))
    session.band(to - band, to + band)
    const found = readStep({ samples: lane.samples, from: before, to, band, atMs })
    session.marks(found.marks)
    session.measured('deadTime', found.deadS)
    session.measured('ramp', found.rampPerS)
    session.measured('overshoot', found.overshootPercent)
    session.measured('settling', found.settledS)
    session.measured('steadyError', found.steadyError)
  }

  return {
    id: `step.${id}.${command}`,
    kind: 'step',
    group: 'control',
    title: `${name} follows a step`,
    subjectId: id,
    subjectName: name,
    command,
    writes: true,
    prepare(value) {
      const found = actuatorOf(desk, entry)
      if ('code' in found) return cannot(found, expects(demands, undefined), { devices: [id] })
      const actuator = value === undefined ? found : { ...found, on: value }
      const forbidden = desk.forbidden(entry, command, actuator.on)
      if (forbidden) return cannot(forbidden, expects(demands, undefined), { devices: [id] })
      return {
        reason: ready,
        expects: expects(demands, actuator.aboutW),
        planned: [desk.planned(entry, command, [actuator.off, actuator.on], 'what it found before')],
        headroom: actuator.headroom,
        durationS: Math.ceil((timing.settleMs * 3 + timing.stepMs) / 1_000),
        devices: [id],
        run: (session) => run(session, actuator, demands),
      }
    },
  }
}
