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
import type { BusAnswer, BusRead, BusWrite, BusWritten } from '#contract/bus.ts'
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
  readonly cycles: number
  readonly overruns: number
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
  readonly workbench: WorkbenchSources
  metrics(): MetricNumbers
  auditEntries(query: AuditQuery): Promise<AuditEntries>
  verifyAudit(): Promise<AuditVerification>
}
