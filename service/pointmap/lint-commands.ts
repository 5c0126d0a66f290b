import type { CommandName, CommandWrite, MapCommand } from '#contract/point-map.ts'
import { type Report, lintPlace } from './lint-points.ts'
import { placeOf, typeSpec } from './point-types.ts'
import type { EffectiveMap } from './types.ts'
import { metricOf } from './units.ts'

const commandUnits: Readonly<Record<CommandName, string>> = {
  setPowerW: 'W',
  limitPowerW: 'W',
  limitPowerPercent: '%',
  setCurrentA: 'A',
  setPhases: '',
  limitChargeW: 'W',
  limitDischargeW: 'W',
  setReservePercent: '%',
  switchOn: '',
}

type Path = readonly (string | number)[]

/** One command: limits, unit, what is written, and how the setpoint ends. */
export function lintCommand(name: string, command: MapCommand, map: EffectiveMap, reportAt: Report): void {
  const report: Report = (path, message, allowed) => reportAt(['commands', name, ...path], message, allowed)
  const unit = commandUnits[name as CommandName]
  if (command.unit !== unit) report(['unit'], `${name} is in ${unit || 'no unit'}`, [unit || "''"])
  lintLimits(command, map, report)
  for (const key of ['readBack', 'effect'] as const)
    if (command[key]) lintPointName(command[key].point, unit, map, [key, 'point'], report)
  lintWrites(command, map, report)
  lintEnd(command, report)
}

function lintPointName(point: string, unit: string, map: EffectiveMap, path: Path, report: Report): void {
  if (!map.points[point] && !map.derived[point]) report(path, `there is no point ${point}`)
  else if (unit !== '' && metricOf(point).unit !== unit) report(path, `${point} is not in ${unit}`)
}

function lintLimits({ limits, unit }: MapCommand, map: EffectiveMap, report: Report): void {
  for (const key of ['min', 'max'] as const) {
    const limit = limits[key]
    if (typeof limit !== 'number') lintPointName(limit.point, unit, map, ['limits', key], report)
  }
  if (typeof limits.min === 'number' && typeof limits.max === 'number' && limits.min > limits.max)
    report(['limits'], `min ${limits.min} is above max ${limits.max}`)
}

function lintWrites(command: MapCommand, map: EffectiveMap, report: Report): void {
  const { writes, release = [], expiry } = command
  const lists: readonly (readonly [Path, readonly CommandWrite[]])[] = [
    [['writes'], writes],
    [['release'], release],
    [['expiry', 'heartbeat'], expiry.kind === 'watchdog' ? (expiry.heartbeat ?? []) : []],
  ]
  for (const [path, list] of lists)
    for (const [index, write] of list.entries()) lintWrite(write, command, map, [...path, index], report)
  if (!writes.some(({ value }) => value === '$value' || value === '$magnitude'))
    report(['writes'], 'none of the writes carries $value')
  const signs = new Set(writes.flatMap((write) => write.when ?? ['negative', 'zero', 'positive']))
  const missing = possibleSigns(command).filter((sign) => !signs.has(sign))
  if (missing.length > 0) report(['writes'], `nothing is written for a value that is ${missing.join(' or ')}`)
  for (const [path, list] of lists.slice(1))
    for (const [index, write] of list.entries()) {
      if (typeof write.value !== 'number') report([...path, index, 'value'], 'must be a constant here')
      if (write.when) report([...path, index, 'when'], 'there is no value here to have a sign')
    }
  const timed = writes.findIndex((write) => write.value === '$expiryS')
  if (timed !== -1 && expiry.kind === 'none')
    report(['writes', timed, 'value'], '$expiryS needs an expiry of the device')
}

/** Signs that the limits allow; a limit that is a point of the device can have any. */
function possibleSigns({ limits: { min, max } }: MapCommand): readonly ('negative' | 'zero' | 'positive')[] {
  const low = typeof min === 'number' ? min : -1
  const high = typeof max === 'number' ? max : 1
  return [
    ...(low < 0 ? (['negative'] as const) : []),
    ...(low <= 0 && high >= 0 ? (['zero'] as const) : []),
    ...(high > 0 ? (['positive'] as const) : []),
  ]
}

function lintWrite(write: CommandWrite, { unit }: MapCommand, map: EffectiveMap, path: Path, report: Report): void {
  lintPercentage(write, unit, map, path, report)
  const single =
    placeOf({ ...write, function: write.function ?? map.defaults?.function }, undefined).function === 'coil'
  const place = { ...write, function: single ? ('coil' as const) : ('holding' as const) }
  const { function: _, ...bare } = write
  const spec = lintPlace(write.sunspec ? bare : place, map, (inner, message, allowed) =>
    report([...path, ...inner], message, allowed),
  )
  if (spec && !spec.numeric && !['enum', 'flags', 'bool', 'bit'].includes(spec.kind))
    report([...path, 'type'], 'a command can only write numbers')
  const type = placeOf(place, map.defaults).type
  if (spec && typeof write.value === 'number' && type !== undefined)
    lintConstant(write, typeSpec(type).bits, path, report)
}

function lintPercentage(
  { percentOf, value }: CommandWrite,
  unit: string,
  map: EffectiveMap,
  path: Path,
  report: Report,
): void {
  if (percentOf === undefined) return
  if (value !== '$value' && value !== '$magnitude') report([...path, 'percentOf'], 'a constant is in percent already')
  if (!map.points[percentOf]) report([...path, 'percentOf'], `there is no point ${percentOf}`)
  else if (metricOf(percentOf).unit !== unit) report([...path, 'percentOf'], `${percentOf} is not in ${unit}`)
}

function lintConstant(write: CommandWrite, bits: number, path: Path, report: Report): void {
  const raw = (Number(write.value) - (write.offset ?? 0)) / (write.scale ?? 1)
  if (raw >= 2 ** bits || raw < -(2 ** (bits - 1)))
    report([...path, 'value'], `${write.value} does not fit the register`)
}

function lintEnd({ safeValue, release, limits, storage, dailyWrites, expiry }: MapCommand, report: Report): void {
  if (safeValue === 'release' && !release?.length)
    report(['safeValue'], 'release needs the writes that release control')
  const { min, max } = limits
  if (typeof safeValue === 'number') {
    const outside = (typeof min === 'number' && safeValue < min) || (typeof max === 'number' && safeValue > max)
    if (outside) report(['safeValue'], `${safeValue} is outside the limits`)
  }
  if (storage === 'non-volatile' && dailyWrites === undefined)
    report(['storage'], 'non-volatile registers wear out: add dailyWrites')
  if (storage === 'non-volatile' && expiry.kind !== 'none')
    report(
      ['expiry', 'kind'],
      'a setpoint that ends has to be renewed, which a register that wears out does not bear',
      ['none'],
    )
}
