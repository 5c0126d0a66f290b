import type { CheckRun } from '#contract/checks.ts'
import type { HandoverReport } from '#contract/handover.ts'
import { type Block, type Cell, cell } from './blocks.ts'
import { fill } from './texts.ts'
import { drawTrace } from './trace-drawing.ts'
import type { Wording } from './wording.ts'

/** Drawings in one report; the others are in its JSON. */
const mostDrawings = 60

/** Every check with each of its numbers; one that nobody has run prints as such. */
export function checkBlocks({ runs, notExecuted }: HandoverReport, wording: Wording): Block[] {
  const { t } = wording
  const drawings = runs.flatMap((run): Block[] => {
    const svg = drawTrace(run.trace)
    return svg === undefined ? [] : [{ kind: 'drawing', svg, label: fill(t.plot, { title: wording.check(run) }) }]
  })
  return [
    { kind: 'heading', level: 1, text: t.checks },
    runs.length + notExecuted.length === 0
      ? { kind: 'text', text: t.notExecuted, tone: 'warn' }
      : {
          kind: 'table',
          columns: [
            { title: t.check, width: 0.36 },
            { title: t.expected, align: 'right' },
            { title: t.measured, align: 'right' },
            { title: t.tolerance, align: 'right' },
            { title: t.verdict, width: 0.2 },
          ],
          rows: [
            ...runs.flatMap((run) => runRows(run, wording)),
            ...notExecuted.map((one) => [
              cell(wording.check(one)),
              cell(undefined),
              cell(undefined),
              cell(undefined),
              cell([t.notExecuted, wording.reason(one.reason)].filter(Boolean).join(': '), 'warn'),
            ]),
          ],
        },
    ...drawings.slice(0, mostDrawings),
  ]
}

function runRows(run: CheckRun, wording: Wording): Cell[][] {
  const { t, number, time, verdict, expected, tolerance } = wording
  const { accepted } = run
  const outcome = verdict(run.verdict)
  const why =
    accepted !== undefined
      ? fill(t.acceptedBy, { by: accepted.by, at: time(accepted.atMs), reason: accepted.reason })
      : run.verdict === 'passed'
        ? `${time(run.endedAtMs ?? run.startedAtMs)}, ${run.by}`
        : wording.reason(run.reason)
  return [
    [
      { text: wording.check(run), bold: true },
      { text: '' },
      { text: '' },
      { text: '' },
      { ...outcome, text: why === '' ? outcome.text : `${outcome.text} (${why})` },
    ],
    ...run.measures.map((measure): Cell[] => [
      { text: `\u2003${wording.measure(measure.key)}`, tone: 'quiet' },
      cell(measure.rule === 'info' ? undefined : expected(measure)),
      cell(number(measure.measured, measure.unit), measure.state === 'failed' ? 'bad' : undefined),
      cell(measure.rule === 'info' ? undefined : tolerance(measure)),
      { text: '' },
    ]),
  ]
}

/** What each device does without R-EMS, and whether somebody has seen it do so. */
export function failsafeBlocks({ failsafe }: HandoverReport, { t, number, time }: Wording): Block[] {
  return [
    { kind: 'heading', level: 1, text: t.failsafe },
    failsafe.length === 0
      ? { kind: 'text', text: t.none }
      : {
          kind: 'table',
          columns: [
            { title: t.device, width: 0.18 },
            { title: t.command, width: 0.14 },
            { title: t.behaviour },
            { title: t.verdict, width: 0.26 },
          ],
          rows: failsafe.map(({ deviceName, title, text, proof, unit }) => [
            cell(deviceName),
            cell(title),
            cell(text),
            proof.state === 'proven'
              ? cell(
                  fill(t.proven, {
                    at: time(proof.atMs),
                    by: proof.by,
                    value: number(proof.value, unit),
                    after: number(proof.afterS),
                  }),
                  'good',
                )
              : cell(t.notProven, 'warn'),
          ]),
        },
  ]
}

/** Everything that was written by a person or a check. */
export function writeBlocks({ writes, writesLeftOut }: HandoverReport, { t, number, time, word }: Wording): Block[] {
  return [
    { kind: 'heading', level: 1, text: t.writes },
    writes.length === 0
      ? { kind: 'text', text: t.none }
      : {
          kind: 'table',
          columns: [
            { title: t.at, width: 0.2 },
            { title: t.who, width: 0.2 },
            { title: t.device },
            { title: t.command },
            { title: t.value, align: 'right' },
            { title: t.outcome },
          ],
          rows: writes.map((write) => [
            cell(time(write.atMs)),
            cell(write.principal),
            cell(write.deviceId),
            cell(write.command),
            cell(number(write.value)),
            cell(
              write.outcome && word(write.outcome),
              write.outcome === 'confirmed' || write.outcome === 'sent' ? undefined : 'quiet',
            ),
          ]),
        },
    ...(writesLeftOut === 0
      ? []
      : [{ kind: 'text', text: fill(t.leftOut, { n: writesLeftOut }), tone: 'quiet' } as const]),
  ]
}
