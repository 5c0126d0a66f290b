import { armedState } from '#contract/control.ts'
import {
  type Check,
  type CheckMeasure,
  type CheckRun,
  checkRun,
  type Checks,
  checks as checksSchema,
} from '#contract/checks.ts'
import { z } from 'zod'
import { parseCommandLine, UsageError } from '../args.ts'
import { systemClock } from '../runtime/system-clock.ts'
import type { Ask } from './ask-service.ts'
import { openService, targetFlags } from './edge-target.ts'
import { parseReal, parseWhole } from './options.ts'
import { clean, table } from './table.ts'
import { type Command, CommandFailure, exitCode, type Terminal } from './terminal.ts'

const usage = `usage: r-emsctl check [list] [--json]
       r-emsctl check run CHECK [--armed] [--for SECONDS] [--value V] [--yes] [--json]
       r-emsctl check show RUN|CHECK [--json]
       r-emsctl check abort [RUN] [--json]
       r-emsctl check accept CHECK --reason TEXT [--json]

Guided tests of the installation, one at a time. run says what is written to whom and the worst case for every limit before it
starts; what it changed is put back and read back in every case. Ctrl C aborts.
  --armed          arms you for as long as it takes: needed by checks that write
  --for SECONDS    how long read-only checks look, in place of their default
  --value V        the value to test, in the unit of the command
  --yes            do not ask
  --url URL        address of the service (default: R_EMS_API_PORT or 8080 on this machine)
  --data-dir DIR   data folder of this edge, for its token (R_EMS_DATA_DIR; default /var/lib/r-ems)
Exit code: 0 passed, 1 failed or interrupted, 3 no answer, 5 refused.
`

/** How often the service hears that somebody still watches, and is asked for news. */
const newsMs = 500

interface Values {
  readonly armed?: boolean | undefined
  readonly for?: string | undefined
  readonly value?: string | undefined
  readonly reason?: string | undefined
  readonly yes?: boolean | undefined
  readonly json?: boolean | undefined
}

export const check: Command = {
  summary: 'guided tests of the installation',
  usage,
  async run(args, terminal) {
    const { values, positionals } = parseCommandLine({
      // A negative value is no option.
      args: args.map((arg) => (/^-[\d.]+$/.test(arg) ? ` ${arg}` : arg)),
      options: {
        ...targetFlags,
        armed: { type: 'boolean' },
        for: { type: 'string' },
        value: { type: 'string' },
        reason: { type: 'string' },
        yes: { type: 'boolean' },
        json: { type: 'boolean' },
      },
      strict: true,
      allowPositionals: true,
    })
    const ask = await openService(values, terminal.environment)
    const [action = 'list', subject, ...rest] = positionals
    if (rest.length > 0) throw new UsageError(`"${rest.join(' ')}" is too much`)
    const say = (data: unknown, text: string): void => terminal.out(values.json ? `${JSON.stringify(data)}\n` : text)
    if (action === 'list' && subject === undefined) {
      const found = await ask('GET', '/api/v1/checks', checksSchema)
      say(found, listText(found))
      return exitCode.done
    }
    if (action === 'abort') {
      const runId = subject ?? (await ask('GET', '/api/v1/checks', checksSchema)).running
      if (runId === undefined) throw new CommandFailure(exitCode.failed, 'no check runs')
      const run = await ask('POST', `/api/v1/checks/runs/${encodeURIComponent(runId)}/abort`, checkRun, {})
      say(run, runText(run))
      return exitCode.done
    }
    if (subject === undefined) throw new UsageError(`${action} needs the name of a check or run`)
    if (action === 'show') {
      const run = await ask('GET', `/api/v1/checks/runs/${encodeURIComponent(await runIdOf(ask, subject))}`, checkRun)
      say(run, runText(run))
      return exitCode.done
    }
    if (action === 'accept') {
      if (values.reason === undefined) throw new UsageError('--reason is missing')
      const path = `/api/v1/checks/${encodeURIComponent(subject)}/acceptance`
      const run = await ask('POST', path, checkRun, { reason: values.reason })
      say(run, runText(run))
      return exitCode.done
    }
    if (action !== 'run') throw new UsageError(`"${action}" is not understood`)
    const run = await runOne(ask, subject, values, terminal)
    say(run, runText(run))
    return run.verdict === 'passed' ? exitCode.done : exitCode.failed
  },
}

async function runIdOf(ask: Ask, subject: string): Promise<string> {
  if (/^\d{8}-/.test(subject)) return subject
  const { newest } = await findCheck(ask, subject)
  if (!newest) throw new CommandFailure(exitCode.failed, `${subject} was not executed`)
  return newest.runId
}

async function findCheck(ask: Ask, id: string): Promise<Check> {
  const { checks } = await ask('GET', '/api/v1/checks', checksSchema)
  const found = checks.find((one) => one.id === id)
  if (!found) throw new UsageError(`this site has no check "${id}"; see r-emsctl check list`)
  return found
}

async function runOne(ask: Ask, id: string, values: Values, terminal: Terminal): Promise<CheckRun> {
  const wanted = await findCheck(ask, id)
  const durationS = values.for === undefined ? undefined : parseWhole(values.for, '--for', 5, 3_600)
  const value = values.value === undefined ? undefined : parseReal(values.value.trim(), '--value')
  if (wanted.state === 'blocked') throw new CommandFailure(exitCode.refused, clean(wanted.reason.text))
  if (wanted.writes && !values.armed)
    throw new CommandFailure(exitCode.refused, 'this check writes: give --armed when you answer for that')
  if (!values.json) terminal.err(beforeText(wanted))
  if (wanted.writes && !values.yes) {
    if (!terminal.interactive)
      throw new CommandFailure(exitCode.refused, 'nobody can be asked here; --yes starts without asking')
    if (!/^y(es)?$/i.test((await terminal.ask('Start it? [y/N] ')).trim()))
      throw new CommandFailure(exitCode.refused, 'not confirmed, nothing was written')
  }
  if (wanted.writes) {
    const minutes = Math.min(30, Math.ceil(wanted.durationS / 60) + 2)
    await ask('POST', '/api/v1/armed', armedState, { minutes, reason: `check ${id}` })
  }
  try {
    const body = { checkId: id, ...(durationS !== undefined && { durationS }), ...(value !== undefined && { value }) }
    const { id: runId } = await ask('POST', '/api/v1/checks/runs', checkRun, body)
    return await follow(ask, runId, terminal)
  } finally {
    if (wanted.writes) await ask('DELETE', '/api/v1/armed', armedState)
  }
}

/** Until it has ended; Ctrl C aborts it, and what was found before is back when this resolves. */
async function follow(ask: Ask, runId: string, { signal }: Terminal): Promise<CheckRun> {
  const path = `/api/v1/checks/runs/${runId}`
  for (;;) {
    const run = await ask('GET', path, checkRun)
    if (run.state === 'ended') return run
    if (signal.aborted) return ask('POST', `${path}/abort`, checkRun, {})
    // It may have ended in between.
    if (run.state === 'running') await ask('PUT', path, z.null()).catch(() => undefined)
    await systemClock.sleep(newsMs, signal).catch(() => undefined)
  }
}

const bounds: Readonly<Record<CheckMeasure['rule'], string>> = {
  'at-most': 'at most ',
  'at-least': 'at least ',
  within: '',
  exact: '',
  info: '',
}

function expectedText({ rule, expected, tolerance, unit }: CheckMeasure): string {
  if (expected === undefined) return ''
  return `${bounds[rule]}${expected}${tolerance ? ` ± ${tolerance}` : ''} ${unit}`.trimEnd()
}

const measuredText = ({ measured, unit }: CheckMeasure): string =>
  measured === undefined ? '' : `${measured} ${unit}`.trimEnd()

function listText({ checks, counts }: Checks): string {
  const rows = checks.map(({ id, newest, state, reason }) => [
    id,
    newest?.headline ? expectedText(newest.headline) : '',
    newest?.headline ? measuredText(newest.headline) : '',
    newest
      ? `${newest.verdict}${newest.outdated ? ', outdated' : ''}`
      : state === 'blocked'
        ? clean(reason.text)
        : 'not executed',
  ])
  const sum = `${counts.passed} of ${counts.total} passed, ${counts.failed} failed, ${counts.accepted} accepted, ${counts.open} to do`
  return `${table([['Check', 'Expected', 'Measured', 'Verdict'], ...rows])}${sum}\n`
}

function beforeText({ title, planned, headroom, durationS }: Check): string {
  const limits = headroom.map(
    (row) => `  worst case ${row.title}: ${Math.round(row.worst)} of ${row.limit} ${row.unit}`,
  )
  const lines = [`${title}, about ${Math.round(durationS)} s`, ...planned.map(({ text }) => `  ${text}`), ...limits]
  return `${lines.map(clean).join('\n')}\n`
}

function runText(run: CheckRun): string {
  const { title, id, verdict = run.state, reason, measures, restored, accepted } = run
  const rows = measures.map((measure) => [
    `  ${measure.key}`,
    expectedText(measure),
    measuredText(measure),
    measure.state,
  ])
  const lines = [
    `${clean(title)} (${id}): ${verdict}${reason.text === '' ? '' : `: ${clean(reason.text)}`}`,
    ...(accepted ? [`  accepted by ${clean(accepted.by)}: ${clean(accepted.reason)}`] : []),
    ...restored.map(({ deviceId, text }) => `  ${deviceId}: ${clean(text)}`),
  ]
  return `${lines.join('\n')}\n${rows.length > 0 ? table([['  Measured', 'Expected', 'Measured', 'Verdict'], ...rows]) : ''}`
}
