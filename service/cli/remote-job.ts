import { problem } from '#contract/api.ts'
import { type Job, job, type JobProgress, type JobRequest, jobSummary } from '#contract/workbench.ts'
import { systemClock } from '../runtime/system-clock.ts'
import type { Holder } from './holder.ts'
import { CommandFailure, exitCode } from './terminal.ts'

const lookEveryMs = 500
const answerWithinMs = 10_000

/**
 * Has the service that holds a bus do the work on it, in its workbench. The signal stops the job; what was found until then
 * is returned. Throws a refusal when the service does not do it.
 */
export async function runRemoteJob(
  holder: Holder,
  request: JobRequest,
  { signal, onProgress }: { readonly signal: AbortSignal; onProgress(progress: JobProgress): void },
): Promise<Job> {
  const { id } = jobSummary.parse(await call(holder, 'POST', '/api/v1/workbench/jobs', request))
  const path = `/api/v1/workbench/jobs/${encodeURIComponent(id)}`
  let stopped = false
  for (;;) {
    const now = job.parse(await call(holder, 'GET', path))
    if (now.state !== 'running') return now
    onProgress(now.progress)
    await systemClock.sleep(lookEveryMs, stopped ? undefined : signal).catch(() => undefined)
    if (!signal.aborted || stopped) continue
    stopped = true
    await call(holder, 'POST', `${path}/stop`)
  }
}

async function call({ url, token }: Holder, method: 'GET' | 'POST', path: string, body?: JobRequest): Promise<unknown> {
  let response: Response
  try {
    response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
      redirect: 'error',
      signal: AbortSignal.timeout(answerWithinMs),
    })
  } catch (error) {
    throw new CommandFailure(exitCode.noAnswer, `the service at ${url} does not answer any more`, { cause: error })
  }
  const answer: unknown = await response.json().catch(() => undefined)
  if (response.ok) return answer
  const why = problem.safeParse(answer).data?.detail ?? `it answers ${response.status}`
  throw new CommandFailure(exitCode.refused, `the service at ${url} holds this bus: ${why}`)
}
