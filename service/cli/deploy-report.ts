import type { Candidate, CheckReport, DeploymentStatus, Generations } from '#contract/deployment.ts'
import { table } from './table.ts'

const marks: Readonly<Record<string, string>> = {
  ok: '+',
  warning: '!',
  failed: 'x',
  skipped: '-',
  running: '.',
  waiting: '.',
  green: '+',
  red: 'x',
}

const time = (atMs: number): string => new Date(atMs).toISOString().slice(0, 16).replace('T', ' ')

export function describeCandidate({ manifest, changes, consents }: Candidate): string {
  const lines = [
    `generation ${manifest.version} of "${manifest.siteName}": ${manifest.why}`,
    ...(changes.length === 0 ? ['  no change of meaning'] : changes.map(({ text }) => `  ${text}`)),
    ...(consents.length === 0 ? [] : ['to be agreed to by name:']),
    ...consents.map(({ kind, id, text }) => `  ${kind === 'raise' ? '--confirm' : '--waive'} ${id}   ${text}`),
  ]
  return `${lines.join('\n')}\n`
}

export function describeChecks({
  checks,
  state,
  durationMs,
}: Pick<CheckReport, 'checks' | 'state' | 'durationMs'>): string {
  const lines = checks.map((check) => `  ${marks[check.state] ?? ' '} ${check.id.padEnd(10)} ${check.text}`)
  const took = durationMs === undefined ? '' : ` after ${(durationMs / 1000).toFixed(1)} s`
  return `checks ${state}${took}\n${lines.join('\n')}\n`
}

export function describeDeployment(status: DeploymentStatus): string {
  const { active, holder, trial, candidate, last, unavailable, phase } = status
  const lines = [
    active
      ? `generation ${active.number} runs (${active.origin}, ${active.state}, ${time(active.atMs)} UTC by ${active.by}: ${active.why})`
      : 'the files run as they were written by hand; nothing was deployed yet',
    ...(unavailable === undefined ? [] : [`nothing can be deployed: ${unavailable}`]),
    ...(holder
      ? [`${holder.name} has been deploying since ${time(holder.sinceMs)} UTC${candidate ? `: ${candidate.why}` : ''}`]
      : []),
    ...(phase === 'switching' ? ['about to restart with another generation'] : []),
    ...(trial
      ? [
          `generation ${trial.generation} is on trial by ${trial.by}, returns to ${trial.returnsTo} in ${Math.ceil(trial.leftS)} s`,
          ...trial.gates.map(({ state, id, text }) => `  ${marks[state] ?? ' '} ${id.padEnd(10)} ${text}`),
        ]
      : []),
    ...(last && !trial
      ? [`generation ${last.generation} ${last.outcome} at ${time(last.atMs)} UTC: ${last.text}`]
      : []),
  ]
  return `${lines.join('\n')}\n`
}

export function describeHistory({ generations }: Generations): string {
  if (generations.length === 0) return 'nothing was deployed yet\n'
  const rows = generations.map(({ number, active, origin, state, atMs, by, why, returnedWhy }) => [
    `${active ? '>' : ' '} ${number}`,
    origin,
    state,
    time(atMs),
    by,
    returnedWhy === undefined ? why : `${why} (${returnedWhy})`,
  ])
  return table([['', 'origin', 'state', 'UTC', 'by', 'why'], ...rows], [])
}
