import { parseCommandLine, UsageError } from '../args.ts'
import { readSite } from './site-file.ts'
import { readCsvInput } from '../simulation/read-input.ts'
import { type Inputs, joinInputs } from '../simulation/series.ts'
import { simulate as run, type SimulationReport } from '../simulation/simulate.ts'
import { parseReal, parseWhole } from './options.ts'
import { describeReport } from './simulation-report.ts'
import { type Command, exitCode } from './terminal.ts'

const usage = `usage: r-emsctl simulate --site FILE [--days N] [--start ISO] [--input CSV]... [--column OLD=NEW]...
                         [--seed N] [--steps PERHOUR:WATT] [--cycle-ms N] [--battery-hours H] [--soc PERCENT] [--json]

Runs a whole site faster than real time through the control that also runs on the edge, and tells what flowed, what it
cost, which limits were exceeded and for how long. The same arguments give the same result, digest included.
  --site FILE        site.yaml
  --days N           length, 0.01 to 3660 (default 1)
  --start ISO        begin (default: of the first input, else 2026-06-01T00:00:00Z)
  --input CSV        what happens there (also .csv.gz), of one of two kinds:
                       time, then columns CIRCUIT.loadW or CIRCUIT.loadW.l1 (loads that nobody controls),
                         PVDEVICE.powerW (what the sun gives), LOADDEVICE.powerW (what a load wants), BATTERY.temperatureC,
                         DEVICE.POINT (a signal, a breaker). time is ISO 8601 or ms since 1970, UTC unless it says
                         otherwise. A value holds until the next one; an empty field is passed over.
                       arrival, departure, energyWh and if wanted charger, phases, maxCurrentA: stays of vehicles.
                     What is not given comes from models: a building scaled to the fuse, sun and clouds, vehicles.
  --column OLD=NEW   another name for a column, such as load_w=main.loadW
  --seed N           of the models, 0 to 2147483647 (default 1)
  --steps N:W        N sudden load steps an hour of up to W watt on one phase, on top
  --cycle-ms N       control cycle instead of that of the site, 100 to 60000
  --battery-hours H  energy of each battery as hours at its larger power (default 2)
  --soc PERCENT      state of charge at the start (default 50)
A violation is a limit that was exceeded for longer than measuring, control cycle and the slowest device below it take.
Exit code: 0 done, 1 a limit was violated.
`

const dayMs = 86_400_000
const defaultStartMs = Date.UTC(2026, 5, 1)

export const simulate: Command = {
  summary: 'run a site faster than real time',
  usage,
  async run(args, { out }) {
    const { values } = parseCommandLine({
      args,
      options: {
        site: { type: 'string' },
        days: { type: 'string' },
        start: { type: 'string' },
        input: { type: 'string', multiple: true },
        column: { type: 'string', multiple: true },
        seed: { type: 'string' },
        steps: { type: 'string' },
        'cycle-ms': { type: 'string' },
        'battery-hours': { type: 'string' },
        soc: { type: 'string' },
        json: { type: 'boolean' },
      },
      strict: true,
    })
    if (values.site === undefined) throw new UsageError('--site is missing')
    const { site, commands } = await readSite(values.site)
    const columns = new Map((values.column ?? []).map(parseColumn))
    const inputs = joinInputs((values.input ?? []).map((file) => readCsvInput(file, columns)))
    const days = within(parseReal(values.days ?? '1', '--days'), '--days', 0.01, 3660)
    const fromMs = values.start === undefined ? (firstTime(inputs) ?? defaultStartMs) : parseTime(values.start)
    const steps = values.steps === undefined ? undefined : parseSteps(values.steps)
    const startedMs = performance.now()
    const report = run({
      site,
      commands,
      inputs,
      fromMs,
      toMs: fromMs + days * dayMs,
      seed: parseWhole(values.seed ?? '1', '--seed', 0, 0x7fff_ffff),
      batteryHours: within(parseReal(values['battery-hours'] ?? '2', '--battery-hours'), '--battery-hours', 0.01, 1000),
      socPercent: within(parseReal(values.soc ?? '50', '--soc'), '--soc', 0, 100),
      ...(steps && { steps }),
      ...(values['cycle-ms'] !== undefined && { cycleMs: parseWhole(values['cycle-ms'], '--cycle-ms', 100, 60_000) }),
    })
    const tookS = (performance.now() - startedMs) / 1000
    out(values.json ? `${JSON.stringify({ ...report, tookS })}\n` : describeReport(report, tookS))
    return Promise.resolve(violated(report) ? exitCode.failed : exitCode.done)
  },
}

const violated = ({ violations }: SimulationReport): boolean => violations.physical + violations.safety > 0

function within(value: number, flag: string, min: number, max: number): number {
  if (value >= min && value <= max) return value
  throw new UsageError(`${flag}: ${value} is not from ${min} to ${max}`)
}

function parseColumn(text: string): [string, string] {
  const at = text.indexOf('=')
  if (at < 1 || at === text.length - 1) throw new UsageError(`--column: "${text}" is not OLD=NEW`)
  return [text.slice(0, at), text.slice(at + 1)]
}

function parseSteps(text: string): { perHour: number; maxW: number } {
  const [perHour = '', maxW = '', ...more] = text.split(':')
  if (more.length > 0) throw new UsageError(`--steps: "${text}" is not PERHOUR:WATT`)
  return {
    perHour: within(parseReal(perHour, '--steps'), '--steps', 0.01, 1800),
    maxW: within(parseReal(maxW, '--steps'), '--steps', 0, 1_000_000),
  }
}

function parseTime(text: string): number {
  const atMs = Date.parse(text)
  if (Number.isNaN(atMs)) throw new UsageError(`--start: "${text}" is not a time such as 2026-06-01T00:00:00Z`)
  return atMs
}

function firstTime({ series, sessions }: Inputs): number | undefined {
  const times = [...series.values()].flatMap(({ atMs }) => (atMs[0] === undefined ? [] : [atMs[0]]))
  const starts = times.length > 0 ? times : sessions.map(({ fromMs }) => fromMs)
  return starts.length === 0 ? undefined : starts.reduce((first, atMs) => Math.min(first, atMs))
}
