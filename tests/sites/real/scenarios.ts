import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { Site } from '#contract/site.ts'
import { parseCsvInput } from '../../../service/simulation/csv.ts'
import { readCsvInput } from '../../../service/simulation/read-input.ts'
import type { Inputs } from '../../../service/simulation/series.ts'
import { type SimulationReport, simulate } from '../../../service/simulation/simulate.ts'
import { loadWorld } from '../support/load-cases.ts'

/** Public measurements of real homes and garages, kept beside the repository. */
export const dataFolder = resolve(import.meta.dirname, '../../../../shared/data/timeseries')
export const dataIsThere = existsSync(dataFolder)
export const whyNot = `the public data is not in ${dataFolder}`

const dayMs = 86_400_000
const volt = 230
/** Of the total load of a home without phases, what its most loaded phase carries. */
const largestShare = 0.42
const steps = { perHour: 60, maxW: 2300 }

export interface Scenario {
  readonly name: string
  readonly site: Site
  readonly inputs: Inputs
  readonly fromMs: number
}

function home(name: string, file: string, load: string, pv: string, start: string): Scenario {
  const columns = new Map([
    [load, 'main.loadW'],
    [pv, 'pv.powerW'],
  ])
  const inputs = readCsvInput(`${dataFolder}/household/${file}`, columns)
  const fromMs = Date.parse(start)
  const { atMs, values } = inputs.series.get('main.loadW')!
  const week = values.filter((_, at) => atMs[at]! >= fromMs - dayMs && atMs[at]! < fromMs + 8 * dayMs)
  // The smallest fuse that carries the house with its load steps alone: whatever is above it is control's doing.
  const fuseA = Math.ceil((week.reduce((most, watt) => Math.max(most, watt), 0) * largestShare + steps.maxW) / volt) + 1
  const site = loadWorld('home', {
    grids: { grid: { connection: { fuseA } } },
    devices: { car: { charger: { maxCurrentA: 32, dimmable: true } }, battery: { battery: { chargeFromGrid: true } } },
    economics: { chargeBelow: 1 },
  })
  return { name: `${name}, ${fuseA} A`, site, inputs, fromMs }
}

/** Twelve charging points of 22 kW with the stays of real Norwegian garages, and a building, behind 80 A. */
function garage(start: string): Scenario {
  const file = `${dataFolder}/ev/norway_apartments_sessions.csv.gz`
  const [header = '', ...lines] = gunzipSync(readFileSync(file)).toString('utf8').trim().split('\n')
  // Stays without an end, or with next to no energy, are what the chargers forgot to write.
  const complete = lines.filter((line) => {
    const [arrival, departure, energyWh] = line.split(',')
    return departure !== '' && departure !== arrival && Number(energyWh) >= 200
  })
  const { sessions } = parseCsvInput([header, ...complete].join('\n'), file, new Map())
  // The file does not say on how many phases a vehicle charges, and how fast.
  const vehicles = [
    { phases: 3, maxCurrentA: 16 },
    { phases: 1, maxCurrentA: 32 },
    { phases: 3, maxCurrentA: 32 },
    { phases: 2, maxCurrentA: 16 },
  ] as const
  const varied = sessions.map((session, at) => ({ ...session, ...vehicles[at % vehicles.length]! }))
  const site = loadWorld('depot', {
    grids: { grid: { connection: { fuseA: 80, circuits: { 'feeder-a': { fuseA: 63 }, 'feeder-b': { fuseA: 40 } } } } },
    devices: Object.fromEntries(
      Array.from({ length: 8 }, (_, at) => [
        `more-${at}`,
        {
          name: `Bay ${at}`,
          role: 'charger',
          map: 'r-ems/demo-charger',
          connection: `tcp://10.0.2.${at + 1}`,
          circuit: at % 2 === 0 ? 'feeder-a' : 'feeder-b',
          phases: [['l1', 'l2', 'l3'], ['l2', 'l3', 'l1'], ['l3']][at % 3],
          charger: { maxCurrentA: 32, minOnS: 60, minOffS: 60, switchesPhases: at % 3 === 0 },
        },
      ]),
    ),
  })
  return {
    name: 'Norwegian garages, 80 A',
    site,
    inputs: { series: new Map(), sessions: varied },
    fromMs: Date.parse(start),
  }
}

export const scenarios: Readonly<Record<string, () => Scenario>> = {
  ...Object.fromEntries(
    [1, 5, 7, 9, 11, 17].map((number) => [
      `citylearn-${number}`,
      () =>
        home(
          `home ${number}`,
          'citylearn2022_homes_hourly.csv.gz',
          `home${number}_load_w`,
          `home${number}_pv_w`,
          '2017-05-08T00:00:00Z',
        ),
    ]),
  ),
  emhass: () => home('home of 2024', 'emhass_home_30min.csv.gz', 'load_w', 'pv_w', '2024-06-03T00:00:00Z'),
  garage: () => garage('2019-11-18T00:00:00Z'),
}

export interface RealRun {
  readonly report: SimulationReport
  /** Cycles in which a fuse decided a setpoint, so that it did bind. */
  readonly bindingCycles: number
}

/** Runs a scenario through the simulation with a seeded load step every minute on top. */
export function runReal({ site, inputs, fromMs }: Scenario, days: number, seed = 7): RealRun {
  let bindingCycles = 0
  const report = simulate({
    site,
    inputs,
    fromMs,
    toMs: fromMs + days * dayMs,
    seed,
    steps,
    onStep(_grid, _input, { limits }) {
      if (limits.some(({ id, binding }) => binding && id.includes('.fuse.'))) bindingCycles += 1
    },
  })
  return { report, bindingCycles }
}

/** One line per fuse: how long and how far it was exceeded at all, violations or not. */
export const fuseLines = ({ report }: RealRun): string[] =>
  report.limits
    .filter(({ limitId }) => limitId.includes('.fuse.'))
    .map(
      ({ limitId, overArea, overS, longestOverS, worstOver, allowedS, violations }) =>
        `  ${limitId}: ${overArea.toFixed(1)} As over ${overS.toFixed(1)} s, longest ${longestOverS.toFixed(1)} s of ${allowedS} s, worst ${worstOver.toFixed(1)} A, ${violations} violations`,
    )
