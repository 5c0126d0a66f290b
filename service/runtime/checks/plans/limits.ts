import type { ControlState } from '#contract/api.ts'
import type { CheckMeasure } from '#contract/checks.ts'
import type { Circuit, Site } from '#contract/site.ts'
import { open } from '../../../commissioning/checks/measure.ts'
import { dimAllowanceW } from '../../../control/signals.ts'
import { compileSite, type NodeModel, type SiteCommands, type SiteModel } from '../../../domain/site-model.ts'
import type { SiteDeviceEntry } from '../../site-runtime.ts'
import type { Desk, Obstacle } from '../desk.ts'
import { cannot, type CheckPlan, ready } from '../plan.ts'
import type { CheckTiming, Session } from '../session.ts'

/** EREC G100 asks for 5 s; a cycle, a write and an inverter fit into it. */
const reactionS = 5
/** BK6-22-300 leaves minutes; a grid operator is shown one. */
const signalReactionS = 60
const overLimitShare = 0.05
const overLimitW = 100
const leastExportW = 600
/** Held for so long before it counts. */
const heldMs = 2_000

export interface ControlParts {
  control(): ControlState
  /** Commands of the maps, to compile a changed site. */
  commands(): SiteCommands
}

function controlObstacle({ control }: ControlParts): Obstacle | undefined {
  const { enabled, dryRun } = control()
  if (enabled && !dryRun) return undefined
  return { code: 'control-off', text: 'it tests automatic control, which is off or in dry run now' }
}

/** How long it takes from now until a quantity is below a bound and stays there; the worst of it after that. */
async function watchBound(
  session: Session,
  look: () => number | undefined,
  bound: number,
  forMs: number,
): Promise<{ readonly reactionS: number | undefined; readonly worst: number | undefined }> {
  const startMs = session.tMs()
  let heldSinceMs: number | undefined
  let worst: number | undefined
  while (session.tMs() < startMs + forMs) {
    const value = look()
    if (value !== undefined && value <= bound) {
      heldSinceMs ??= session.tMs()
      worst = Math.max(worst ?? value, value)
      if (session.tMs() - heldSinceMs >= heldMs) break
    } else if (value !== undefined) {
      heldSinceMs = undefined
      worst = undefined
    }
    await session.sleep(session.timing.sampleMs)
  }
  return { reactionS: heldSinceMs === undefined ? undefined : (heldSinceMs - startMs) / 1_000, worst }
}

/** The same site with a lower export limit at one grid connection. */
function withExportLimit(model: SiteModel, circuitId: string, limitW: number, commands: SiteCommands): SiteModel {
  const change = (circuit: Circuit): Circuit =>
    circuit.id === circuitId ? { ...circuit, maxExportW: Math.min(limitW, circuit.maxExportW ?? Infinity) } : circuit
  const site: Site = {
    ...model.site,
    grids: model.site.grids.map((grid) => ({ ...grid, connection: change(grid.connection) })),
  }
  return compileSite(site, commands)
}

/** Automatic control is given a lower export limit for a while and has to hold it. */
export function exportPlan(
  desk: Desk,
  timing: CheckTiming,
  parts: ControlParts,
  node: NodeModel,
  meter: SiteDeviceEntry,
): CheckPlan | undefined {
  const { circuit } = node
  const reducing = desk
    .below(node)
    .filter(({ config }) => (config.role === 'pv' && config.pv?.curtailable) || config.role === 'battery')
  if (node.parent >= 0 || reducing.length === 0) return undefined
  const expects = (limitW?: number): CheckMeasure[] => [
    open({ key: 'reaction', unit: 's', rule: 'at-most', expected: reactionS }),
    open({ key: 'worst', unit: 'W', rule: 'at-most', ...(limitW !== undefined && { expected: boundOf(limitW) }) }),
  ]
  const boundOf = (limitW: number): number => Math.round(limitW + Math.max(overLimitW, limitW * overLimitShare))
  const devices = [meter.config.id, ...reducing.map(({ config }) => config.id)]
  return {
    id: `export-limit.${circuit.id}`,
    kind: 'export-limit',
    group: 'control',
    title: `${circuit.name} holds an export limit`,
    subjectId: circuit.id,
    subjectName: circuit.name,
    writes: true,
    prepare(chosen) {
      const exportW = 0 - (desk.power(meter)?.value ?? Number.NaN)
      const why: Obstacle | undefined =
        controlObstacle(parts) ??
        (Number.isNaN(exportW)
          ? { code: 'not-measured', text: `the power of ${meter.config.name} is not measured now` }
          : exportW < leastExportW
            ? { code: 'no-sun', text: `${Math.max(0, Math.round(exportW))} W are exported; it takes ${leastExportW} W` }
            : undefined)
      if (why) return cannot(why, expects(), { devices })
      const limitW = chosen ?? Math.round(exportW / 2)
      return {
        reason: ready,
        expects: expects(limitW),
        planned: [],
        headroom: [],
        durationS: Math.ceil(timing.holdMs / 1_000 / 3),
        devices,
        async run(session) {
          const point = desk.power(meter)?.point ?? 'powerW'
          const [lane] = session.lanes(meter, [{ key: 'independent', point }])
          await session.sleep(timing.settleMs)
          session.band(0 - boundOf(limitW), 0)
          session.told(0 - limitW)
          session.overlayModel((model) => withExportLimit(model, circuit.id, limitW, parts.commands()))
          const found = await watchBound(
            session,
            () => {
              const power = lane?.samples.at(-1)?.value
              return power === undefined ? undefined : 0 - power
            },
            boundOf(limitW),
            timing.holdMs / 3,
          )
          session.measured('reaction', found.reactionS)
          session.measured('worst', found.worst)
        },
      }
    },
  }
}

/** The same site with a signal that counts, whatever its contact says: one that cannot be read is taken to be active. */
function withSignal(model: SiteModel, signalId: string, commands: SiteCommands): SiteModel {
  const signals = model.site.signals.map((signal) =>
    signal.id === signalId
      ? { ...signal, active: { ...signal.active, point: 'check.active' }, whenUnknown: 'active' as const }
      : signal,
  )
  return compileSite({ ...model.site, signals }, commands)
}

/** The demand of a grid operator is assumed for a while; the dimmed devices have to obey, and none goes to zero for it. */
export function signalPlan(
  desk: Desk,
  timing: CheckTiming,
  parts: ControlParts,
  signal: Site['signals'][number],
): CheckPlan | undefined {
  if (signal.kind !== 'dim') return undefined
  const dimmed = desk.entries.filter(
    ({ config }) =>
      config.battery?.dimmable === true || config.charger?.dimmable === true || config.load?.dimmable === true,
  )
  if (dimmed.length === 0) return undefined
  const allowedW = dimAllowanceW(dimmed.length, signal.limitW)
  const taken = (): number | undefined => {
    const parts = dimmed.map((entry) => desk.consumption(entry))
    return parts.some((part) => part === undefined)
      ? undefined
      : parts.reduce<number>((sum, part) => sum + Math.max(0, part ?? 0), 0)
  }
  /** What the site generates beyond its other loads comes on top (BK6-22-300). */
  const surplus = (): number => {
    const connection = desk.site.grids.find(({ id }) => id === signal.grid) ?? desk.site.grids[0]
    const meter = connection?.connection.meter === undefined ? undefined : desk.entry(connection.connection.meter)
    const total = meter && desk.power(meter)?.value
    return total === undefined ? 0 : Math.max(0, (taken() ?? 0) - total)
  }
  const devices = dimmed.map(({ config }) => config.id)
  const expects = (takenW?: number): CheckMeasure[] => [
    open({ key: 'reaction', unit: 's', rule: 'at-most', expected: signalReactionS }),
    open({ key: 'worst', unit: 'W', rule: 'at-most', expected: Math.round(allowedW * (1 + overLimitShare)) }),
    open({
      key: 'lowestGrant',
      unit: 'W',
      rule: 'at-least',
      ...(takenW !== undefined && { expected: Math.round(Math.min(takenW, allowedW) * 0.9) }),
    }),
  ]
  return {
    id: `limit-signal.${signal.id}`,
    kind: 'limit-signal',
    group: 'control',
    title: `${signal.name} is obeyed`,
    subjectId: signal.id,
    subjectName: signal.name,
    writes: true,
    prepare() {
      const takenW = taken()
      const why: Obstacle | undefined =
        controlObstacle(parts) ??
        (takenW === undefined
          ? { code: 'not-measured', text: 'the power of a dimmed device is not measured now' }
          : takenW <= allowedW
            ? {
                code: 'no-load',
                text: `the dimmed devices take ${Math.round(takenW)} W; it takes more than ${Math.round(allowedW)} W`,
              }
            : undefined)
      if (why) return cannot(why, expects(), { devices })
      return {
        reason: ready,
        expects: expects(takenW),
        planned: [],
        headroom: [],
        durationS: Math.ceil(timing.holdMs / 1_000),
        devices,
        async run(session) {
          const first = dimmed[0]!
          const note = session.note('device', first, 'dimmed', 'W')
          const look = (): number | undefined => {
            const now = taken()
            if (now !== undefined) note(now)
            return now === undefined ? undefined : now - surplus()
          }
          await session.sleep(timing.settleMs)
          session.told(allowedW)
          session.overlayModel((model) => withSignal(model, signal.id, parts.commands()))
          const found = await watchBound(session, look, allowedW * (1 + overLimitShare), timing.holdMs)
          session.measured('reaction', found.reactionS)
          session.measured('worst', found.worst)
          // Devices that were told too little would show now.
          let lowest = Infinity
          const untilMs = session.tMs() + timing.settleMs * 2
          while (session.tMs() < untilMs) {
            lowest = Math.min(lowest, look() === undefined ? Infinity : (taken() ?? Infinity))
            await session.sleep(timing.sampleMs)
          }
          session.measured('lowestGrant', Number.isFinite(lowest) ? lowest : undefined)
        },
      }
    },
  }
}
