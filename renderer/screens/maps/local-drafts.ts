/** Text that was typed and not saved, with the revision that it began from. */
export interface LocalDraft {
  readonly base: string
  readonly text: string
  readonly atMs: number
}

/** Unsaved texts of this window's machine: they outlive a crash, a reload and a lost connection. */
export interface LocalDrafts {
  load(id: string): LocalDraft | undefined
  /** False when there is no room for it: the text is in this window only. */
  keep(id: string, draft: LocalDraft): boolean
  drop(id: string): void
  /** Maps that have one. */
  ids(): readonly string[]
}

/** The oldest goes first. */
const mostDrafts = 20

/** At once and not after a pause: what was typed last is what is missed most. */
export function createLocalDrafts(storage: Storage, service: string): LocalDrafts {
  const prefix = `r-ems.map-draft ${service} `
  const keys = (): string[] =>
    Array.from({ length: storage.length }, (_, index) => storage.key(index) ?? '').filter((key) =>
      key.startsWith(prefix),
    )

  function read(key: string): LocalDraft | undefined {
    try {
      const stored: unknown = JSON.parse(storage.getItem(key) ?? 'null')
      if (typeof stored !== 'object' || stored === null) return undefined
      const { base, text, atMs } = Object.fromEntries(Object.entries(stored))
      const right = typeof base === 'string' && typeof text === 'string' && typeof atMs === 'number'
      return right ? { base, text, atMs } : undefined
    } catch {
      return undefined
    }
  }

  function makeRoom(except: string): boolean {
    const oldest = keys()
      .filter((key) => key !== except)
      .toSorted((a, b) => (read(a)?.atMs ?? 0) - (read(b)?.atMs ?? 0))[0]
    if (oldest === undefined) return false
    storage.removeItem(oldest)
    return true
  }

  return {
    load: (id) => read(prefix + id),
    keep(id, draft) {
      const key = prefix + id
      while (keys().filter((one) => one !== key).length >= mostDrafts) if (!makeRoom(key)) break
      for (;;) {
        try {
          storage.setItem(key, JSON.stringify(draft))
          return true
        } catch {
          if (!makeRoom(key)) return false
        }
      }
    },
    drop: (id) => storage.removeItem(prefix + id),
    ids: () => keys().map((key) => key.slice(prefix.length)),
  }
}
