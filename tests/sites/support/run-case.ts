import type { Site } from '#contract/site.ts'
import { phases } from '#contract/metrics.ts'
import { compileSite } from '../../../service/domain/site-model.ts'
import { initialState, step } from '../../../service/control/step.ts'
import type { Decision, StepInput, StepResult } from '../../../service/control/types.ts'
import type { AgedReading } from '../../../service/domain/measured.ts'
import type { Cycle, Expectation, ExpectedReason, ExpectedValue, SiteCase } from './format.ts'
import { loadWorld } from './load-cases.ts'
import { type PlantState, circuitFlows, follow, plantReadings } from './plant.ts'

type State = ReturnType<typeof initialState>
type Result = StepResult<State>
type Forced = NonNullable<Cycle['readings']>[string]

/** Runs the cycles of a case and returns every difference from what it expects; empty when there is none. */
export function runCase(siteCase: SiteCase): string[] {
  const site = loadWorld(siteCase.site, siteCase.change)
  const model = compileSite(site)
  const states = new Map(site.grids.map(({ id }) => [id, initialState(model, id)]))
  const placed = { ...siteCase.placed }
  const forced = new Map<string, Forced>()
  let ignores = new Set<string>()
  let plant: PlantState = { house: siteCase.house, devices: siteCase.devices }
  let atMs = Date.parse(siteCase.at)
  let wishes: StepInput['wishes'] = []
  let plan: StepInput['plan'] = []
  const differences: string[] = []
  for (const [at, cycle] of siteCase.cycles.entries()) {
    plant = changed(plant, cycle)
    for (const [id, reading] of Object.entries(cycle.readings ?? {})) forced.set(id, reading)
    if (cycle.ignores) ignores = new Set(cycle.ignores)
    if (cycle.plan) plan = cycle.plan
    if (cycle.wishes)
      wishes = cycle.wishes.map(({ device, ...wish }) => ({ deviceId: device, ...wish, untilMs: atMs + 900_000 }))
    for (let time = 1; time <= cycle.times; time += 1) {
      const elapsedS = cycle.elapsed ?? site.cycleMs / 1000
      atMs += elapsedS * 1000
      const readings = withForced(plantReadings(site, plant, atMs, placed), forced, atMs)
      const results: Result[] = []
      for (const { id } of site.grids) {
        const result = step(model, id, states.get(id)!, { atMs, elapsedS, readings, wishes, plan })
        // Plain data: what is stored and read again must do as well.
        states.set(id, structuredClone(result.state))
        results.push(result)
      }
      plant = followed(site, plant, results, ignores)
      if (cycle.expect && (cycle.always || time === cycle.times)) {
        const where = `cycle ${at + 1}${cycle.times > 1 ? `, time ${time}` : ''}`
        differences.push(
          ...compare(cycle.expect, site, results, plant, placed).map((difference) => `${where}: ${difference}`),
        )
      }
      if (differences.length > 10) return differences
    }
  }
  return differences
}

function changed(plant: PlantState, cycle: Cycle): PlantState {
  const devices = { ...plant.devices }
  for (const [id, change] of Object.entries(cycle.devices ?? {})) devices[id] = { ...devices[id], ...change }
  return { house: { ...plant.house, ...cycle.house }, devices }
}

function withForced(
  readings: Map<string, Map<string, AgedReading>>,
  forced: ReadonlyMap<string, Forced>,
  atMs: number,
): Map<string, Map<string, AgedReading>> {
  for (const [id, force] of forced) {
    const points = readings.get(id)
    if (!points) throw new Error(`the site has no device ${id}`)
    if (force === 'as-is') continue
    if (force === 'dead') {
      points.clear()
    } else if ('ageMs' in force) {
      for (const [name, reading] of points)
        points.set(name, { ...reading, ageMs: force.ageMs, atMs: atMs - force.ageMs })
    } else {
      for (const [name, value] of Object.entries(force.points)) {
        if (value === null) points.delete(name)
        else if (typeof value === 'object')
          points.set(name, { ...plainReading(value), atMs: atMs - value.ageMs, ageMs: value.ageMs })
        else points.set(name, { value, quality: 'good', atMs, ageMs: 0 })
      }
    }
  }
  return readings
}

/** Without the keys that are not given. */
function plainReading(given: {
  value?: number | string | undefined
  quality: AgedReading['quality']
  reason?: string | undefined
}): Pick<AgedReading, 'value' | 'quality' | 'reason'> {
  return {
    quality: given.quality,
    ...(given.value !== undefined && { value: given.value }),
    ...(given.reason !== undefined && { reason: given.reason }),
  }
}

function followed(site: Site, plant: PlantState, results: readonly Result[], ignores: ReadonlySet<string>): PlantState {
  const devices = { ...plant.devices }
  for (const { setpoint } of results.flatMap((result) => result.decisions)) {
    const device = site.devices.find(({ id }) => id === setpoint.deviceId)
    if (!device || ignores.has(device.id)) continue
    devices[device.id] = follow(device, devices[device.id] ?? {}, setpoint.command, setpoint.value)
  }
  return { house: plant.house, devices }
}

/** How much less and how much more than a plain number is the same. */
type Exactness = readonly [less: number, more: number]
const ofCurrent: Exactness = [0.11, 0.011]
const ofPower: Exactness = [1.5, 1.5]

function fits(expected: ExpectedValue, value: number | undefined, [less, more]: Exactness): boolean {
  if (expected === 'none') return value === undefined
  if (value === undefined) return typeof expected === 'object' && 'orNone' in expected
  if (typeof expected === 'number') return value >= expected - less && value <= expected + more
  if ('about' in expected) return Math.abs(value - expected.about) <= expected.within
  return value >= (expected.min ?? -Infinity) && value <= (expected.max ?? Infinity)
}

const ofSum = ([less, more]: Exactness, parts: number): Exactness => [less * parts, more * parts]

const shown = (value: unknown): string => JSON.stringify(value) ?? 'nothing'

function compare(
  expected: Expectation,
  site: Site,
  results: readonly Result[],
  plant: PlantState,
  placed: Readonly<Record<string, string>>,
): string[] {
  const found: string[] = []
  const decisions = new Map<string, Decision>()
  for (const decision of results.flatMap((result) => result.decisions)) {
    const key = `${decision.setpoint.deviceId}.${decision.setpoint.command}`
    if (decisions.has(key)) found.push(`${key} is decided twice`)
    decisions.set(key, decision)
  }
  const known = (key: string) => {
    const id = key.split('.')[0]
    if (!site.devices.some((device) => device.id === id)) found.push(`the case names an unknown device in ${key}`)
    return decisions.get(key)?.setpoint.value
  }
  const exactness = (key: string) => (key.endsWith('A') ? ofCurrent : ofPower)
  const say = (key: string) =>
    decisions
      .get(key)
      ?.reasons.map(({ rule, tier, text }) => `${tier}/${rule}: ${text}`)
      .join(' | ') ?? ''

  for (const [key, value] of Object.entries(expected.setpoints ?? {})) {
    const actual = known(key)
    if (!fits(value, actual, exactness(key)))
      found.push(`${key} is ${shown(actual)} instead of ${shown(value)} (${say(key)})`)
  }
  for (const [key, list] of Object.entries(expected.reasons ?? {})) {
    known(key)
    for (const reason of Array.isArray(list) ? list : [list])
      if (!hasReason(decisions.get(key), reason)) found.push(`${key} lacks the reason ${shown(reason)}: ${say(key)}`)
  }
  for (const { of, is, equal } of expected.sums ?? []) {
    const values = of.map((key) => known(key) ?? 0)
    const sum = values.reduce((total, value) => total + value, 0)
    if (!fits(is, sum, ofSum(exactness(of[0]!), of.length)))
      found.push(`the sum ${shown(values)} is ${sum} instead of ${shown(is)}`)
    if (equal && Math.max(...values) - Math.min(...values) > exactness(of[0]!)[0])
      found.push(`${of.join(', ')} are not equal: ${shown(values)}`)
  }
  for (const { of, is } of expected.running ?? []) {
    const running = of.filter((key) => (known(key) ?? 0) > 0)
    if (running.length !== is) found.push(`${running.length} instead of ${is} run: ${shown(running)}`)
  }
  const limits = results.flatMap((result) => result.limits)
  const limit = (id: string) => limits.find((state) => state.id === id)
  for (const id of expected.binding ?? [])
    if (limit(id)?.binding !== true) found.push(`${id} is ${limit(id) ? 'not binding' : 'unknown'}`)
  for (const id of expected.notBinding ?? [])
    if (limit(id)?.binding !== false) found.push(`${id} is ${limit(id) ? 'binding' : 'unknown'}`)
  found.push(...compareViolations(expected, results))
  const leftAlone = new Map(results.flatMap((result) => result.leftAlone).map(({ deviceId, text }) => [deviceId, text]))
  for (const [id, text] of Object.entries(expected.leftAlone ?? {}))
    if (!leftAlone.get(id)?.includes(text)) found.push(`${id} is left alone with ${shown(leftAlone.get(id))}`)
  for (const [key, relieves] of Object.entries(expected.relieves ?? {}))
    if (decisions.get(key)?.setpoint.relieves !== relieves) found.push(`${key} relieves: expected ${relieves}`)
  const flows = circuitFlows(site, plant, placed)
  for (const [id, wanted] of Object.entries(expected.after ?? {})) {
    const flow = flows.get(id)
    if (!flow) {
      found.push(`the site has no circuit ${id}`)
      continue
    }
    for (const phase of phases) {
      const ampere = flow.powerW[phase] / flow.grid.nominalVoltageV
      const value = wanted[`${phase}A`]
      if (value !== undefined && !fits(value, ampere, ofCurrent))
        found.push(`${id} then carries ${ampere.toFixed(2)} A on ${phase} instead of ${shown(value)}`)
    }
    const total = flow.powerW.l1 + flow.powerW.l2 + flow.powerW.l3
    if (wanted.powerW !== undefined && !fits(wanted.powerW, total, ofPower))
      found.push(`${id} then takes ${total.toFixed(0)} W instead of ${shown(wanted.powerW)}`)
  }
  return found
}

function compareViolations(expected: Expectation, results: readonly Result[]): string[] {
  if (!expected.violations) return []
  const found: string[] = []
  const violations = results.flatMap((result) => result.violations)
  for (const [id, wanted] of Object.entries(expected.violations)) {
    const violation = violations.find(({ limitId }) => limitId === id)
    if (!violation) found.push(`no violation of ${id}; there are ${shown(violations)}`)
    else if (
      (wanted.tier !== undefined && violation.tier !== wanted.tier) ||
      (wanted.excess !== undefined && !fits(wanted.excess, violation.excess, ofCurrent)) ||
      (wanted.text !== undefined && !violation.text.includes(wanted.text))
    )
      found.push(`the violation of ${id} is ${shown(violation)} instead of ${shown(wanted)}`)
  }
  for (const violation of violations)
    if (!(violation.limitId in expected.violations)) found.push(`unexpected violation ${shown(violation)}`)
  return found
}

function hasReason(decision: Decision | undefined, wanted: ExpectedReason): boolean {
  const texts = wanted.text === undefined ? [] : [wanted.text].flat()
  const candidates = wanted.first ? decision?.reasons.slice(0, 1) : decision?.reasons
  return (candidates ?? []).some(
    ({ rule, tier, text }) =>
      (wanted.rule === undefined || rule === wanted.rule) &&
      (wanted.tier === undefined || tier === wanted.tier) &&
      texts.every((fragment) => text.includes(fragment)),
  )
}
