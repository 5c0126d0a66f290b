import type { Principal } from '#contract/access.ts'
import type { HandoverDraft, HandoverReport, SignedHandover, SignedHandovers, SignRequest } from '#contract/handover.ts'

/** The handover report, as the API asks for it. */
export interface HandoverSources {
  draft(): HandoverDraft
  /** Rejects with handover.changed or workbench.folder; nothing has changed then. */
  saveDraft(draft: HandoverDraft): Promise<HandoverDraft>
  /** As it would be signed now. */
  report(by: Principal): Promise<HandoverReport>
  /** The same as an HTML page. */
  preview(by: Principal): Promise<string>
  /** Rejects with handover.open or workbench.folder. */
  sign(request: SignRequest, by: Principal): Promise<SignedHandover>
  signed(): Promise<SignedHandovers>
  /** A file of a signed report. Rejects with workbench.unknown. */
  file(name: string): Promise<Buffer>
}
