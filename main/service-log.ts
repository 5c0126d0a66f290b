import { appendFileSync, mkdirSync, renameSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

export interface ServiceLog {
  readonly path: string
  /** Appends; once the file is full it becomes PATH.1 and a new one starts. */
  append(text: string): void
}

/** A log file of at most twice `maxBytes` on disk. A disk that cannot be written to loses lines, never the app. */
export function createServiceLog(path: string, maxBytes: number): ServiceLog {
  let size = 0
  try {
    mkdirSync(dirname(path), { recursive: true })
    size = statSync(path).size
  } catch {
    size = 0
  }
  return {
    path,
    append(text) {
      const bytes = Buffer.byteLength(text)
      try {
        if (size > 0 && size + bytes > maxBytes) {
          renameSync(path, `${path}.1`)
          size = 0
        }
        appendFileSync(path, text, { mode: 0o600 })
        size += bytes
      } catch {
        // Nowhere left to say it.
      }
    },
  }
}
