import type { AuditEntries, AuditQuery, AuditVerification, Principal } from '#contract/access.ts'
import type {
  ControlRequest,
  ControlState,
  Device,
  EventQuery,
  Events,
  Health,
  Measurements,
  PowerFlow,
  Status,
} from '#contract/api.ts'
import type {
  ArmedRequest,
  ArmedState,
  ControlTarget,
  ControlWish,
  ControlWishRequest,
  Cycles,
  ExplainQuery,
  Explanation,
  Failsafe,
  GridState,
  WriteRules,
} from '#contract/control.ts'
import type { LicenseState } from '#contract/license.ts'
import type { LimitsChangeRequest, LimitsPreview, LimitsPreviewRequest, SiteLimits } from '#contract/site-limits.ts'
import type { Plausibility } from '#contract/plausibility.ts'
import type { NewProof, ProofTarget, ProofWithdrawal, Verification } from '#contract/verification.ts'
import type { BusAnswer, BusRead, BusWrite, BusWritten } from '#contract/bus.ts'
import type { Ledger, LedgerQuery, WritePreview, WritePreviewRequest } from '#contract/manual-write.ts'
import type { EdgeSources } from './edge-sources.ts'
import type { SetupSources } from './setup-sources.ts'
import type { DeploymentSources } from './deployment-sources.ts'
import type { BackupSources } from './backup-sources.ts'
import type { CheckSources } from './check-sources.ts'
import type { HandoverSources } from './handover-sources.ts'
import type { WorkbenchSources } from './workbench-sources.ts'

/** A measurement query with its times resolved. */
export interface MeasurementRange {
  readonly device: string
  readonly metric: string
  readonly fromMs: number
  readonly toMs: number
  readonly points: number
}

/** Numbers that the Prometheus page shows. What is not measured is absent, never 0. */
export interface MetricNumbers {
  readonly grids: readonly {
    readonly id: string
    readonly cycles: number
    readonly overruns: number
    /** Steps that have failed. */
    readonly failures: number
  }[]
  readonly devices: readonly {
    readonly id: string
    readonly role: string
    readonly up: boolean
    readonly requests: number
    readonly failures: number
  }[]
  readonly gridW?: number
  readonly pvW?: number
  readonly batteryW?: number
  readonly loadW?: number
  readonly batterySocPercent?: number
  /** Only commands in W, A and % are shown. */
  readonly setpoints: readonly {
    readonly deviceId: string
    readonly command: string
    readonly unit: string
    readonly value: number
  }[]
  readonly controlEnabled: boolean
  readonly dryRun: boolean
  /** Records that wait to be stored. */
  readonly storageQueue: number
}

/**
 * Everything the API knows. All functions but the asynchronous ones answer from memory and at once. An EdgeError that
 * one throws or rejects with becomes a problem document with its status; anything else becomes api.internal.
 */
export interface Sources {
  nowMs(): number
  health(): Health
  status(): Status
  devices(): readonly Device[]
  device(id: string): Device | undefined
  /** Undefined until the first cycle has ended. */
  powerFlow(): PowerFlow | undefined
  /** Rejects with device.unknown or metric.unknown. */
  measurements(query: MeasurementRange): Promise<Measurements>
  events(query: EventQuery): Promise<Events>
  /** Resolves to the state that is in force after the change was made durable. */
  setControl(request: ControlRequest, principal: Principal): Promise<ControlState>
  /** One read on a bus that the service holds. Rejects with bus.unknown; what happens in the field is an answer. */
  readBus(request: BusRead): Promise<BusAnswer>
  /** A write by a person. Rejects with bus.unknown, map.not-found or write.refused. */
  writeBus(request: BusWrite, principal: Principal): Promise<BusWritten>
  /** What a write by a person would do. Rejects as `writeBus` does; an obstacle that may pass is part of the answer. */
  previewWrite(request: WritePreviewRequest, principal: Principal): Promise<WritePreview>
  /** The writes of people, newest first. */
  ledger(query: LedgerQuery): Promise<Ledger>
  readonly workbench: WorkbenchSources
  readonly deployment: DeploymentSources
  readonly setup: SetupSources
  readonly edges: EdgeSources
  readonly checks: CheckSources
  readonly handover: HandoverSources
  metrics(): MetricNumbers
  grids(): readonly GridState[]
  cycles(): Cycles
  failsafe(): Failsafe
  writeRules(): WriteRules
  /** Rejects with device.unknown. */
  explain(query: ExplainQuery): Promise<Explanation>
  /** What control has seen and decided, as a compressed capture; it may begin earlier. */
  capture(fromMs: number, toMs: number): AsyncIterable<Uint8Array>
  wishes(): readonly ControlWish[]
  /**
   * Resolves once it is durable and holds. Rejects with device.unknown, control.unknown, control.outside, control.not-decided or
   * control.contradicts; nothing has changed then.
   */
  setWish(target: ControlTarget, request: ControlWishRequest, principal: Principal): Promise<ControlWish>
  clearWish(target: ControlTarget, principal: Principal): void
  armed(principal: Principal): ArmedState
  arm(request: ArmedRequest, principal: Principal): Promise<ArmedState>
  disarm(principal: Principal): ArmedState
  limits(): SiteLimits
  /** Rejects with limits.changed or limits.invalid. */
  previewLimits(request: LimitsPreviewRequest): LimitsPreview
  /** Resolves once it is durable. Rejects with limits.changed, limits.invalid or limits.unconfirmed; nothing has changed then. */
  changeLimits(request: LimitsChangeRequest, principal: Principal): Promise<SiteLimits>
  readonly backup: BackupSources
  license(): LicenseState
  /** Resolves once it is kept and counts. Rejects with license.refused; nothing has changed then. */
  loadLicense(text: string, principal: Principal): Promise<LicenseState>
  /** Forgets the one that was loaded in this way. */
  unloadLicense(principal: Principal): Promise<LicenseState>
  verification(): Verification
  /** Whether what a device measures agrees with itself. Throws device.unknown. */
  plausibility(deviceId: string): Plausibility
  /** Resolves once it is durable. Rejects with device.unknown, verify.* or site.changed; nothing has changed then. */
  verify(target: ProofTarget, proof: NewProof, principal: Principal): Promise<Verification>
  unverify(target: ProofTarget, withdrawal: ProofWithdrawal, principal: Principal): Promise<Verification>
  auditEntries(query: AuditQuery): Promise<AuditEntries>
  verifyAudit(): Promise<AuditVerification>
}
