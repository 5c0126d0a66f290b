import type { Principal } from '#contract/access.ts'
import type { CheckAcceptRequest, CheckProgress, CheckRun, Checks, CheckStartRequest } from '#contract/checks.ts'

/** The checks as the API asks them. What is refused rejects with an EdgeError `check.*` or workbench.folder. */
export interface CheckSources {
  /** All checks of the site as they stand for whoever asks. */
  list(by: Principal): Checks
  /** Resolves to the run once it is on its way. */
  start(request: CheckStartRequest, by: Principal): Promise<CheckRun>
  /** Says that somebody still watches. */
  renew(runId: string): void
  /** Resolves once everything is put back and read back. */
  abort(runId: string, by: Principal): Promise<CheckRun>
  run(runId: string): Promise<CheckRun>
  /** Takes a check that has failed, was interrupted or was not executed as it is. */
  accept(checkId: string, request: CheckAcceptRequest, by: Principal): Promise<CheckRun>
  /** From memory and at once, for the live socket. */
  progress(): CheckProgress
}
