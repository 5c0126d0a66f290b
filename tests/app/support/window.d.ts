import type { Desktop } from '#contract/desktop.ts'

declare global {
  interface Window {
    /** What the preload script gives the page; these tests run where it does. */
    readonly desktop: Desktop
  }
}
