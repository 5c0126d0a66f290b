import type { Principal } from '#contract/access.ts'
import type {
  FoundDevice,
  Job,
  JobRequest,
  JobSummary,
  Lease,
  LeaseRequest,
  Workbench,
  WorkbenchPorts,
} from '#contract/workbench.ts'
import type { LatencyOutcome } from '#contract/workbench-scan.ts'
import type { HealthSources } from './health-sources.ts'
import type { MapFileSources } from './map-file-sources.ts'
import type { MapSources } from './map-sources.ts'
import type { RegisterSources } from './register-sources.ts'

/** The workbench as the API asks it. What is refused rejects with an EdgeError `workbench.*`, `serial.*` or `capture.*`. */
export interface WorkbenchSources {
  overview(): Workbench
  ports(): Promise<WorkbenchPorts>
  addPort(path: string): Promise<WorkbenchPorts>
  removePort(path: string): Promise<WorkbenchPorts>
  lowerLatency(path: string): Promise<LatencyOutcome>
  start(request: JobRequest, by: Principal): Promise<JobSummary>
  resume(id: string, by: Principal): Promise<JobSummary>
  stop(id: string): Promise<JobSummary>
  remove(id: string): Promise<void>
  job(id: string): Promise<Job>
  /** From memory and at once, for the live socket. */
  recentJob(id: string): Job | undefined
  /** What a job found, as CSV. */
  table(id: string): Promise<string>
  /** What a job heard, as pcapng. */
  capture(id: string): Promise<Uint8Array>
  /** Keeps a recorded file and replays it. */
  replay(name: string, bytes: Uint8Array, by: Principal): Promise<JobSummary>
  accept(device: FoundDevice, by: Principal): Promise<Workbench>
  forget(bus: string, unitId: number): Promise<Workbench>
  borrow(request: LeaseRequest, by: Principal): Promise<Lease>
  renewLease(id: string): Lease
  endLease(id: string, by: Principal): Promise<void>
  /** What registers read, and the frames of the buses. */
  readonly registers: RegisterSources
  /** How the buses answer. */
  readonly health: HealthSources
  /** Point maps and their texts. */
  readonly maps: MapSources
  /** Maps of other formats. */
  readonly mapFiles: MapFileSources
}
