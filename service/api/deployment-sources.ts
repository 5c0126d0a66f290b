import type { Principal } from '#contract/access.ts'
import type {
  Candidate,
  CandidateFiles,
  CheckReport,
  CommitAnswer,
  CommitRequest,
  DeploymentStatus,
  DeployKey,
  DeployKeys,
  Generation,
  NewDeployKey,
  RollbackAnswer,
  RollbackRequest,
  RunningConfiguration,
  SignedBundle,
} from '#contract/deployment.ts'

/** Deployments as the API asks for them. What is refused throws or rejects with `bundle.*`, `deployment.*`, `config.*` or `map.*`. */
export interface DeploymentSources {
  /** At once; without anybody who asks, for the live socket. */
  status(by?: Principal): DeploymentStatus
  running(): RunningConfiguration
  generation(number: number): Promise<RunningConfiguration>
  /** Newest first. */
  generations(): Generation[]
  send(signed: SignedBundle, by: Principal): Candidate
  make(request: CandidateFiles, by: Principal): Candidate
  candidate(by: Principal): Candidate
  discard(by: Principal): void
  startChecks(by: Principal): CheckReport
  checks(by: Principal): CheckReport
  stopChecks(by: Principal): CheckReport
  /** Resolves once the trial is on the disk; the service restarts right after. */
  commit(request: Required<CommitRequest>, by: Principal): Promise<CommitAnswer>
  confirm(trialId: string, by: Principal): Promise<DeploymentStatus>
  giveUp(trialId: string, by: Principal): Promise<DeploymentStatus>
  extend(trialId: string, countdownS: number, by: Principal): Promise<DeploymentStatus>
  rollback(request: RollbackRequest & { readonly why: string }, by: Principal): Promise<RollbackAnswer>
  keys(): DeployKeys
  addKey(key: NewDeployKey, by: Principal): Promise<DeployKey>
  removeKey(id: string, by: Principal): Promise<void>
}
