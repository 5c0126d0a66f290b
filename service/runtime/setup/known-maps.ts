import type { LoadedMap } from '../../pointmap/types.ts'
import { type KnownMap, roleOfKind } from '../../setup/suggest.ts'

/** What the wizard needs to know of point maps, by their names. */
export const knownMaps = (maps: readonly LoadedMap[]): KnownMap[] =>
  maps
    .map(({ id, map: { maker, model, kind, points } }) => {
      const phases = new Set(Object.keys(points).flatMap((name) => /\.(l[123])$/.exec(name)?.[1] ?? []))
      return { id, title: `${maker} ${model}`, role: roleOfKind(kind), onePhase: phases.size === 1 }
    })
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
