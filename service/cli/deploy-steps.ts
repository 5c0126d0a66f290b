import type { Candidate } from '#contract/deployment.ts'
import type { DeploymentClient, Outcome } from '../deployment/client.ts'
import { describeCandidate, describeChecks } from './deploy-report.ts'
import { CommandFailure, exitCode, type Terminal } from './terminal.ts'

export interface DeploySteps {
  readonly confirmedRaises: string[]
  readonly waived: string[]
  readonly countdownS: number
  readonly despiteChecks: boolean
  readonly checkOnly: boolean
  readonly yes: boolean
  readonly json: boolean
}

/** Compare, check, commit, confirm: each step is printed as it ends. */
export async function deployCandidate(
  client: DeploymentClient,
  send: () => Promise<Candidate>,
  steps: DeploySteps,
  terminal: Terminal,
): Promise<number> {
  const { json, checkOnly } = steps
  const { out, signal } = terminal
  const startedMs = performance.now()
  const candidate = await send()
  if (!json) out(describeCandidate(candidate))
  const report = await client.check(() => undefined, signal)
  if (!json) out(describeChecks(report))
  const seconds = (): number => Math.round(performance.now() - startedMs) / 1000
  const end = async (code: number, result: object): Promise<number> => {
    if (json) out(`${JSON.stringify({ candidate, checks: report, seconds: seconds(), ...result })}\n`)
    return code
  }
  if (report.state === 'cancelled') return stop(client, end, exitCode.interrupted)
  const passed = report.state === 'passed'
  if (checkOnly || (!passed && !steps.despiteChecks)) return stop(client, end, passed ? exitCode.done : exitCode.failed)
  const missing = candidate.consents.filter(
    ({ kind, id }) => !(kind === 'raise' ? steps.confirmedRaises : steps.waived).includes(id),
  )
  if (missing.length > 0 || !(await agreed(steps, terminal))) {
    await client.letGo()
    throw new CommandFailure(
      exitCode.refused,
      missing.length > 0
        ? `not agreed to by name: ${missing.map(({ id }) => id).join(', ')}; nothing was changed`
        : 'nothing was changed',
    )
  }
  const { confirmedRaises, waived, countdownS, despiteChecks } = steps
  const trial = await client.commit({ candidateId: candidate.id, confirmedRaises, waived, countdownS, despiteChecks })
  if (!json) out(`generation ${trial.generation} starts on trial; it returns by itself in ${countdownS} s\n`)
  let shown = ''
  const outcome: Outcome = await client.follow(
    trial,
    ({ trial: now }) => {
      const waits = now?.gates.find(({ state }) => state !== 'green')?.text
      // The first gate is ours, and the seconds change with every look.
      const text = waits?.replaceAll(/\d+/g, '#') ?? ''
      if (!json && waits !== undefined && text !== shown) out(`  ${waits}\n`)
      shown = text
    },
    signal,
  )
  if (!json) out(`generation ${trial.generation} ${outcome.outcome} after ${seconds()} s: ${outcome.text}\n`)
  return end(outcome.outcome === 'confirmed' ? exitCode.done : exitCode.failed, { trial, outcome })
}

async function stop(
  client: DeploymentClient,
  end: (code: number, result: object) => Promise<number>,
  code: number,
): Promise<number> {
  await client.letGo()
  return end(code, {})
}

async function agreed({ yes, json }: DeploySteps, { interactive, ask }: Terminal): Promise<boolean> {
  if (yes) return true
  if (!interactive || json)
    throw new CommandFailure(exitCode.refused, 'nobody can be asked here; --yes goes on without')
  return /^y(es)?$/i.test((await ask('Run it on trial? [y/N] ')).trim())
}
