import { existsSync, watch } from 'node:fs'
import type { ControlState } from '#contract/api.ts'
import { EdgeError } from '#contract/errors.ts'
import type { LoadedMap } from '../pointmap/types.ts'
import type { Faults } from './faults.ts'

/** A device that may get another map. */
interface MapUser {
  readonly map: LoadedMap
  replaceMap(map: LoadedMap): Promise<void>
}

export interface MapReload extends Disposable {
  /** Looks at the files again: uses what may be used, stages the rest, keeps the last good one of what is broken. */
  check(): Promise<void>
  /** IDs of maps whose change waits for a person. */
  staged(): ReadonlySet<string>
  /** Takes what is staged into use: a person has confirmed it. */
  activate(): Promise<void>
}

/** An editor writes a file in several steps; wait until it is done. */
const settleMs = 300

/**
 * Maps change on disk while the service runs. With control off or in dry run a good change is used at once; under control
 * it is staged until a person confirms it (S12). A broken one never replaces the last good one.
 */
export function createMapReload(options: {
  folders: readonly string[]
  users: readonly MapUser[]
  load(id: string): LoadedMap
  control(): ControlState
  faults: Faults
  used(map: LoadedMap): void
}): MapReload {
  const { folders, users, load, control, faults, used } = options
  const staged = new Map<string, LoadedMap>()

  async function use(map: LoadedMap): Promise<void> {
    staged.delete(map.id)
    for (const user of users) if (user.map.id === map.id) await user.replaceMap(map)
    faults.clear(`map.staged ${map.id}`, `the changed map ${map.id} is in use`)
    used(map)
  }

  async function consider(id: string, activeHash: string): Promise<void> {
    let map: LoadedMap
    try {
      map = load(id)
    } catch (error) {
      if (!(error instanceof EdgeError)) throw error
      faults.raise(`map ${id}`, {
        code: error.code,
        severity: 'warning',
        message: `a change of the map ${id} is not used, the last good one stays: ${error.message}`,
        action: error.action,
      })
      return
    }
    faults.clear(`map ${id}`, `the map ${id} is good again`)
    if (map.hash === activeHash) {
      if (staged.delete(id)) faults.clear(`map.staged ${id}`, `the map ${id} is as before`)
      return
    }
    const { enabled, dryRun } = control()
    if (!enabled || dryRun) return use(map)
    staged.set(id, map)
    faults.raise(`map.staged ${id}`, {
      code: 'map.staged',
      severity: 'warning',
      message: `the map ${id} was changed while control is enabled; the change is staged and not in use`,
      action: 'Confirm it by enabling control again, or switch control off to try it.',
    })
  }

  const check = async (): Promise<void> => {
    const active = new Map(users.map(({ map }) => [map.id, map.hash]))
    for (const [id, hash] of active) await consider(id, hash)
  }

  let timer: NodeJS.Timeout | undefined
  const watchers = folders
    .filter((folder) => existsSync(folder))
    .map((folder) =>
      watch(folder, { recursive: true, persistent: false }, () => {
        clearTimeout(timer)
        timer = setTimeout(() => void check(), settleMs)
      }),
    )
  return {
    check,
    staged: () => new Set(staged.keys()),
    async activate() {
      for (const map of staged.values()) await use(map)
    },
    [Symbol.dispose]() {
      clearTimeout(timer)
      for (const watcher of watchers) watcher.close()
    },
  }
}
