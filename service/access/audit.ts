import type { Principal } from '#contract/access.ts'
import type { Clock } from '../domain/clock.ts'

/** An entry for the journal: who, what, from where, and what became of it. */
export interface AuditRecord {
  readonly kind: 'access'
  readonly principal: string
  readonly outcome: 'done' | 'refused'
  readonly detail: string
  readonly data: Readonly<Record<string, string | number | boolean>>
}

export interface AuditSink {
  append(record: AuditRecord): unknown
  /** Rejects when the record cannot be made durable; what it announces must then not be done. */
  appendDurable(record: AuditRecord): Promise<unknown>
}

export interface Audit {
  /** Records before it acts. */
  done(by: Principal, action: string, detail: string): Promise<void>
  /** Records without waiting. */
  note(by: Principal, action: string, detail: string): void
  /** Records a refusal; beyond a rate only their number. */
  refused(by: { readonly name: string; readonly address: string }, action: string, detail: string): void
}

/** Refusals that are recorded one by one in this time; the rest is counted. */
const refusalsPerWindow = 20
const windowMs = 60_000

export const describePrincipal = ({ name, address }: { name: string; address: string }): string =>
  `${name} (${address})`

export function createAudit(sink: AuditSink, clock: Clock): Audit {
  let windowStartMs = -Infinity
  let inWindow = 0
  let uncounted = 0

  const record = (
    by: { readonly name: string; readonly address: string },
    action: string,
    outcome: AuditRecord['outcome'],
    detail: string,
  ): AuditRecord => ({
    kind: 'access',
    principal: describePrincipal(by),
    outcome,
    detail,
    data: { action, address: by.address },
  })

  return {
    done: async (by, action, detail) => {
      await sink.appendDurable(record(by, action, 'done', detail))
    },
    note(by, action, detail) {
      sink.append(record(by, action, 'done', detail))
    },
    refused(by, action, detail) {
      const nowMs = clock.monotonicMs()
      if (nowMs - windowStartMs >= windowMs) {
        if (uncounted > 0)
          sink.append({
            kind: 'access',
            principal: 'access',
            outcome: 'refused',
            detail: `${uncounted} more refusals, not listed`,
            data: { action: 'refusals', count: uncounted },
          })
        windowStartMs = nowMs
        inWindow = 0
        uncounted = 0
      }
      inWindow += 1
      if (inWindow > refusalsPerWindow) uncounted += 1
      else sink.append(record(by, action, 'refused', detail))
    },
  }
}
