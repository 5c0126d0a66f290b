import { explanation, type Explanation } from '#contract/control.ts'
import { parseCommandLine, UsageError } from '../args.ts'
import { openService, targetFlags } from './edge-target.ts'
import { clean, shownNumber } from './table.ts'
import { type Command, exitCode } from './terminal.ts'

const usage = `usage: r-emsctl explain --device ID [--at ISO] [--json] [--url URL] [--data-dir DIR]

Why a device is told what it is told, in one sentence and then in full: the rule that decided first.
  --device ID      of the site
  --at ISO         some time in the last week, such as 2026-06-01T12:00:00Z (default: now)
  --url URL        address of the service (default: R_EMS_API_PORT or 8080 on this machine)
  --data-dir DIR   data folder of this edge, for its token (R_EMS_DATA_DIR; default /var/lib/r-ems)
Exit code: 0 done, 3 no answer, 5 refused.
`

export const explain: Command = {
  summary: 'why a device was told what it was told',
  usage,
  async run(args, terminal) {
    const { values } = parseCommandLine({
      args,
      options: {
        ...targetFlags,
        device: { type: 'string' },
        at: { type: 'string' },
        json: { type: 'boolean' },
      },
      strict: true,
    })
    if (values.device === undefined) throw new UsageError('--device is missing')
    const query = new URLSearchParams({ device: values.device, ...(values.at !== undefined && { at: values.at }) })
    const ask = await openService(values, terminal.environment)
    const found = await ask('GET', `/api/v1/explain?${query.toString()}`, explanation)
    terminal.out(values.json ? `${JSON.stringify(found)}\n` : describe(found))
    return exitCode.done
  },
}

/** The one sentence first, then everything that had a say. */
export function describe({ device, atMs, setpoints, leftAlone }: Explanation): string {
  const time = (ms: number): string => new Date(ms).toISOString().replace('.000Z', 'Z')
  const lines: string[] = []
  for (const { command, unit, value, outcome, outcomeReason, sinceMs, reasons } of setpoints) {
    const [first, ...more] = reasons
    const shown = `${shownNumber(value)}${unit === '' ? '' : ` ${unit}`}`
    lines.push(`${device} ${command} ${shown}: ${first?.text ?? 'no reason was kept'}.`)
    lines.push(`  since    ${time(sinceMs)}`)
    lines.push(`  outcome  ${outcome}${outcomeReason === undefined ? '' : `: ${outcomeReason}`}`)
    for (const [index, { tier, rule, text }] of [...(first ? [first] : []), ...more].entries())
      lines.push(`  ${index + 1}. ${tier}, ${rule}: ${text}`)
  }
  if (leftAlone) lines.push(`${device} is not controlled: ${leftAlone.text} (since ${time(leftAlone.sinceMs)}).`)
  if (lines.length === 0) lines.push(`Nothing was decided for ${device} at ${time(atMs)}.`)
  return `${lines.map(clean).join('\n')}\n`
}
