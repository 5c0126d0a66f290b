import { type EdgeError, errorTable } from '#contract/errors.ts'
import type { StorageNote, StorageReport, StorageStats } from './types.ts'

/** Parts of the storage that can fail on their own. */
export type Part = 'worker' | 'history' | 'journal'

/** Turns failures and successes of the parts into one fault that is raised once and cleared once. */
export interface Reporter {
  subscribe(report: StorageReport): void
  failed(part: Part, error: EdgeError): void
  works(part: Part): void
  note(note: StorageNote): void
  state(): StorageStats['state']
}

const faultKey = 'storage'
/** Notes kept until someone listens. */
const maxNotes = 100

export function createReporter(): Reporter {
  const failing = new Map<Part, EdgeError>()
  let fault: EdgeError | undefined
  let report: StorageReport | undefined
  let untold: StorageNote[] = []

  function raise({ code, message }: EdgeError): void {
    report?.raise(faultKey, { code, severity: 'error', message, action: errorTable[code].action })
  }

  return {
    subscribe(listener) {
      report = listener
      if (fault) raise(fault)
      for (const note of untold) listener.note(note)
      untold = []
    },
    failed(part, error) {
      failing.set(part, error)
      if (fault) return
      fault = error
      raise(error)
    },
    works(part) {
      failing.delete(part)
      if (failing.size > 0 || !fault) return
      fault = undefined
      report?.clear(faultKey, 'the storage works again')
    },
    note(note) {
      if (report) report.note(note)
      else if (untold.length < maxNotes) untold.push(note)
    },
    state() {
      if (failing.size === 0) return 'ok'
      return [...failing.values()].some(({ code }) => code !== 'storage.full') ? 'down' : 'full'
    },
  }
}
