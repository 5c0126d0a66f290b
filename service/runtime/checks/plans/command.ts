import type { CheckMeasure } from '#contract/checks.ts'
import { commandName, type CommandName, type MapCommand } from '#contract/point-map.ts'
import { open } from '../../../commissioning/checks/measure.ts'
import { meanOf } from '../../../commissioning/checks/samples.ts'
import type { SiteDeviceEntry } from '../../site-runtime.ts'
import { actuatorOf } from '../actuators.ts'
import type { Desk, Obstacle } from '../desk.ts'
import { changeBy } from '../effects-of.ts'
import { cannot, type CheckPlan, ready } from '../plan.ts'
import { CheckEnd } from '../session.ts'

const restricts = (command: CommandName): boolean => /^(limit|setCurrentA$)/.test(command)
const leastToleranceW = 100
const toleranceShare = 0.05
/** On top of the time that the map gives a device to follow. */
const followMs = 10_000

/** The point in which a command must show, by its map or by the role of the device. */
export function effectOf(
  desk: Desk,
  entry: SiteDeviceEntry,
  command: CommandName,
  declared: MapCommand,
): { readonly point: string; readonly tolerance: number; readonly withinMs: number } | undefined {
  if (declared.effect) return declared.effect
  if (command !== 'setPowerW' && command !== 'limitPowerW') return undefined
  const power = desk.power(entry)
  return power && { point: power.point, tolerance: leastToleranceW, withinMs: followMs }
}

/** A value that differs from what is in force and is safe to try. */
function trialValue(desk: Desk, entry: SiteDeviceEntry, command: CommandName, declared: MapCommand): number | Obstacle {
  const { id, name, battery, charger, load } = entry.config
  const now = declared.readBack && desk.number(id, declared.readBack.point)
  const other = (wanted: number, instead: number): number =>
    now !== undefined && Math.abs(now - wanted) < 1 ? instead : wanted
  switch (command) {
    case 'setPowerW': {
      const actuator = actuatorOf(desk, entry)
      return 'code' in actuator ? actuator : Math.round(actuator.on / 2)
    }
    case 'limitPowerPercent':
      return other(70, 80)
    case 'limitPowerW':
      return Math.round(((load?.maxW ?? entry.config.pv?.ratedPowerW ?? desk.number(id, 'ratedPowerW') ?? 0) * 7) / 10)
    case 'setCurrentA':
      return other(charger?.minCurrentA ?? 6, (charger?.minCurrentA ?? 6) + 2)
    case 'switchOn':
      return now === 1 ? 0 : 1
    case 'setPhases':
      return now === 1 ? 3 : 1
    case 'limitChargeW':
      return Math.round((battery?.maxChargeW ?? 0) / 2)
    case 'limitDischargeW':
      return Math.round((battery?.maxDischargeW ?? 0) / 2)
    default:
      return now === undefined
        ? { code: 'not-measured', text: `the reserve of ${name} is not read` }
        : Math.min(100, now + 5)
  }
}

function expects(
  declared: MapCommand,
  command: CommandName,
  value: number | undefined,
  effect: ReturnType<typeof effectOf>,
): CheckMeasure[] {
  const given = value !== undefined
  return [
    ...(declared.readBack
      ? [
          open({
            key: 'readBack',
            unit: declared.unit,
            rule: 'within',
            ...(given && { expected: value, tolerance: declared.readBack.tolerance }),
          }),
        ]
      : []),
    ...(effect
      ? [
          restricts(command)
            ? open({
                key: 'power',
                unit: declared.unit,
                rule: 'at-most',
                ...(given && { expected: value + effect.tolerance }),
              })
            : open({
                key: 'power',
                unit: declared.unit,
                rule: 'within',
                ...(given && {
                  expected: value,
                  tolerance: Math.max(effect.tolerance, Math.abs(value) * toleranceShare),
                }),
              }),
        ]
      : []),
  ]
}

/** One value is written, read back, and looked for in what the device measures. */
function commandPlan(desk: Desk, entry: SiteDeviceEntry, command: CommandName): CheckPlan {
  const { id, name } = entry.config
  return {
    id: `command.${id}.${command}`,
    kind: 'command',
    group: 'devices',
    title: `${name} takes ${command}`,
    subjectId: id,
    subjectName: name,
    command,
    writes: true,
    prepare(chosen) {
      const declared = desk.commands(entry).get(command)
      if (!declared) return cannot({ code: 'not-covered', text: `the map of ${name} has no ${command} any more` }, [])
      const effect = effectOf(desk, entry, command, declared)
      const value = chosen ?? trialValue(desk, entry, command, declared)
      const devices = [id]
      if (typeof value !== 'number') return cannot(value, expects(declared, command, undefined, effect), { devices })
      const measures = expects(declared, command, value, effect)
      const forbidden = desk.forbidden(entry, command, value)
      if (forbidden) return cannot(forbidden, measures, { devices })
      if (measures.length === 0)
        return cannot(
          { code: 'not-covered', text: `the map of ${name} says neither how ${command} is read back nor what it does` },
          [],
          { devices },
        )
      const change = changeBy(desk, entry, command, [value])
      if (!change)
        return cannot({ code: 'not-measured', text: `the power of ${name} is not measured now` }, measures, { devices })
      const room = desk.headroom([change])
      if (!room.ok) return cannot(room, measures, { devices, headroom: room.rows })
      const followS = (effect?.withinMs ?? 1_000) / 1_000
      return {
        reason: ready,
        expects: measures,
        planned: [desk.planned(entry, command, [value], 'what it found before')],
        headroom: room.rows,
        durationS: Math.ceil(followS + 3),
        devices,
        proves: [{ deviceId: id, kind: 'command', name: command }],
        async run(session) {
          const [lane] = effect ? session.lanes(entry, [{ key: 'device', point: effect.point }]) : []
          const hand = await session.borrow(entry, command)
          const sentMs = await hand.tell(value)
          if (declared.readBack) session.measured('readBack', await hand.readBack())
          if (!effect || !lane) return
          const tolerance = measures.find(({ key }) => key === 'power')?.tolerance ?? effect.tolerance
          const follows = (found: number): boolean =>
            restricts(command) ? found <= value + effect.tolerance : Math.abs(found - value) <= tolerance
          const deadlineMs = sentMs + Math.max(effect.withinMs, session.timing.settleMs)
          const newest = (): readonly number[] =>
            lane.samples
              .filter(({ tMs }) => tMs > sentMs)
              .slice(-3)
              .map((sample) => sample.value)
          while (session.tMs() < deadlineMs && !(newest().length === 3 && newest().every(follows)))
            await session.sleep(session.timing.sampleMs)
          const found = meanOf(newest())
          if (found === undefined) throw new CheckEnd('not-measured', `${effect.point} of ${name} was not measured`)
          session.measured('power', found)
        },
      }
    },
  }
}

/** One check for each command that the map of a device declares. */
export const commandPlans = (desk: Desk, entry: SiteDeviceEntry): CheckPlan[] =>
  commandName.options.filter((name) => desk.commands(entry).has(name)).map((name) => commandPlan(desk, entry, name))
