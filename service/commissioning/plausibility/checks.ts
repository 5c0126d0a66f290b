import type { PlausibilityCheck } from '#contract/plausibility.ts'

/** Good readings of one device by point, in SI units. */
export type Values = ReadonlyMap<string, number>

const lines = ['l1', 'l2', 'l3'] as const
type Check = PlausibilityCheck

/** What must agree among the values that a device gives at the same time. Checks without their values are left out. */
export function valueChecks(values: Values): Check[] {
  return prefixesOf(values).flatMap((prefix) => [
    ...phaseSum(values, prefix),
    ...apparentPower(values, prefix),
    ...frequency(values, prefix),
    ...lineVoltages(values, prefix),
  ])
}

/** '' and the subsystems that have electricity of their own: `grid.`, `backup.`, `inverter.2.`. */
function prefixesOf(values: Values): string[] {
  const found = [...values.keys()].flatMap(
    (name) => /^(.*?)(?:powerW|voltageV|currentA|frequencyHz)(?:\.l\d+)?$/.exec(name)?.[1] ?? [],
  )
  return [...new Set(found)].toSorted()
}

const shown = (value: number): string => String(Number(value.toPrecision(4)))

function of(values: Values, names: readonly string[]): number[] | undefined {
  const found = names.map((name) => values.get(name))
  return found.some((value) => value === undefined) ? undefined : found.map((value) => value ?? 0)
}

function phaseSum(values: Values, prefix: string): Check[] {
  return (['powerW', 'reactivePowerVar', 'apparentPowerVa'] as const).flatMap((metric): Check[] => {
    const names = lines.map((line) => `${prefix}${metric}.${line}`)
    const parts = of(values, names)
    const total = values.get(`${prefix}${metric}`)
    if (!parts || total === undefined) return []
    const sum = parts.reduce((all, each) => all + each, 0)
    const size = parts.reduce((all, each) => all + Math.abs(each), 0)
    // Apparent power adds as vectors, so that its sum is only an upper bound.
    const tolerance = Math.max(30, (metric === 'apparentPowerVa' ? 0.1 : 0.03) * size)
    const unit = metric === 'powerW' ? 'W' : metric === 'reactivePowerVar' ? 'var' : 'VA'
    const evidence = `${parts.map(shown).join(' + ')} = ${shown(sum)} ${unit}, and the total reads ${shown(total)} ${unit}`
    const ratio = total === 0 ? Number.NaN : sum / total
    const suggests =
      Math.abs(sum + total) <= tolerance && Math.abs(total) > tolerance
        ? 'suggests that the total, or the phases, have the other sign'
        : powerOfTen(ratio)
          ? `suggests a scale that is wrong by ${nearestPower(ratio)}`
          : 'suggests that one of the phases has the other sign, or that the total is something else'
    return [compare('phase-sum', [...names, `${prefix}${metric}`], sum, total, tolerance, unit, evidence, suggests)]
  })
}

function apparentPower(values: Values, prefix: string): Check[] {
  return [...lines, ''].flatMap((line): Check[] => {
    const at = (metric: string): string => (line === '' ? `${prefix}${metric}` : `${prefix}${metric}.${line}`)
    const voltage = values.get(at('voltageV')) ?? (line === '' ? undefined : values.get(`${prefix}voltageV`))
    const current = values.get(at('currentA'))
    const power = values.get(at('powerW'))
    if (voltage === undefined || current === undefined || power === undefined) return []
    // With three phases, one current beside one voltage says nothing about their power.
    if (line === '' && lines.some((each) => values.has(`${prefix}currentA.${each}`))) return []
    const size = Math.abs(voltage * current)
    const factor = values.get(at('powerFactor'))
    const known = factor !== undefined && factor !== 0
    const expected = size * (known ? Math.abs(factor) : 1)
    const measured = Math.abs(power)
    const tolerance = Math.max(25, 0.06 * size)
    const names = [at('voltageV'), at('currentA'), at('powerW'), ...(known ? [at('powerFactor')] : [])]
    const terms = `${shown(voltage)} V × ${shown(Math.abs(current))} A${known ? ` × ${shown(Math.abs(factor))}` : ''}`
    const evidence = `${terms} = ${shown(expected)} W${known ? '' : ' at most'}, and the power reads ${shown(measured)} W`
    const differs = known ? Math.abs(measured - expected) > tolerance : measured > size + tolerance
    const ratio = expected === 0 ? Number.NaN : measured / expected
    const suggests = powerOfTen(ratio)
      ? `suggests a scale that is wrong by ${nearestPower(ratio)}`
      : 'suggests that voltage and current are not of the same phase, or a wrong current transformer ratio'
    return [
      {
        kind: 'apparent-power',
        verdict: differs ? 'differs' : 'agrees',
        points: names,
        expected,
        measured,
        tolerance,
        unit: 'W',
        evidence,
        ...(differs && { suggests }),
      },
    ]
  })
}

const mains = [
  { middle: 50, low: 47, high: 52 },
  { middle: 60, low: 57, high: 62 },
] as const

function frequency(values: Values, prefix: string): Check[] {
  return [...values].flatMap(([name, value]): Check[] => {
    if (!new RegExp(`^${prefix.replaceAll('.', String.raw`\.`)}frequencyHz(\\.l\\d)?$`).test(name)) return []
    const near = mains.find(({ low, high }) => value >= low && value <= high)
    const ratio = value / 50
    return [
      {
        kind: 'frequency',
        verdict: near ? 'agrees' : 'differs',
        points: [name],
        expected: near?.middle ?? 50,
        measured: value,
        tolerance: 3,
        unit: 'Hz',
        evidence: `${shown(value)} Hz; a grid has 47 to 52 Hz, or 57 to 62 Hz`,
        ...(!near && {
          suggests:
            value === 0
              ? 'suggests that the device is not connected to the grid'
              : powerOfTen(ratio, 0.05)
                ? `suggests a scale that is wrong by ${nearestPower(ratio)}`
                : 'suggests that this register is something else',
        }),
      },
    ]
  })
}

function lineVoltages(values: Values, prefix: string): Check[] {
  const pairs = [
    ['l12', 'l1', 'l2'],
    ['l23', 'l2', 'l3'],
    ['l31', 'l3', 'l1'],
  ] as const
  return pairs.flatMap(([pair, first, second]): Check[] => {
    const names = [`${prefix}voltageV.${first}`, `${prefix}voltageV.${second}`, `${prefix}voltageV.${pair}`]
    const found = of(values, names)
    if (!found) return []
    const [a = 0, b = 0, measured = 0] = found
    // Two phases a third of a turn apart.
    const expected = Math.sqrt(a * a + b * b + a * b)
    const evidence = `${shown(a)} V and ${shown(b)} V to neutral make ${shown(expected)} V between them, and it reads ${shown(measured)} V`
    const half = Math.abs(measured - (a + b)) <= 0.03 * (a + b)
    const suggests = half
      ? 'suggests two lines half a turn apart: a split-phase grid'
      : Math.abs(measured - a) <= 0.03 * a
        ? 'suggests that this register is the voltage to neutral'
        : 'suggests that the voltages are not of these phases'
    return [compare('line-voltage', names, expected, measured, Math.max(3, 0.03 * expected), 'V', evidence, suggests)]
  })
}

/** grid + pv + battery = loads: with every device of a grid measured, no load can be below zero, or above what comes in. */
export function balanceCheck(
  powers: {
    readonly gridW?: number | undefined
    readonly pvW?: number | undefined
    readonly batteryW?: number | undefined
  },
  measuredLoadsW: number | undefined,
  points: readonly string[],
): Check[] {
  const { gridW, pvW = 0, batteryW = 0 } = powers
  if (gridW === undefined) return []
  const loadsW = gridW + pvW + batteryW
  const evidence = `grid ${shown(gridW)} W + PV ${shown(pvW)} W + battery ${shown(batteryW)} W = ${shown(loadsW)} W`
  const tolerance = Math.max(100, 0.05 * (Math.abs(gridW) + pvW + Math.abs(batteryW)))
  if (measuredLoadsW !== undefined && measuredLoadsW > loadsW + tolerance)
    return [
      {
        kind: 'balance',
        verdict: 'differs',
        points: [...points],
        expected: loadsW,
        measured: measuredLoadsW,
        tolerance,
        unit: 'W',
        evidence: `${evidence} for all loads, and those that are measured already take ${shown(measuredLoadsW)} W`,
        suggests: 'suggests that grid, PV or battery has the other sign, or that a producer is not measured',
      },
    ]
  const negative = loadsW < -tolerance
  return [
    {
      kind: 'balance',
      verdict: negative ? 'differs' : 'agrees',
      points: [...points],
      expected: Math.max(0, loadsW),
      measured: loadsW,
      tolerance,
      unit: 'W',
      evidence: `${evidence} for the loads${negative ? ', which cannot be below zero' : ''}`,
      ...(negative && {
        suggests: 'suggests that grid, PV or battery has the other sign, or that a producer is not measured',
      }),
    },
  ]
}

function compare(
  kind: Check['kind'],
  points: readonly string[],
  expected: number,
  measured: number,
  tolerance: number,
  unit: string,
  evidence: string,
  suggests: string,
): Check {
  const differs = Math.abs(expected - measured) > tolerance
  return {
    kind,
    verdict: differs ? 'differs' : 'agrees',
    points: [...points],
    expected,
    measured,
    tolerance,
    unit,
    evidence,
    ...(differs && { suggests }),
  }
}

/** Whether a ratio is 10, 100, 0.1 and so on, but not 1. */
export function powerOfTen(ratio: number, slack = 0.03): boolean {
  const power = Math.log10(Math.abs(ratio))
  return Number.isFinite(power) && Math.round(power) !== 0 && Math.abs(power - Math.round(power)) < slack
}

export const nearestPower = (ratio: number): number =>
  Number((10 ** Math.round(Math.log10(Math.abs(ratio)))).toPrecision(1))
