import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

/** write-budget.json in the data folder: how often registers that wear out were written today. */
const fileName = 'write-budget.json'
const stored = z.strictObject({ day: z.string(), counts: z.record(z.string(), z.number().int().min(0)) })
type Counts = z.infer<typeof stored>

export interface WriteBudget {
  /** Writes left today. */
  left(key: string, daily: number): number
  /** Made today. */
  spent(key: string): number
  /** One was made; it is stored soon, off the cycle. */
  spend(key: string): void
  /** Resolves once everything is stored, or could not be. */
  stored(): Promise<void>
}

/** A damaged file counts as none. A clock that was set back gives no new budget. */
export async function openWriteBudget(folder: string, nowMs: () => number): Promise<WriteBudget> {
  const file = join(folder, fileName)
  const today = (): string => new Date(nowMs()).toISOString().slice(0, 10)
  let { day, counts } = await load(file).catch((): Counts => ({ day: today(), counts: {} }))
  let saving: Promise<void> | undefined
  let changed = false

  function turnDay(): void {
    if (today() <= day) return
    day = today()
    counts = {}
  }

  async function save(): Promise<void> {
    while (changed) {
      changed = false
      // With a full disk the count lives in memory until there is room.
      await writeFile(`${file}.new`, JSON.stringify({ day, counts }), { flush: true })
        .then(() => rename(`${file}.new`, file))
        .catch(() => undefined)
    }
    saving = undefined
  }

  return {
    left(key, daily) {
      turnDay()
      return Math.max(0, daily - (counts[key] ?? 0))
    },
    spent(key) {
      turnDay()
      return counts[key] ?? 0
    },
    spend(key) {
      turnDay()
      counts[key] = (counts[key] ?? 0) + 1
      changed = true
      saving ??= save()
    },
    async stored() {
      await saving
    },
  }
}

async function load(file: string): Promise<Counts> {
  return stored.parse(JSON.parse(await readFile(file, 'utf8')))
}
