import { parseCommandLine, UsageError } from '../args.ts'
import { csvLine } from '../domain/csv.ts'
import { openTarget, targetFlags, targetUsage } from './edge-target.ts'
import type { Command } from './terminal.ts'

const usage = `usage: r-emsctl audit verify [--json]
       r-emsctl audit export [--format jsonl|csv]

The journal of this edge: every write, every change, and everybody who came in or was refused, newest first.
verify reads it all and names the first entry that was changed, removed or moved; its exit code is then 1.
${targetUsage}`

const pageSize = 500

export const audit: Command = {
  summary: 'check or export the journal',
  usage,
  async run(args, { environment, out, err }) {
    const { values, positionals } = parseCommandLine({
      args,
      options: { ...targetFlags, format: { type: 'string' }, json: { type: 'boolean' } },
      strict: true,
      allowPositionals: true,
    })
    const [action, ...more] = positionals
    const format = values.format ?? 'jsonl'
    if ((action !== 'verify' && action !== 'export') || more.length > 0) throw new UsageError('say verify or export')
    if (format !== 'jsonl' && format !== 'csv') throw new UsageError(`--format is jsonl or csv, not "${format}"`)
    await using target = await openTarget(values, environment)
    if (action === 'verify') {
      const found = await target.verifyAudit()
      if (values.json) out(`${JSON.stringify(found)}\n`)
      else if (found.ok)
        out(`The journal is whole: ${found.entries} entries, the last one is ${found.headSeq} (${found.headHash}).\n`)
      else err(`The journal was changed (${found.problem}): ${found.message}. Keep a copy of the data folder.\n`)
      return found.ok ? 0 : 1
    }
    if (format === 'csv')
      out(
        csvLine([
          'seq',
          'time',
          'kind',
          'principal',
          'device',
          'command',
          'value',
          'outcome',
          'detail',
          'data',
          'hash',
        ]),
      )
    for (let before: number | undefined; ;) {
      const { entries } = await target.auditEntries({ limit: pageSize, ...(before !== undefined && { before }) })
      for (const entry of entries) {
        const { seq, atMs, kind, principal, deviceId, command, value, outcome, detail, data, hash } = entry
        const time = new Date(atMs).toISOString()
        out(
          format === 'jsonl'
            ? `${JSON.stringify(entry)}\n`
            : csvLine([
                seq,
                time,
                kind,
                principal,
                deviceId,
                command,
                value,
                outcome,
                detail,
                data && JSON.stringify(data),
                hash,
              ]),
        )
      }
      before = entries.at(-1)?.seq
      if (before === undefined || before <= 1 || entries.length < pageSize) return 0
    }
  },
}
