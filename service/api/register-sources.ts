import type { Principal } from '#contract/access.ts'
import type { CandidatesRequest, KnobRequest, KnobState, KnobTurn, TypeCandidates } from '#contract/knob.ts'
import type {
  BusFrames,
  NewSnapshot,
  RegisterSnapshot,
  RegisterWatch,
  SnapshotList,
  SnapshotSummary,
  WatchRequest,
  WatchUpdate,
} from '#contract/workbench-registers.ts'

/** Values of registers as the API asks for them. What is refused throws or rejects with `workbench.*` or bus.unknown. */
export interface RegisterSources {
  startWatch(request: WatchRequest, by: Principal): Promise<RegisterWatch>
  watch(id: string): RegisterWatch
  renewWatch(id: string): void
  endWatch(id: string): Promise<void>
  /** At once, for the live socket. */
  recentWatch(id: string): WatchUpdate | undefined
  /** What a watch reads now, as CSV. */
  watchTable(id: string): string
  snapshots(): Promise<SnapshotList>
  takeSnapshot(request: NewSnapshot, by: Principal): Promise<SnapshotSummary>
  snapshot(id: string): Promise<RegisterSnapshot>
  removeSnapshot(id: string): Promise<void>
  snapshotTable(id: string): Promise<string>
  /** What differs from a snapshot to another one, or to what a watch reads now, as CSV. */
  changesTable(from: string, to: string): Promise<string>
  /** Buses whose frames can be seen now. */
  tappedBuses(): string[]
  frames(bus: string, after: number): BusFrames
  /** The frames that are kept, as pcapng. */
  framesCapture(bus: string): Uint8Array
  /** What may begin at a register that a watch reads or a job hears. */
  candidates(request: CandidatesRequest): TypeCandidates
  startKnob(request: KnobRequest): KnobState
  knob(id: string): KnobState
  turnKnob(id: string, turn: KnobTurn): KnobState
  endKnob(id: string): void
}
