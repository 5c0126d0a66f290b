import type { CheckMeasure } from '#contract/checks.ts'
import { clockOffset } from '../../../commissioning/checks/device-clock.ts'
import { open } from '../../../commissioning/checks/measure.ts'
import { integralOf, meanOf, type Sample } from '../../../commissioning/checks/samples.ts'
import type { NodeModel } from '../../../domain/site-model.ts'
import type { SiteDeviceEntry } from '../../site-runtime.ts'
import type { Desk, Obstacle } from '../desk.ts'
import { cannot, type CheckPlan, type Prepared, ready } from '../plan.ts'
import { CheckEnd, type Session } from '../session.ts'

/** Read-only checks look for so long unless a person chooses otherwise. */
const answersS = 600
const balanceS = 600
const agreementS = 60
/** How often what control reads anyway is taken. */
const noteMs = 1_000

const leastAnsweredPercent = 99.5
const agreementPercent = 3
const counterPercent = 2
/** Below so much energy the steps of a counter say more than its accuracy. */
const leastCountedSteps = 20
/** Less than this is measurement error, not a negative consumption. */
const leastConsumptionW = -50
const clockTolerance = 5
const leastComparedW = 200

interface Watching {
  readonly kind: CheckPlan['kind']
  readonly subject: { readonly id: string; readonly name: string }
  readonly title: string
  readonly durationS: number
  readonly devices: readonly string[]
  expects(): CheckMeasure[]
  obstacle(): Obstacle | undefined
  run(session: Session): Promise<void>
}

function watching({ kind, subject, title, durationS, devices, expects, obstacle, run }: Watching): CheckPlan {
  return {
    id: `${kind}.${subject.id}`,
    kind,
    group: 'measurement',
    title,
    subjectId: subject.id,
    subjectName: subject.name,
    writes: false,
    prepare(): Prepared {
      const why = obstacle()
      if (why) return cannot(why, expects(), { devices: [...devices], durationS })
      return { reason: ready, expects: expects(), planned: [], headroom: [], durationS, devices: [...devices], run }
    },
  }
}

/** Takes what the service reads anyway, once a second, for as long as the check looks. */
async function forAsLong(session: Session, look: () => void): Promise<void> {
  const untilMs = session.tMs() + session.durationS * 1_000
  while (session.tMs() < untilMs) {
    look()
    await session.sleep(Math.min(noteMs, Math.max(1, untilMs - session.tMs())))
  }
  look()
}

/** The share of its questions that a device answers, of those that the service asks anyway. */
export function answersPlan(entry: SiteDeviceEntry): CheckPlan {
  const { id, name } = entry.config
  return watching({
    kind: 'answers',
    subject: { id, name },
    title: `${name} answers`,
    durationS: answersS,
    devices: [id],
    expects: () => [open({ key: 'answered', unit: '%', rule: 'at-least', expected: leastAnsweredPercent })],
    obstacle: () => undefined,
    async run(session) {
      const begin = entry.device.link()
      const note = session.note('device', entry, 'answered', '%')
      const share = (): number | undefined => {
        const { requests, failures } = entry.device.link()
        const asked = requests - begin.requests
        return asked > 0 ? (1 - (failures - begin.failures) / asked) * 100 : undefined
      }
      await forAsLong(session, () => {
        const now = share()
        if (now !== undefined) note(now)
      })
      session.measured('answered', share())
    },
  })
}

/** A meter against the sum of what measures itself below it, where that is everything. */
export function agreementPlan(desk: Desk, node: NodeModel, meter: SiteDeviceEntry): CheckPlan | undefined {
  const { id, name } = meter.config
  const { children } = node
  const direct = desk.entries.filter(
    ({ config }) =>
      config.id !== id &&
      !['weather', 'sensor', 'grid-meter', 'meter'].includes(config.role) &&
      desk.above(config.id)[0]?.index === node.index,
  )
  const childMeters = children.map((index) => desk.model().nodes[index]?.meter ?? -1)
  // A grid connection has loads of its own, which nobody measures.
  if (node.parent < 0 || direct.length + children.length === 0 || childMeters.some((index) => index < 0))
    return undefined
  const meters = childMeters.flatMap((index) => desk.entry(desk.model().devices[index]?.config.id ?? '') ?? [])
  const sum = (): number | undefined => {
    const parts = [
      ...direct.map((entry) => desk.consumption(entry)),
      ...meters.map((entry) => desk.power(entry)?.value),
    ]
    return parts.some((part) => part === undefined)
      ? undefined
      : parts.reduce<number>((total, part) => total + (part ?? 0), 0)
  }
  return watching({
    kind: 'meter-agreement',
    subject: { id, name },
    title: `${name} agrees with what is measured below it`,
    durationS: agreementS,
    devices: [id, ...direct.map(({ config }) => config.id), ...meters.map(({ config }) => config.id)],
    expects: () => [open({ key: 'agreement', unit: '%', rule: 'within', expected: 0, tolerance: agreementPercent })],
    obstacle() {
      const own = desk.power(meter)?.value
      const below = sum()
      if (own === undefined || below === undefined)
        return { code: 'not-measured', text: `${name}, or something below it, is not measured now` }
      if (Math.max(Math.abs(own), Math.abs(below)) < leastComparedW)
        return { code: 'no-load', text: `less than ${leastComparedW} W flow through ${name}` }
      return undefined
    },
    async run(session) {
      const noteOwn = session.note('device', meter, 'powerW', 'W')
      const noteBelow = session.note('other', meter, 'sum', 'W')
      const own: number[] = []
      const below: number[] = []
      await forAsLong(session, () => {
        const [mine, others] = [desk.power(meter)?.value, sum()]
        if (mine === undefined || others === undefined) return
        noteOwn(mine)
        noteBelow(others)
        own.push(mine)
        below.push(others)
      })
      const [mine, others] = [meanOf(own), meanOf(below)]
      if (mine === undefined || others === undefined) throw new CheckEnd('not-measured', `${name} was not measured`)
      const largest = Math.max(Math.abs(mine), Math.abs(others))
      if (largest < leastComparedW)
        throw new CheckEnd('no-load', `less than ${leastComparedW} W flowed through ${name}`)
      session.measured('agreement', ((mine - others) / largest) * 100)
    },
  })
}

/** The energy that a meter counts against its power, and a consumption that cannot be negative. */
export function balancePlan(desk: Desk, node: NodeModel, meter: SiteDeviceEntry): CheckPlan {
  const { id, name } = meter.config
  const sources = (): readonly SiteDeviceEntry[] =>
    desk.below(node).filter(({ config }) => ['pv', 'battery'].includes(config.role))
  const counted = (): number | undefined => {
    const [up, down] = [
      desk.number(id, 'energyImportWh', 'grid.energyImportWh'),
      desk.number(id, 'energyExportWh', 'grid.energyExportWh'),
    ]
    return up === undefined || down === undefined ? undefined : up - down
  }
  const consumed = (): number | undefined => {
    const power = desk.power(meter)?.value
    const taken = sources().map((entry) => desk.consumption(entry))
    if (power === undefined || taken.some((part) => part === undefined)) return undefined
    return taken.reduce<number>((sum, part) => sum - (part ?? 0), power)
  }
  return watching({
    kind: 'energy-balance',
    subject: { id, name },
    title: `${name}: energy and power agree`,
    durationS: balanceS,
    devices: [id],
    expects: () => [
      open({ key: 'consumption', unit: 'W', rule: 'at-least', expected: leastConsumptionW }),
      open({ key: 'counter', unit: '%', rule: 'within', expected: 0, tolerance: counterPercent }),
    ],
    obstacle: () =>
      consumed() === undefined
        ? { code: 'not-measured', text: `the power of ${name}, or of a source below it, is not measured now` }
        : undefined,
    async run(session) {
      const notePower = session.note('device', meter, 'powerW', 'W')
      const noteConsumed = session.note('other', meter, 'consumption', 'W')
      const powers: Sample[] = []
      const steps = new Set<number>()
      let first: { readonly wh: number; readonly tMs: number } | undefined
      let last: { readonly wh: number; readonly tMs: number } | undefined
      const consumption: number[] = []
      await forAsLong(session, () => {
        const [power, all, wh] = [desk.power(meter)?.value, consumed(), counted()]
        if (power !== undefined) {
          powers.push({ tMs: session.tMs(), value: power })
          notePower(power)
        }
        if (all !== undefined) {
          consumption.push(all)
          noteConsumed(all)
        }
        if (wh === undefined || steps.has(wh)) return
        // Between two steps of the counter, so that its resolution costs nothing.
        steps.add(wh)
        last = { wh, tMs: session.tMs() }
        if (steps.size === 2) first = last
      })
      // Devices are not read at the same moment: one odd second is no negative consumption.
      session.measured('consumption', consumption.toSorted((a, b) => a - b)[Math.floor(consumption.length / 20)])
      const [from, to] = [first, last]
      const within = from && to ? powers.filter(({ tMs }) => tMs >= from.tMs && tMs <= to.tMs) : []
      const integrated = integralOf(within)
      if (!from || !to || integrated === undefined || steps.size < leastCountedSteps) {
        session.expects([
          open({ key: 'consumption', unit: 'W', rule: 'at-least', expected: leastConsumptionW }),
          open({ key: 'counter', unit: '%', rule: 'info' }),
        ])
        session.measured('consumption', consumption.toSorted((a, b) => a - b)[Math.floor(consumption.length / 20)])
        session.measured('counter', undefined)
        return
      }
      session.measured('counter', ((to.wh - from.wh - integrated) / Math.max(1, Math.abs(integrated))) * 100)
    },
  })
}

/** The clock of a device against that of this machine; only where its map has one. */
export function clockPlan(entry: SiteDeviceEntry): CheckPlan | undefined {
  const { id, name } = entry.config
  const point = Object.keys(entry.map.map.points).find((each) => each === 'deviceTime' || each.endsWith('.deviceTime'))
  if (point === undefined) return undefined
  const offset = (nowMs: (ageMs: number) => number, monotonicMs: number): number | undefined => {
    const reading = entry.device.readings().get(point)
    if (typeof reading?.value !== 'string' || reading.quality !== 'good') return undefined
    return clockOffset(reading.value, nowMs(monotonicMs - reading.monotonicMs))?.offsetS
  }
  return watching({
    kind: 'clock',
    subject: { id, name },
    title: `${name} has the right time`,
    durationS: 1,
    devices: [id],
    expects: () => [open({ key: 'clockOffset', unit: 's', rule: 'within', expected: 0, tolerance: clockTolerance })],
    obstacle: () =>
      entry.device.readings().get(point)?.quality === 'good'
        ? undefined
        : { code: 'not-measured', text: `the clock of ${name} was not read yet` },
    async run(session) {
      const { clock } = session
      await session.sleep(Math.min(1_000, session.durationS * 1_000))
      session.measured(
        'clockOffset',
        offset((ageMs) => clock.nowMs() - ageMs, clock.monotonicMs()),
      )
    },
  })
}
