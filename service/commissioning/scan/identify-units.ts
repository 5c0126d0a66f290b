import type { ScanCandidate } from '#contract/workbench-scan.ts'
import type { Clock } from '../../domain/clock.ts'
import type { ReadOnlyBus } from '../../drivers/modbus/bus.ts'
import { type Candidate, identifyUnit } from '../../drivers/modbus/identify.ts'
import type { SunspecModels } from '../../pointmap/sunspec/models.ts'
import type { LoadedMap } from '../../pointmap/types.ts'

/** What devices are told apart by. */
export interface ScanLibrary {
  readonly maps: readonly LoadedMap[]
  readonly sunspecModels: SunspecModels
}

/** The unit's candidates, likeliest first; undefined when it does not answer any more or the signal came. */
export async function identifyCandidates(
  bus: ReadOnlyBus,
  unitId: number,
  library: ScanLibrary,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<ScanCandidate[] | undefined> {
  const found = await identifyUnit({ bus, clock, ...library, signal }, unitId)
  return found.kind === 'silent' || signal.aborted ? undefined : found.candidates.map(plain)
}

function plain({ unitId, map, vendor, model, serial, firmware, confidence, evidence }: Candidate): ScanCandidate {
  return {
    unitId,
    map: map ?? null,
    vendor: vendor ?? null,
    model: model ?? null,
    serial: serial ?? null,
    firmware: firmware ?? null,
    confidence,
    evidence: [...evidence],
  }
}
