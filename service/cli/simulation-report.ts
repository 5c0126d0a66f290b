import type { LimitRecord } from '../simulation/watch.ts'
import type { SimulationReport } from '../simulation/simulate.ts'
import { plural, table } from './table.ts'

const kWh = (wh: number): string => `${(wh / 1000).toFixed(1)} kWh`
const fixed = (value: number, digits = 1): string => value.toFixed(digits)
const share = (value: number | undefined): string => (value === undefined ? '-' : `${(value * 100).toFixed(0)} %`)

/** A run as a person reads it: the answer first. */
export function describeReport(report: SimulationReport, tookS: number): string {
  const { energyWh: energy, cost, switching, charging } = report
  const days = (report.toMs - report.fromMs) / 86_400_000
  const rows: string[][] = [
    ['import', kWh(energy.import)],
    ['export', kWh(energy.export)],
    ['PV', `${kWh(energy.pv)}, ${kWh(energy.pvCurtailed)} curtailed`],
    ['battery', `${kWh(energy.batteryCharge)} charged, ${kWh(energy.batteryDischarge)} discharged`],
    ['vehicles', `${kWh(energy.chargers)}; ${describeCharging(charging)}`],
    ['loads', kWh(energy.loads)],
    ['house', kWh(energy.house)],
    ['self-sufficiency', `${share(report.selfSufficiency)}; self-consumption ${share(report.selfConsumption)}`],
    [
      'cost',
      `${fixed(cost.total, 2)} ${cost.currency}: import ${fixed(cost.import, 2)}, export ${fixed(cost.export, 2)}, wear ${fixed(cost.wear, 2)}`,
    ],
    ...report.peaks.map(({ gridId, peakW }) => [`peak of ${gridId}`, `${fixed(peakW / 1000)} kW over 15 min`]),
    [
      'switching',
      `${plural(switching.chargerStops, 'stop')} of charging, ${plural(switching.phaseChanges, 'change')} of phases`,
    ],
    ['', `${switching.loadSwitches} of loads, ${switching.batteryTurns} of the battery's direction`],
    ['', plural(switching.setpointChanges, 'new setpoint')],
  ]
  return `${verdict(report)}\n${report.site}, ${plural(Number(days.toFixed(2)), 'day')} from ${new Date(report.fromMs).toISOString()}, ${report.cycles} cycles in ${fixed(tookS)} s\n\n${table(rows)}\n${limitTable(report.limits)}${leftAlone(report)}\ndigest ${report.digest}\n`
}

/** Devices that were not controlled for most of the time. */
function leftAlone({ leftAlone: devices, cycles }: SimulationReport): string {
  const mostly = devices.filter((device) => device.cycles * 2 > cycles)
  return mostly.map(({ deviceId, text }) => `${deviceId} was left alone: ${text}\n`).join('')
}

function verdict({ limits }: SimulationReport): string {
  const broken = limits.filter(({ violations }) => violations > 0)
  if (broken.length === 0) return 'No limit was violated.'
  const worst = broken.map(({ limitId, violations }) => `${limitId} (${violations} times)`)
  return `${plural(broken.length, 'limit')} violated: ${worst.join(', ')}.`
}

const describeCharging = ({ sessions, turnedAway, wantedWh, missingWh }: SimulationReport['charging']): string =>
  `${plural(sessions, 'stay')} ended, ${kWh(missingWh)} of ${kWh(wantedWh)} missing${turnedAway > 0 ? `, ${turnedAway} turned away` : ''}`

/** Limits that were ever over, and how far beyond what measuring and answering allow. */
export function limitTable(limits: readonly LimitRecord[]): string {
  const over = limits.filter(({ overS }) => overS > 0)
  if (over.length === 0) return `All ${limits.length} limits were kept at every instant.\n`
  const rows = over.map((limit) => [
    limit.limitId,
    limit.tier,
    String(limit.violations),
    limit.violations > 0 ? `${fixed(limit.worst)} ${limit.unit}` : '-',
    limit.violations > 0 ? `${fixed(limit.longestS)} s` : '-',
    `${fixed(limit.allowedS)} s`,
    `${fixed(limit.worstOver)} ${limit.unit}`,
    `${fixed(limit.longestOverS)} s`,
    `${fixed(limit.overArea)} ${limit.unit}s`,
  ])
  const head = [
    'limit',
    'tier',
    'violations',
    'worst',
    'longest',
    'allowed',
    'largest over',
    'longest over',
    'sum over',
  ]
  return table([head, ...rows], [2, 3, 4, 5, 6, 7, 8])
}
