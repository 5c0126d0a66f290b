import { between, isSteady, type Sample } from '../../commissioning/checks/samples.ts'
import { type Difference, differenceOf, isDisturbed, type Level } from '../../commissioning/checks/switching.ts'
import type { Actuator } from './actuators.ts'
import { CheckEnd, type Lane, type Session } from './session.ts'

/** What switching an actuator has shown. */
export interface Pulses {
  /** What it did by its own measurement, W; > 0 is more of what it measures. */
  readonly own: Difference
  /** The change of a quantity; ends the check when other things moved too much. */
  read(samples: readonly Sample[], expected: number, what: string): number
  /** The change of a quantity, however much else has moved; undefined when nothing was measured. */
  look(samples: readonly Sample[]): number | undefined
}

/** Off, on, off, on, off: what drifts cancels out. */
const pattern = [false, true, false, true, false] as const
/** Widest that a settled power may wander, W, and of the step. */
const steadyW = 60
const steadyShare = 0.06

/** A level has so many samples of everything that is watched. */
const leastSamples = 3

/** How long switching takes at most, s. */
export const pulsesS = ({ settleMs, averageMs }: Session['timing']): number =>
  Math.ceil((pattern.length * (settleMs * 2 + averageMs)) / 1000)

/** Switches an actuator off and on, each time until it has settled, and gives it back. */
export async function switchPulses(session: Session, actuator: Actuator, watched: readonly Lane[]): Promise<Pulses> {
  const { timing } = session
  const { entry, command, off, on, point, aboutW } = actuator
  const [own] = session.lanes(entry, [{ key: 'device', point }])
  if (!own) throw new CheckEnd('internal', 'no lane')
  const hand = await session.borrow(entry, command)
  const levels: Level[] = []
  for (const isOn of pattern) {
    await hand.tell(isOn ? on : off)
    await session.sleep(timing.settleMs)
    const deadlineMs = session.tMs() + timing.longestSettleMs
    const width = Math.max(steadyW, steadyShare * aboutW)
    while (!isSteady(own.samples, timing.settleMs / 2, width) && session.tMs() < deadlineMs)
      await session.sleep(timing.sampleMs)
    const fromMs = session.tMs()
    await session.sleep(timing.averageMs)
    // A line that is slow or busy gets the time that it needs; one that is silent ends the check by itself.
    while ([own, ...watched].some(({ samples }) => between(samples, fromMs, Infinity).length < leastSamples))
      await session.sleep(timing.sampleMs)
    levels.push({ on: isOn, fromMs, toMs: session.tMs() })
  }
  hand.letGo()
  const done = differenceOf(own.samples, levels)
  if (!done) throw new CheckEnd('not-measured', `the power of ${entry.config.name} was not measured all the time`)
  return {
    own: done,
    read(samples, expected, what) {
      const found = differenceOf(samples, levels)
      if (!found) throw new CheckEnd('not-measured', `${what} was not measured all the time`)
      if (isDisturbed(found, expected))
        throw new CheckEnd(
          'disturbed',
          `other loads moved ${what} by up to ${Math.round(found.spread)} W while ${Math.round(Math.abs(expected))} W were switched`,
        )
      return found.value
    },
    look: (samples) => differenceOf(samples, levels)?.value,
  }
}
