import type { ScanProgress, ScanResult, ScanState } from '#contract/workbench-scan.ts'
import type { JobContext, JobEnd } from './jobs.ts'

/** Passes on what a scan tells of itself. */
export function onProgress(context: JobContext) {
  return (progress: ScanProgress, soFar: () => ScanResult): void =>
    context.report({
      progress,
      result() {
        const result = soFar()
        context.report({ progress: { floorMs: result.floorMs }, requests: result.requests })
        return result
      },
    })
}

const actions: Readonly<Record<Exclude<ScanState, 'complete' | 'cancelled'>, string>> = {
  'foreign-traffic': 'Listen instead: that disturbs nobody.',
  'line-errors': 'Check the wiring, the termination and whether two devices have the same unit ID; then resume.',
  closed: 'Check that the adapter is plugged in and nobody else uses it; then resume.',
}

/** How a job ends whose scan has ended like this. */
export function scanEnd(context: JobContext, result: ScanResult): JobEnd {
  context.report({ result: () => result, requests: result.requests, progress: { floorMs: result.floorMs } })
  const { state, reason } = result
  if (state === 'complete') return { state: 'done' }
  if (state === 'cancelled') return { state: 'stopped' }
  return { state: 'stopped', problem: { message: reason ?? state, action: actions[state] } }
}
