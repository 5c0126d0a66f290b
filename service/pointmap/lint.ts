import { type YamlProblem, type YamlSource } from '../domain/yaml-source.ts'
import type { EffectiveMap } from './types.ts'

export function lintMap(_map: EffectiveMap, _source: YamlSource): YamlProblem[] {
  return []
}
