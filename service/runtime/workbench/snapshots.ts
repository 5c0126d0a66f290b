import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { EdgeError } from '#contract/errors.ts'
import {
  type RegisterSnapshot,
  registerSnapshot,
  type SnapshotList,
  type SnapshotSummary,
} from '#contract/workbench-registers.ts'
import { snapshotText } from '../../commissioning/values/snapshot.ts'
import { folderError, isMissing, replaceFile } from './text-files.ts'

/** The snapshots of a site as files: snapshots/ID.json, one register per line. */
export interface Snapshots {
  /** Newest first. Files that cannot be understood are left out, and left alone. */
  list(): Promise<SnapshotList>
  /** Throws workbench.unknown or workbench.folder. */
  load(id: string): Promise<RegisterSnapshot>
  /** Throws workbench.full or workbench.folder. */
  save(snapshot: RegisterSnapshot): Promise<SnapshotSummary>
  /** Throws workbench.unknown or workbench.folder. */
  remove(id: string): Promise<void>
}

const most = 500

export function createSnapshots(folder: string): Snapshots {
  const fileOf = (id: string): string => join(folder, 'snapshots', `${id}.json`)
  const summaries = new Map<string, SnapshotSummary>()

  async function names(): Promise<string[]> {
    try {
      const found = await readdir(join(folder, 'snapshots'))
      return found.flatMap((name) => /^(\d{8}-\d{6}-snapshot(?:-\d+)?)\.json$/.exec(name)?.[1] ?? [])
    } catch (error) {
      if (isMissing(error)) return []
      throw folderError(folder, error)
    }
  }

  async function read(id: string): Promise<RegisterSnapshot | undefined> {
    const text = await readFile(fileOf(id), 'utf8')
    try {
      return { ...registerSnapshot.parse(JSON.parse(text)), id }
    } catch {
      return undefined // of another version, or edited by hand
    }
  }

  async function load(id: string): Promise<RegisterSnapshot> {
    const found = await read(id).catch((error: unknown) => {
      if (isMissing(error)) return undefined
      throw folderError(fileOf(id), error)
    })
    if (!found) throw new EdgeError('workbench.unknown', 'there is no such snapshot')
    return found
  }

  async function known(id: string): Promise<SnapshotSummary | undefined> {
    const kept = summaries.get(id)
    if (kept) return kept
    const snapshot = await read(id).catch(() => undefined)
    if (!snapshot) return undefined
    const summary = summaryOf(snapshot, id)
    summaries.set(id, summary)
    return summary
  }

  return {
    load,
    async list() {
      const found: SnapshotSummary[] = []
      for (const id of (await names()).toSorted().toReversed().slice(0, most)) {
        const summary = await known(id)
        if (summary) found.push(summary)
      }
      return { snapshots: found }
    },
    async save(snapshot) {
      const taken = await names()
      if (taken.length >= most) throw new EdgeError('workbench.full', `${most} snapshots are kept already`)
      const stamp = new Date(snapshot.takenAtMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-')
      let id = `${stamp}-snapshot`
      for (let number = 2; taken.includes(id) || summaries.has(id); number++) id = `${stamp}-snapshot-${number}`
      const summary = summaryOf(snapshot, id)
      // Taken before the file is written, so that two at once do not get one name.
      summaries.set(id, summary)
      try {
        const { kind, ...rest } = snapshot
        await replaceFile(fileOf(id), snapshotText({ kind, id, ...rest }))
      } catch (error) {
        summaries.delete(id)
        throw error
      }
      return summary
    },
    async remove(id) {
      await load(id)
      await rm(fileOf(id), { force: true })
      summaries.delete(id)
    },
  }
}

function summaryOf({ tables, refused: _refused, ...rest }: RegisterSnapshot, id: string): SnapshotSummary {
  const sum = (count: (table: RegisterSnapshot['tables'][number]) => number): number =>
    tables.reduce((total, table) => total + count(table), 0)
  return {
    ...rest,
    id,
    registers: sum(({ words }) => Object.keys(words).length),
    moved: sum(({ moved }) => moved.length),
  }
}
