/**
 * The text of the site that runs, for changes made on the edge itself: limits, and what was verified. Where something was deployed,
 * a change is a new generation; elsewhere it replaces the file.
 */
export interface SiteText {
  /** Name of the file, for messages. */
  readonly file: string
  /** `session`: it is part of the program, and changes last until the service ends. */
  readonly kept: 'file' | 'session'
  /** As it is now, the last change included. */
  text(): string
  /** Rejects with site.changed when the file was edited by hand meanwhile, and with deployment.busy during a trial. */
  unedited(): Promise<void>
  /**
   * Resolves once the new text is on the disk for good; it is checked by who calls, and in the journal before. Rejects as
   * `unedited` does.
   */
  save(text: string, by: string, why: string): Promise<void>
}
