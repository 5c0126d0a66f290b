import type { JobRequest, Lease } from '#contract/workbench.ts'
import type { ValueHistory } from '../../../commissioning/values/history.ts'
import type { Clock } from '../../../domain/clock.ts'
import type { ArmedBus } from '../../../drivers/modbus/bus.ts'
import type { JobFiles } from '../job-files.ts'
import type { PreparedWork } from '../jobs.ts'
import type { WorkbenchLibrary } from '../library.ts'
import { prepareIdentify } from './identify.ts'
import { prepareListen, prepareReplay } from './listen.ts'
import { prepareNetwork } from './network.ts'
import { prepareRegisters } from './registers.ts'
import { prepareSettings } from './settings.ts'
import { prepareUnits } from './units.ts'

/** What the work of the workbench needs from around it. */
export interface WorkOptions {
  readonly clock: Clock
  readonly files: JobFiles
  /** Of the site, by canonical address. */
  readonly buses: ReadonlyMap<string, ArmedBus>
  /** Unit IDs that the service polls on a bus of the site. */
  polled(bus: string): readonly number[]
  leaseOf(bus: string): Lease | undefined
  /** Throws workbench.refused where a bus of the site must not be searched now. */
  assertScannable(bus: string): void
  library(): WorkbenchLibrary
  /** The point map that a person or the site has given a unit. */
  mapOf(bus: string, unitId: number): string | undefined
  /** What jobs that listen now have recorded, by job. */
  readonly captures: Map<string, () => Uint8Array>
  /** What jobs that listen have heard in the last minutes, by job; the newest few. */
  readonly histories: Map<string, ValueHistory>
  /** How long the adapter at a path may hold answers back, where that is known. */
  adapterMs(path: string): Promise<number | undefined>
}

export type Request<Kind extends JobRequest['kind']> = Extract<JobRequest, { kind: Kind }>

/** Checks a request and finds out what it needs. Nothing is opened or sent. */
export function prepareWork(request: JobRequest, options: WorkOptions): Promise<PreparedWork> {
  switch (request.kind) {
    case 'units':
      return prepareUnits(request, options)
    case 'settings':
      return prepareSettings(request, options)
    case 'identify':
      return prepareIdentify(request, options)
    case 'listen':
      return prepareListen(request, options)
    case 'replay':
      return prepareReplay(request, options)
    case 'registers':
      return prepareRegisters(request, options)
    default:
      return prepareNetwork(request, options)
  }
}
