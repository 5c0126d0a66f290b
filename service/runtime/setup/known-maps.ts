import { setImmediate } from 'node:timers/promises'
import { EdgeError } from '#contract/errors.ts'
import type { Clock } from '../../domain/clock.ts'
import { listMaps, loadPointMap } from '../../pointmap/load.ts'
import type { LoadedMap } from '../../pointmap/types.ts'
import { type KnownMap, roleOfKind } from '../../setup/suggest.ts'

/** Maps are edited now and then: a new one is known after this time at the latest. */
const freshMs = 60_000

/** What the wizard needs to know of point maps, by their names. */
export const knownMaps = (maps: readonly LoadedMap[]): KnownMap[] =>
  maps
    .map(({ id, map: { maker, model, kind, points } }) => {
      const phases = new Set(Object.keys(points).flatMap((name) => /\.(l[123])$/.exec(name)?.[1] ?? []))
      return { id, title: `${maker} ${model}`, role: roleOfKind(kind), onePhase: phases.size === 1 }
    })
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))

/** The maps of folders, read one by one with pauses between them: no cycle waits for a whole library. Broken ones are left out. */
export function createKnownMaps(folders: readonly string[], clock: Clock): () => Promise<readonly KnownMap[]> {
  let read: Promise<readonly KnownMap[]> | undefined
  let readAtMs = -Infinity

  async function readAll(): Promise<readonly KnownMap[]> {
    const maps: LoadedMap[] = []
    for (const id of new Set(folders.flatMap(listMaps))) {
      await setImmediate()
      try {
        maps.push(loadPointMap(id, folders))
      } catch (error) {
        if (!(error instanceof EdgeError)) throw error
      }
    }
    return knownMaps(maps)
  }

  return () => {
    if (!read || clock.monotonicMs() - readAtMs > freshMs) {
      readAtMs = clock.monotonicMs()
      read = readAll()
    }
    return read
  }
}
