import type { MapPoint } from '#contract/point-map.ts'
import type { YamlProblem, YamlSource } from '../domain/yaml-source.ts'
import { inputsOf } from './derive.ts'
import { lintCommand } from './lint-commands.ts'
import { type Report, lintPlace, lintPoint } from './lint-points.ts'
import { placeOf, typeSpec } from './point-types.ts'
import type { EffectiveMap } from './types.ts'

/** Everything that is wrong with a map beyond its form: the rules that need more than one key. */
export function lintMap(map: EffectiveMap, source: YamlSource): YamlProblem[] {
  const problems: YamlProblem[] = []
  const report: Report = (path, message, allowed) =>
    problems.push(source.problem(path, message, allowed ? { allowed } : {}))
  const names = Object.keys(map.points)
  if (names.length === 0) report(['points'], 'a map needs at least one point')
  for (const [name, point] of Object.entries(map.points)) lintPoint(name, point, map, report)
  lintOverlaps(map, report)
  lintHoles(map, report)
  lintDerived(map, report)
  lintIdentity(map, report)
  for (const [name, command] of Object.entries(map.commands)) lintCommand(name, command, map, report)
  return problems
}

interface Taken {
  readonly name: string
  readonly point: MapPoint
  readonly registers: readonly number[]
  /** Bits used of a single register, when it is only a part. */
  readonly mask: number
}

function takenBy(name: string, point: MapPoint, map: EffectiveMap): (Taken & { readonly space: string }) | undefined {
  const { function: space, type } = placeOf(point, map.defaults)
  if (point.address === undefined || type === undefined) return undefined
  const spec = typeSpec(type)
  const { address } = point
  const registers = typeof address === 'object' ? address : Array.from({ length: spec.words }, (_, i) => address + i)
  const part = { bit: 1 << spec.bit, 'high-byte': 0xff00, 'low-byte': 0x00ff }[spec.kind as string]
  return { name, point, registers, mask: part ?? 0xffff, space }
}

function lintOverlaps(map: EffectiveMap, report: Report): void {
  const owners = new Map<string, Taken[]>()
  for (const [name, point] of Object.entries(map.points)) {
    const taken = takenBy(name, point, map)
    if (!taken) continue
    const clashes = new Set<string>()
    for (const register of taken.registers) {
      const key = `${taken.space} ${register}`
      const others = owners.get(key) ?? []
      for (const other of others)
        if ((other.mask & taken.mask) !== 0 && !point.overlapReason && !other.point.overlapReason)
          clashes.add(other.name)
      owners.set(key, [...others, taken])
    }
    for (const other of clashes)
      report(['points', name], `shares registers with ${other}; correct one, or say why with overlapReason`)
  }
}

function lintHoles(map: EffectiveMap, report: Report): void {
  for (const key of ['holes', 'noScanRanges'] as const)
    for (const [index, [first, last]] of (map.quirks?.[key] ?? []).entries())
      if (first > last) report(['quirks', key, index], `the range ${first} to ${last} runs backwards`)
  for (const [name, point] of Object.entries(map.points)) {
    const taken = takenBy(name, point, map)
    const hole = map.quirks?.holes?.find(([first, last]) => taken?.registers.some((at) => at >= first && at <= last))
    if (hole) report(['points', name], `lies in the hole ${hole[0]} to ${hole[1]} declared in quirks.holes`)
  }
}

function lintDerived(map: EffectiveMap, report: Report): void {
  for (const [name, derived] of Object.entries(map.derived)) {
    const at = ['derived', name]
    if (map.points[name]) report(at, 'is also a point; a name means one thing')
    if ((derived.sum === undefined) === (derived.product === undefined)) report(at, 'needs either sum or product')
    for (const input of inputsOf(derived)) {
      if (map.derived[input]) report(at, `${input} is derived itself; only points can be inputs`)
      else if (!map.points[input]) report(at, `there is no point ${input}`)
    }
  }
}

/** Unbounded repetition inside a repeated group can take for ever on a text that almost matches. */
const slowPattern = /\([^)]*[+*{][^)]*\)[+*{]|\(\?[=!<]|\\[1-9]/

function lintIdentity(map: EffectiveMap, report: Report): void {
  for (const [index, probe] of (map.identify ?? []).entries()) {
    const at = ['identify', index] as const
    lintPlace(probe, map, (path, message, allowed) => report([...at, ...path], message, allowed))
    const { equals, oneOf, range, matches } = probe
    if ([equals, oneOf, range, matches].every((test) => test === undefined))
      report(at, 'needs equals, oneOf, range or matches')
    if (range && range[0] > range[1]) report([...at, 'range'], 'the range runs backwards')
    if (matches === undefined) continue
    if (slowPattern.test(matches))
      report([...at, 'matches'], 'look-around, back-references and nested repetition are not allowed')
    else if (!isPattern(matches)) report([...at, 'matches'], 'is not a regular expression')
  }
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, 'u') instanceof RegExp
  } catch {
    return false
  }
}
