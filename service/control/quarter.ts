import type { QuarterState } from './state.ts'

/** Billing of the power price goes by the mean of each quarter of an hour of the clock. */
const quarterMs = 900_000

/** Counts the import of the running quarter. `importW` is NaN while it is not measured: then it counts as in the limit. */
export function countImport(
  before: QuarterState | undefined,
  atMs: number,
  elapsedS: number,
  importW: number,
  peakW: number,
): QuarterState {
  const index = Math.floor(atMs / quarterMs)
  if (before?.index !== index) {
    // Of a quarter that was not seen from its start, the rest is taken to have been at the limit.
    const missedS = before === undefined ? (atMs % quarterMs) / 1000 : 0
    return { index, importWh: (peakW * missedS) / 3600 }
  }
  const watt = Number.isNaN(importW) ? peakW : Math.max(0, importW)
  return { index, importWh: before.importWh + (watt * elapsedS) / 3600 }
}

/** The import that may flow for the rest of the quarter so that its mean stays at the peak, W; never negative. */
export function allowedImportW({ importWh }: QuarterState, atMs: number, peakW: number): number {
  const leftS = (quarterMs - (atMs % quarterMs)) / 1000
  return Math.max(0, (peakW * 0.25 - importWh) / (leftS / 3600))
}
