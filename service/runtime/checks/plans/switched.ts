import type { CheckMeasure } from '#contract/checks.ts'
import { type Phase, phases } from '#contract/metrics.ts'
import { open } from '../../../commissioning/checks/measure.ts'
import { phaseThatMoved } from '../../../commissioning/checks/switching.ts'
import type { ProofTarget } from '#contract/verification.ts'
import type { NodeModel } from '../../../domain/site-model.ts'
import type { SiteDeviceEntry } from '../../site-runtime.ts'
import { type Actuator, actuatorBelow, actuatorOf, leastStepW } from '../actuators.ts'
import type { Desk, Obstacle } from '../desk.ts'
import { cannot, type CheckPlan, type Prepared, ready } from '../plan.ts'
import { pulsesS, switchPulses } from '../pulses.ts'
import { CheckEnd, type Session, type CheckTiming, type WantedLane } from '../session.ts'

const ratioTolerancePercent = 5
const batteryTolerance = 0.1
const nothingBelow: Obstacle = {
  code: 'no-load',
  text: 'nothing below this meter can be switched and measures its own power',
}

/** What a meter shows, by name with or without the subsystem. */
function pointOf(desk: Desk, meter: SiteDeviceEntry, name: string): string | undefined {
  return [name, `grid.${name}`].find((point) => desk.number(meter.config.id, point) !== undefined)
}

interface Watched {
  readonly total: WantedLane
  readonly byPhase: readonly (WantedLane & { readonly phase: Phase })[]
}

function watchedOf(desk: Desk, meter: SiteDeviceEntry): Watched | Obstacle {
  const total = pointOf(desk, meter, 'powerW')
  if (total === undefined)
    return { code: 'not-measured', text: `the power of ${meter.config.name} is not measured now` }
  return {
    total: { key: 'independent', point: total },
    byPhase: phases.flatMap((phase) => {
      const point = pointOf(desk, meter, `powerW.${phase}`)
      return point === undefined ? [] : [{ key: phase, point, phase }]
    }),
  }
}

/** Checks of one meter by switching something below it. */
export function meterPlans(desk: Desk, timing: CheckTiming, node: NodeModel, meter: SiteDeviceEntry): CheckPlan[] {
  const { id, name } = meter.config
  const about = { group: 'measurement', subjectId: id, subjectName: name, writes: true } as const

  function prepare(
    expects: (watched: Watched, actuator: Actuator | undefined) => CheckMeasure[],
    fits: (entry: SiteDeviceEntry) => boolean,
    otherwise: Obstacle,
    proves: (watched: Watched) => readonly ProofTarget[],
    run: (session: Session, actuator: Actuator, watched: Watched) => Promise<void>,
  ): Prepared {
    const watched = watchedOf(desk, meter)
    if ('code' in watched)
      return cannot(watched, expects({ total: { key: 'independent', point: 'powerW' }, byPhase: [] }, undefined))
    const actuator = actuatorBelow(desk, node, fits, otherwise)
    if ('code' in actuator) return cannot(actuator, expects(watched, undefined), { devices: [id] })
    const { entry, command, off, on, headroom } = actuator
    return {
      byDevice: { id: entry.config.id, name: entry.config.name },
      reason: ready,
      expects: expects(watched, actuator),
      planned: [desk.planned(entry, command, [off, on, off, on, off], 'what it found before')],
      headroom,
      durationS: pulsesS(timing),
      devices: [id, entry.config.id],
      proves: proves(watched),
      run: (session) => run(session, actuator, watched),
    }
  }

  /** What the meter has to count, W, from what the switched device itself measures. */
  async function switchKnown(session: Session, actuator: Actuator, watched: Watched) {
    const lanes = session.lanes(meter, [watched.total, ...watched.byPhase])
    const pulses = await switchPulses(session, actuator, lanes)
    const knownW = Math.abs(pulses.own.value)
    if (knownW < leastStepW / 2)
      throw new CheckEnd('no-load', `${actuator.entry.config.name} changed its power by ${Math.round(knownW)} W only`)
    return { lanes, pulses, expectedW: actuator.sign * knownW }
  }

  const loaded = (watched: Watched, actuator: Actuator | undefined): readonly Phase[] =>
    watched.byPhase
      .map(({ phase }) => phase)
      .filter((phase) => !actuator || desk.phasesOf(actuator.entry).includes(phase))

  const direction: CheckPlan = {
    ...about,
    id: `meter-direction.${id}`,
    kind: 'meter-direction',
    title: `${name} counts in the right direction`,
    prepare: () =>
      prepare(
        (watched, actuator) => [
          open({ key: 'direction', unit: '', rule: 'at-least', expected: 0.5 }),
          ...loaded(watched, actuator).map((phase) =>
            open({ key: `direction.${phase}`, unit: '', rule: 'at-least', expected: 0.5 }),
          ),
        ],
        () => true,
        nothingBelow,
        ({ total }) => [{ deviceId: id, kind: 'sign', name: total.point }],
        async (session, actuator, watched) => {
          const { lanes, pulses, expectedW } = await switchKnown(session, actuator, watched)
          session.measured('direction', pulses.read(lanes[0]!.samples, expectedW, name) / expectedW)
          const used = desk.phasesOf(actuator.entry)
          for (const [index, { phase }] of watched.byPhase.entries()) {
            if (!used.includes(phase)) continue
            const here = expectedW / used.length
            session.measured(
              `direction.${phase}`,
              pulses.read(lanes[index + 1]!.samples, here, `${name} ${phase.toUpperCase()}`) / here,
            )
          }
        },
      ),
  }

  const ratio: CheckPlan = {
    ...about,
    id: `ct-ratio.${id}`,
    kind: 'ct-ratio',
    title: `${name} counts all of a known load`,
    prepare: () =>
      prepare(
        () => [open({ key: 'ratio', unit: '%', rule: 'within', expected: 100, tolerance: ratioTolerancePercent })],
        () => true,
        nothingBelow,
        () => [],
        async (session, actuator, watched) => {
          const { lanes, pulses, expectedW } = await switchKnown(session, actuator, { ...watched, byPhase: [] })
          // The direction is another check's matter.
          session.measured('ratio', Math.abs(pulses.read(lanes[0]!.samples, expectedW, name) / expectedW) * 100)
        },
      ),
  }

  const onePhase = (entry: SiteDeviceEntry): boolean => desk.phasesOf(entry).length === 1
  const order: CheckPlan = {
    ...about,
    id: `phase-order.${id}`,
    kind: 'phase-order',
    title: `${name} has its phases in order`,
    prepare: () =>
      prepare(
        (_watched, actuator) => [
          open({
            key: 'phase',
            unit: '',
            rule: 'exact',
            ...(actuator && { expected: phases.indexOf(desk.phasesOf(actuator.entry)[0] ?? 'l1') + 1 }),
          }),
        ],
        onePhase,
        {
          code: 'no-load',
          text: 'it takes something below this meter that loads one phase only, such as a vehicle that charges on one',
        },
        () => [],
        async (session, actuator, watched) => {
          if (watched.byPhase.length < 2) throw new CheckEnd('not-covered', `${name} does not measure its phases`)
          const { lanes, pulses, expectedW } = await switchKnown(session, actuator, watched)
          pulses.read(lanes[0]!.samples, expectedW, name)
          const moved = phases.map((phase) => {
            const index = watched.byPhase.findIndex((lane) => lane.phase === phase)
            return index < 0 ? undefined : pulses.look(lanes[index + 1]!.samples)
          })
          session.measured('phase', phaseThatMoved(moved))
        },
      ),
  }
  return [direction, order, ratio]
}

/** Whether a battery does what its sign says, by an independent meter. */
export function batterySignPlan(desk: Desk, timing: CheckTiming, battery: SiteDeviceEntry): CheckPlan {
  const { id, name } = battery.config
  const expects = (powerW?: number): CheckMeasure[] => [
    open({
      key: 'power',
      unit: 'W',
      rule: 'within',
      ...(powerW !== undefined && { expected: powerW, tolerance: Math.abs(powerW) * batteryTolerance }),
    }),
    open({ key: 'powerSign', unit: '', rule: 'exact', expected: 1 }),
    open({ key: 'commandSign', unit: '', rule: 'exact', expected: 1 }),
  ]
  return {
    id: `battery-sign.${id}`,
    kind: 'battery-sign',
    group: 'measurement',
    title: `${name}: discharge counts as positive`,
    subjectId: id,
    subjectName: name,
    writes: true,
    prepare() {
      const meter = desk.meterAbove(id)
      const actuator = actuatorOf(desk, battery)
      if ('code' in actuator) return cannot(actuator, expects(), { devices: [id] })
      const watched = meter && watchedOf(desk, meter)
      if (!meter || !watched || 'code' in watched)
        return cannot({ code: 'not-measured', text: `no meter above ${name} is measured now` }, expects(), {
          devices: [id],
        })
      const { command, off, on, headroom } = actuator
      return {
        byDevice: { id: meter.config.id, name: meter.config.name },
        reason: ready,
        expects: expects(on),
        planned: [desk.planned(battery, command, [off, on, off, on, off], 'what it found before')],
        headroom,
        durationS: pulsesS(timing),
        devices: [id, meter.config.id],
        proves: [
          { deviceId: id, kind: 'sign', name: actuator.point },
          { deviceId: id, kind: 'command', name: command },
        ],
        async run(session) {
          const lanes = session.lanes(meter, [watched.total])
          const pulses = await switchPulses(session, actuator, lanes)
          session.measured('power', pulses.own.value)
          session.measured('powerSign', Math.sign(pulses.own.value) * Math.sign(on))
          // A discharge leaves less to be imported.
          const seenW = pulses.read(lanes[0]!.samples, on, meter.config.name)
          session.measured('commandSign', Math.abs(seenW) < Math.abs(on) / 2 ? 0 : Math.sign(0 - seenW) * Math.sign(on))
        },
      }
    },
  }
}
