import type { CheckPorts } from './checks.ts'
import type { LiveTrial } from './gates.ts'
import type { TrialPorts } from './trial-watch.ts'

/** What the receiving side of deployments needs of the service that runs. */
export interface ReceiverPorts extends CheckPorts, TrialPorts {
  /** In the journal for good before it acts. */
  journal(record: {
    principal: string
    outcome: string
    detail: string
    data?: Record<string, string | number>
  }): Promise<unknown>
  /** The trial is over and was confirmed: a later start has nothing to do with it. */
  ended(): void
  /** Runs what the pointer names from now on, in this process: on trial, or with maps that are confirmed by it. */
  restart(trial: LiveTrial | undefined, confirmMaps: boolean): void
}
