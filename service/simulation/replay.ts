import type { Site } from '#contract/site.ts'
import { createStepDecoder } from '../capture/decode.ts'
import { createDecisionLog, createRunDigest } from '../capture/digest.ts'
import type { CaptureHeader, CaptureStep } from '../capture/format.ts'
import type { CaptureRecord } from '../capture/read-capture.ts'
import type { SiteCommands } from '../domain/site-model.ts'
import type { Decision } from '../control/types.ts'
import { type Controller, createController } from './controller.ts'

export interface ReplayDifference {
  readonly atMs: number
  readonly gridId: string
  /** Absent when only the sentences differ. */
  readonly deviceId?: string
  readonly command?: string
  readonly recorded?: number
  readonly replayed?: number
  readonly text: string
}

export interface ReplayReport {
  readonly steps: number
  /** Stretches without a gap, each from its own header. */
  readonly stretches: number
  readonly fromMs: number
  readonly toMs: number
  /** SHA-256 over every decision of every cycle, sentences included. */
  readonly digest: string
  readonly recordedDigest: string
  readonly identical: boolean
  readonly firstDifference?: ReplayDifference
  /** Steps in which a setpoint is another than the recorded one. */
  readonly differingSteps: number
  /** What could not be read, in words. */
  readonly damage: readonly string[]
}

/** Another configuration, and what the maps of its devices declare. */
export interface Candidate {
  readonly site: Site
  readonly commands?: SiteCommands
}

export interface ReplayOptions {
  readonly records: AsyncIterable<CaptureRecord>
  /** Reads the site of a header; throws when it does not fit. */
  parseSite(value: unknown): Site
  /** Runs this site on the recorded readings instead of the recorded one. */
  readonly candidate?: Candidate
  readonly controller?: (site: Site, commands?: SiteCommands) => Controller
  /** Sees every step in the order of the capture. */
  readonly onStep?: (site: Site, step: CaptureStep, decisions: readonly Decision[]) => void
}

interface Stretch {
  readonly site: Site
  readonly controller: Controller
  readonly states: Record<string, unknown>
  readonly grids: Map<
    string,
    {
      readonly decoder: ReturnType<typeof createStepDecoder>
      readonly log: ReturnType<typeof createDecisionLog>
      readonly setpoints: Map<string, number>
    }
  >
}

/** Feeds recorded inputs to control again and compares what it decides with what it decided then. */
export async function replay(options: ReplayOptions): Promise<ReplayReport> {
  const { candidate } = options
  const ours = createRunDigest()
  const theirs = createRunDigest()
  const damage: string[] = []
  let stretch: Stretch | undefined
  let stretches = 0
  let steps = 0
  let fromMs = Number.NaN
  let toMs = Number.NaN
  let differingSteps = 0
  let identical = true
  let firstDifference: ReplayDifference | undefined

  function run(line: CaptureStep, { site, controller, states, grids }: Stretch): void {
    let grid = grids.get(line.g)
    if (!grid) {
      grid = { decoder: createStepDecoder(), log: createDecisionLog(), setpoints: new Map() }
      grids.set(line.g, grid)
    }
    const input = grid.decoder.decode(line)
    for (const [deviceId, command, value] of line.s ?? [])
      if (value === null) grid.setpoints.delete(`${deviceId} ${command}`)
      else grid.setpoints.set(`${deviceId} ${command}`, value)
    // A candidate may have other grids.
    if (!site.grids.some(({ id }) => id === line.g)) return
    const result = controller.step(line.g, states[line.g] ?? controller.initialState(line.g), input)
    states[line.g] = result.state
    const { hash } = grid.log(result.decisions)
    steps += 1
    ours.add(line.g, steps, hash)
    theirs.add(line.g, steps, line.h ?? '')
    toMs = line.t
    if (Number.isNaN(fromMs)) fromMs = line.t
    const other = differenceOf(line, result.decisions, grid.setpoints)
    if (other) differingSteps += 1
    if (hash !== (line.h ?? '')) identical = false
    if (other || hash !== (line.h ?? '')) firstDifference ??= other ?? sentencesOf(line, result.decisions)
    options.onStep?.(site, line, result.decisions)
  }

  for await (const record of options.records) {
    if (record.kind === 'damage') damage.push(record.text)
    else if (record.kind === 'header') {
      stretches += 1
      const site = candidate?.site ?? options.parseSite(record.header.site)
      // What another configuration remembers is not this one's.
      const states = candidate ? (stretch?.states ?? {}) : { ...record.header.states }
      const commands = candidate ? candidate.commands : commandsOf(record.header)
      const controller = (options.controller ?? createController)(site, commands)
      stretch = { site, controller, states, grids: new Map() }
    } else if (stretch) run(record.step, stretch)
  }
  return {
    steps,
    stretches,
    fromMs,
    toMs,
    digest: ours.finish(),
    recordedDigest: theirs.finish(),
    identical: identical && steps > 0,
    ...(firstDifference && { firstDifference }),
    differingSteps,
    damage,
  }
}

/** What the maps declared when it was recorded. */
export const commandsOf = ({ commands }: CaptureHeader): SiteCommands | undefined =>
  commands && new Map(Object.entries(commands).map(([id, names]) => [id, new Set(names)]))

/** The first setpoint that is not the recorded one. */
function differenceOf(
  line: CaptureStep,
  decisions: readonly Decision[],
  recorded: ReadonlyMap<string, number>,
): ReplayDifference | undefined {
  const at = { atMs: line.t, gridId: line.g }
  const replayed = new Set<string>()
  for (const { setpoint, reasons } of decisions) {
    const { deviceId, command, value } = setpoint
    const key = `${deviceId} ${command}`
    replayed.add(key)
    const before = recorded.get(key)
    if (before === value) continue
    const why = reasons[0]?.text ?? ''
    return {
      ...at,
      deviceId,
      command,
      ...(before !== undefined && { recorded: before }),
      replayed: value,
      text: `${deviceId} ${command}: ${before ?? 'nothing'} then, ${value} now (${why})`,
    }
  }
  for (const [key, value] of recorded) {
    if (replayed.has(key)) continue
    const [deviceId = '', command = ''] = key.split(' ')
    return { ...at, deviceId, command, recorded: value, text: `${deviceId} ${command}: ${value} then, nothing now` }
  }
  return undefined
}

const sentencesOf = (line: CaptureStep, decisions: readonly Decision[]): ReplayDifference => ({
  atMs: line.t,
  gridId: line.g,
  text: `the setpoints are the same, but not their reasons, which are now: ${decisions
    .map(({ setpoint, reasons }) => `${setpoint.deviceId}: ${reasons[0]?.text ?? ''}`)
    .join('; ')
    .slice(0, 500)}`,
})
