import type { Principal } from '#contract/access.ts'
import type { BackupState, ReplacementRequest, RestoreAnswer, RestoreRequest } from '#contract/backup.ts'

/** Backup and replacement, as the API asks for it. */
export interface BackupSources {
  state(): BackupState
  /** The backup file. It is in the journal before it is made. */
  make(passphrase: string, principal: Principal): Promise<Buffer>
  /**
   * Resolves once everything is there; the service restarts with it afterwards. Rejects with backup.invalid, backup.newer,
   * backup.damaged, backup.passphrase or backup.not-empty; nothing has changed then.
   */
  restore(request: RestoreRequest, principal: Principal): Promise<RestoreAnswer>
  /** Somebody vouches that the edge that this one replaces is gone. Control may be enabled then; it is not by that. */
  confirmReplacement(request: ReplacementRequest, principal: Principal): Promise<BackupState>
}
