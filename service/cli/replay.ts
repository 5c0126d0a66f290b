import { z } from 'zod'
import type { Site } from '#contract/site.ts'
import { parseCommandLine, UsageError } from '../args.ts'
import { readCapture } from '../capture/read-capture.ts'
import { compareOnCapture, type Comparison } from '../simulation/compare.ts'
import { replay as run, type ReplayReport } from '../simulation/replay.ts'
import { parseSiteData } from '../configuration/site-document.ts'
import { readSite } from './site-file.ts'
import { limitTable } from './simulation-report.ts'
import { plural, table } from './table.ts'
import { type Command, CommandFailure, exitCode } from './terminal.ts'

const usage = `usage: r-emsctl replay --capture FILE [--site CANDIDATE] [--json]

Feeds what a service has recorded (r-emsctl capture) to control again, step by step, and compares what it decides with
what it decided then: the same setpoints, and the same sentences. The digest covers both.
  --capture FILE    of r-emsctl capture, also where it is cut off or damaged: what can be read is used
  --site CANDIDATE  a site.yaml that is to be tried: tells where it would decide otherwise on the recorded readings, and
                    runs both sites as simulations with the recorded loads, sun, vehicles and signals
Exit code: 0 the same, or a candidate was compared; 1 something differs, or nothing could be read.
`

export const replay: Command = {
  summary: 'run a capture through control again',
  usage,
  async run(args, { out, err }) {
    const { values } = parseCommandLine({
      args,
      options: { capture: { type: 'string' }, site: { type: 'string' }, json: { type: 'boolean' } },
      strict: true,
    })
    const { capture } = values
    if (capture === undefined) throw new UsageError('--capture is missing')
    const candidate = values.site === undefined ? undefined : await readSite(values.site)
    const report = await run({ records: readCapture(capture), parseSite, ...(candidate && { candidate }) })
    if (report.steps === 0) throw new CommandFailure(exitCode.failed, report.damage[0] ?? `${capture} holds no steps`)
    const comparison = candidate && (await compareOnCapture({ records: readCapture(capture), parseSite, candidate }))
    if (values.json) out(`${JSON.stringify({ ...report, ...(comparison && { comparison }) })}\n`)
    else {
      out(describe(report, candidate !== undefined))
      if (comparison) out(describeComparison(comparison))
    }
    for (const text of report.damage) err(`r-emsctl replay: ${text}\n`)
    return report.identical || candidate ? exitCode.done : exitCode.failed
  },
}

function parseSite(value: unknown): Site {
  try {
    return parseSiteData(value)
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error
    const [issue] = error.issues
    throw new CommandFailure(
      exitCode.failed,
      `the site in the capture does not fit this version: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
      { cause: error },
    )
  }
}

function describe(report: ReplayReport, candidate: boolean): string {
  const { identical, firstDifference, differingSteps, steps } = report
  const from = new Date(report.fromMs).toISOString()
  const to = new Date(report.toMs).toISOString()
  const verdict = identical
    ? 'The same setpoints for the same reasons, byte for byte.'
    : candidate
      ? `The candidate decides otherwise in ${differingSteps} of ${plural(steps, 'step')}.`
      : `Not the same: ${plural(differingSteps, 'step')} with another setpoint.`
  const first =
    firstDifference &&
    `first    ${new Date(firstDifference.atMs).toISOString()}, ${firstDifference.gridId}: ${firstDifference.text}\n`
  return `${verdict}\n${plural(steps, 'step')} from ${from} to ${to}\n${first ?? ''}digest   ${report.digest}\nrecorded ${report.recordedDigest}\n`
}

function describeComparison({ present, candidate }: Comparison): string {
  const kWh = (wh: number): string => (wh / 1000).toFixed(1)
  const row = (name: string, of: (report: Comparison['present']) => number, text = kWh): string[] => [
    name,
    text(of(present)),
    text(of(candidate)),
    text(of(candidate) - of(present)),
  ]
  const plain = (value: number): string => String(value)
  const money = (value: number): string => value.toFixed(2)
  const rows = [
    ['simulated with the recorded loads, sun and vehicles', 'as recorded', 'candidate', 'difference'],
    row('import, kWh', ({ energyWh }) => energyWh.import),
    row('export, kWh', ({ energyWh }) => energyWh.export),
    row('vehicles, kWh', ({ energyWh }) => energyWh.chargers),
    row('loads, kWh', ({ energyWh }) => energyWh.loads),
    row('battery discharged, kWh', ({ energyWh }) => energyWh.batteryDischarge),
    row(`cost, ${present.cost.currency}`, ({ cost }) => cost.total, money),
    row('violations, physical', ({ violations }) => violations.physical, plain),
    row('violations, safety', ({ violations }) => violations.safety, plain),
    row('stops of charging', ({ switching }) => switching.chargerStops, plain),
  ]
  return `\n${table(rows, [1, 2, 3])}\ncandidate:\n${limitTable(candidate.limits)}`
}
