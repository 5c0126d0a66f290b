import type { Principal } from '#contract/access.ts'
import type {
  SetupChange,
  SetupCheck,
  SetupDraft,
  SetupForms,
  SetupPreview,
  SetupReading,
  SetupReadingRequest,
  SetupState,
  SetupWritten,
} from '#contract/setup.ts'

/** The setup wizard as the API asks it. What is refused rejects with an EdgeError `setup.*` or `workbench.folder`. */
export interface SetupSources {
  forms(): Promise<SetupForms>
  state(): Promise<SetupState>
  /** Rejects with setup.changed when somebody else was faster; nothing is lost then. */
  change(change: SetupChange, by: Principal): Promise<SetupState>
  /** Forgets the answers; what runs stays as it is. */
  discard(): Promise<SetupState>
  check(draft: SetupDraft): Promise<SetupCheck>
  /** Reads a device once. Opens a connection of its own where the service has none; what happens in the field is an answer. */
  read(request: SetupReadingRequest): Promise<SetupReading>
  /** Rejects with setup.open as long as something is open or wrong. */
  preview(): Promise<SetupPreview>
  /** Rejects with setup.open or setup.changed. */
  write(revision: string, by: Principal): Promise<SetupWritten>
}
