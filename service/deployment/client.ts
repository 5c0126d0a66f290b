import { z } from 'zod'
import {
  type Candidate,
  candidate,
  type CheckReport,
  checkReport,
  type CommitAnswer,
  commitAnswer,
  type CommitRequest,
  type DeployKey,
  deployKey,
  type DeployKeys,
  deployKeys,
  type DeploymentStatus,
  deploymentStatus,
  type Generations,
  generations,
  type NewDeployKey,
  type RollbackAnswer,
  rollbackAnswer,
  type RollbackRequest,
  type RunningConfiguration,
  runningConfiguration,
  type SignedBundle,
} from '#contract/deployment.ts'
import type { SiteFiles } from '../configuration/site-files.ts'

/** One request to an edge; rejects with what it refuses, or when nobody answers. */
export type AskEdge = <S extends z.ZodType>(
  method: string,
  path: string,
  schema: S,
  body?: object,
) => Promise<z.output<S>>

/** What became of a trial. */
export interface Outcome {
  readonly outcome: 'confirmed' | 'returned'
  readonly text: string
}

/** The steps of a deployment as whoever deploys takes them, against any edge. */
export interface DeploymentClient {
  status(): Promise<DeploymentStatus>
  running(): Promise<RunningConfiguration>
  generations(): Promise<Generations>
  keys(): Promise<DeployKeys>
  addKey(key: NewDeployKey): Promise<DeployKey>
  removeKey(id: string): Promise<void>
  sendBundle(signed: SignedBundle): Promise<Candidate>
  /** The edge signs itself: for whoever is signed in there. */
  sendFiles(files: SiteFiles, prevHash: string, why: string): Promise<Candidate>
  letGo(): Promise<void>
  /** Starts the checks and follows them to their end; stops them when the signal is aborted. */
  check(changed: (report: CheckReport) => void, signal: AbortSignal): Promise<CheckReport>
  commit(request: CommitRequest): Promise<CommitAnswer>
  /**
   * Follows a trial over new connections, confirms it as soon as every gate is green, and resolves once it is over. While nobody
   * answers, it goes on asking; rejects when the signal is aborted, and the edge then returns by itself.
   */
  follow(trial: CommitAnswer, changed: (status: DeploymentStatus) => void, signal: AbortSignal): Promise<Outcome>
  rollback(request: RollbackRequest): Promise<RollbackAnswer>
}

const base = '/api/v1/deployment'
const mostLooks = 5

export function createDeploymentClient(
  ask: AskEdge,
  sleep: (delayMs: number, signal: AbortSignal) => Promise<void>,
): DeploymentClient {
  const status = () => ask('GET', base, deploymentStatus)

  /** A connection that breaks while one looks on is no end. */
  async function patiently<T>(look: () => Promise<T>, signal: AbortSignal): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await look()
      } catch (error) {
        if (attempt >= mostLooks || signal.aborted) throw error
        await sleep(500, signal)
      }
    }
  }

  async function confirm(trialId: string): Promise<boolean> {
    try {
      await ask('POST', `${base}/trial/confirm`, deploymentStatus, { trialId })
      return true
    } catch {
      // A gate has closed meanwhile, or the edge is restarting: the next look tells.
      return false
    }
  }

  return {
    status,
    running: () => ask('GET', `${base}/running`, runningConfiguration),
    generations: () => ask('GET', `${base}/generations`, generations),
    keys: () => ask('GET', `${base}/keys`, deployKeys),
    addKey: (key) => ask('POST', `${base}/keys`, deployKey, key),
    async removeKey(id) {
      await ask('DELETE', `${base}/keys/${id}`, z.null())
    },
    sendBundle: (signed) => ask('POST', `${base}/candidate`, candidate, signed),
    sendFiles: (files, prevHash, why) =>
      ask('POST', `${base}/candidate/files`, candidate, { files: Object.fromEntries(files), prevHash, why }),
    async letGo() {
      await ask('DELETE', `${base}/candidate`, z.null())
    },
    async check(changed, signal) {
      let report = await ask('POST', `${base}/candidate/checks`, checkReport)
      while (report.state === 'running') {
        changed(report)
        try {
          await sleep(250, signal)
        } catch {
          return ask('DELETE', `${base}/candidate/checks`, checkReport)
        }
        report = await patiently(() => ask('GET', `${base}/candidate/checks`, checkReport), signal)
      }
      changed(report)
      return report
    },
    commit: (request) => ask('POST', `${base}/candidate/commit`, commitAnswer, request),
    async follow({ generation, trialId }, changed, signal) {
      for (;;) {
        const now = await status().catch(() => undefined)
        if (now) changed(now)
        if (now?.trial?.confirmable && now.trial.trialId === trialId) await confirm(trialId)
        else if (now && !now.trial && now.phase !== 'switching' && now.last?.generation === generation)
          return { outcome: now.last.outcome === 'confirmed' ? 'confirmed' : 'returned', text: now.last.text }
        await sleep(500, signal)
      }
    },
    rollback: (request) => ask('POST', `${base}/rollback`, rollbackAnswer, request),
  }
}
