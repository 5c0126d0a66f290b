import type { FoundDevice, JobSummary, Job, WorkbenchPort } from '#contract/workbench.ts'
import type { ScanCandidate, ScannedUnit, UnitScan } from '#contract/workbench-scan.ts'

export const steps = ['listen', 'settings', 'units', 'identify'] as const
export type Step = (typeof steps)[number]
export type StepState = 'todo' | 'now' | 'done' | 'warning' | 'struck'

/** From here on a candidate is accepted together with the others of its kind. */
export const certain = 0.95
/** From here on a map is proposed at all. */
const likely = 0.5
const lastUnit = 247

/** The newest scan of a port. */
export const scanOf = (jobs: readonly JobSummary[], path: string): JobSummary | undefined =>
  jobs.find(({ request, place }) => request.kind === 'units' && place === path)

const order = { listen: 0, settings: 1, units: 2, thorough: 2, identify: 3, network: 2, registers: 2 } as const

/** How far each step of a scan has come. What must not be done after somebody else was heard is struck out. */
export function stepStates(job: JobSummary | undefined, result: UnitScan | undefined): Record<Step, StepState> {
  const states: Record<Step, StepState> = { listen: 'todo', settings: 'todo', units: 'todo', identify: 'todo' }
  if (!job) return states
  const at = order[job.progress.phase]
  for (const [index, step] of steps.entries()) {
    if (job.state === 'done' || index < at) states[step] = 'done'
    else if (index === at) states[step] = job.state === 'running' ? 'now' : 'warning'
  }
  if (result?.state === 'foreign-traffic') return { ...states, listen: 'warning', units: 'struck', identify: 'struck' }
  return states
}

/** `identified`: a map fits; `noMap`: it answers, but none fits. */
export type Cell = 'identified' | 'noMap' | 'damaged' | 'silent' | 'now' | 'notAsked'

/** What is known about each unit ID, from 1. */
export function unitCells(result: UnitScan | undefined): Cell[] {
  const cells = Array.from({ length: lastUnit }, (): Cell => 'notAsked')
  for (const { unitIds } of result?.silent ?? []) for (const id of unitIds) cells[id - 1] = 'silent'
  for (const unit of result?.units ?? []) cells[unit.unitId - 1] = cellOf(unit)
  return cells
}

export function cellOf({ status, candidates }: Pick<ScannedUnit, 'status' | 'candidates'>): Cell {
  if (status === 'two-devices') return 'damaged'
  return bestOf(candidates)?.map != null ? 'identified' : 'noMap'
}

/** The likeliest candidate, and only where it is likely to have a map. */
export function bestOf(candidates: readonly ScanCandidate[] | null): ScanCandidate | undefined {
  const [first] = candidates ?? []
  return first && (first.map === null || first.confidence >= likely) ? first : first && { ...first, map: null }
}

export const nameOf = (candidate: ScanCandidate | undefined): string =>
  [candidate?.vendor, candidate?.model].filter(Boolean).join(' ')

export const isCertain = (unit: Pick<ScannedUnit, 'candidates'>): boolean =>
  (unit.candidates?.[0]?.confidence ?? 0) >= certain && unit.candidates?.[0]?.map != null

/** A unit as a device of the site, with why it is believed. */
export function deviceOf(bus: string, unitId: number, candidate: ScanCandidate | undefined): FoundDevice {
  const { map, vendor, model, serial, firmware, confidence, evidence } = candidate ?? {}
  const text = (value: string | null | undefined, longest: number): string | undefined =>
    value
      ? value
          .replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, ' ')
          .trim()
          .slice(0, longest) || undefined
      : undefined
  return {
    bus,
    unitId,
    name: text(nameOf(candidate), 60) ?? `Unit ${unitId}`,
    evidence: (evidence ?? []).slice(0, 20).map((line) => line.slice(0, 300)),
    ...(map != null && { map }),
    ...optional({ vendor: text(vendor, 80), model: text(model, 80) }),
    ...optional({ serial: text(serial, 80), firmware: text(firmware, 80) }),
    ...(confidence !== undefined && { confidence }),
  }
}

function optional<T extends Record<string, string | undefined>>(fields: T): Partial<Record<keyof T, string>> {
  const known = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(known) as Partial<Record<keyof T, string>>
}

/** The result of a scan of a line, of a job that has one. */
export const unitScanOf = (job: Job | undefined): UnitScan | undefined =>
  job?.result?.kind === 'units' ? job.result : undefined

/** A port in words: what the adapter calls itself, else what kind of port it is. */
export const portName = ({ vendor, product, path }: WorkbenchPort): string =>
  product ?? vendor ?? path.split('/').at(-1) ?? path
