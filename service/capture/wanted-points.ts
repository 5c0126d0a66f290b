import type { Site } from '#contract/site.ts'

/** What control can look at, besides the points that conditions of the site name. */
const metrics = new Set([
  'powerW',
  'currentA',
  'voltageV',
  'frequencyHz',
  'socPercent',
  'temperatureC',
  'chargeLimitW',
  'dischargeLimitW',
  'setpointW',
  'setpointA',
  'setpointPercent',
  'ratedPowerW',
  'limitA',
  'limitW',
  'phases',
  'plugged',
  'charging',
  'connectorState',
  'sessionEnergyWh',
  'on',
  'operatingState',
  'reactivePowerVar',
])

/** Whether a point belongs in a capture of this site. */
export function wantedPoints(site: Site): (deviceId: string, point: string) => boolean {
  const conditions = [
    ...site.signals.map(({ active }) => active),
    ...site.ties.map(({ closed }) => closed),
    ...site.grids.flatMap(({ island }) => (island ? [island] : [])),
    ...site.devices.flatMap(({ circuit }) => (Array.isArray(circuit) ? circuit.map(({ when }) => when) : [])),
  ]
  const named = new Set(conditions.map(({ device, point }) => `${device} ${point}`))
  // A hybrid device has its metrics under the part they belong to.
  const plain = /^(?:(?:grid|pv|battery|charger|load|meter)\.)?(\w+?)(?:\.l[123])?$/
  return (deviceId, point) => metrics.has(plain.exec(point)?.[1] ?? '') || named.has(`${deviceId} ${point}`)
}
