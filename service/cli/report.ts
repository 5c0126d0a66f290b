import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type HandoverReport, handoverReport } from '#contract/handover.ts'
import { parseCommandLine, UsageError } from '../args.ts'
import { documentOf } from '../handover/document.ts'
import { toHtml } from '../handover/html.ts'
import { toPdf } from '../handover/pdf.ts'
import { canonicalReport, sha256, verifyReport } from '../handover/sign.ts'
import { replaceFile } from '../runtime/workbench/text-files.ts'
import { openService, targetFlags } from './edge-target.ts'
import { clean } from './table.ts'
import { type Command, CommandFailure, exitCode, type Terminal } from './terminal.ts'

const usage = `usage: r-emsctl report [--out DIR] [--format pdf|html|json] [--json] [--url URL] [--data-dir DIR]
       r-emsctl report verify FILE [--key ID] [--json]

Saves the handover report as it stands now, unsigned, as handover-draft.pdf, .html or .json.
verify   checks the JSON file of a signed report, without a service and without a network: whether it is to the last byte
         what was signed, and with which key. Whose key that is, a person compares, or names it with --key.
  --out DIR        folder for the file, made if there is none (default: this one)
  --format KIND    pdf, html or json (default pdf)
  --key ID         the key that it has to be signed with, at least its first 16 digits
  --json           prints what was done or found as JSON
  --url URL        address of the service (default: R_EMS_API_PORT or 8080 on this machine)
  --data-dir DIR   data folder of this edge, for its token (R_EMS_DATA_DIR; default /var/lib/r-ems)
Exit code: 0 done or as it was signed, 1 the file cannot be read or written, 3 no answer, 5 refused or not as it was signed.
`

const formats = ['pdf', 'html', 'json'] as const
type Format = (typeof formats)[number]
const mostBytes = 64 * 1024 * 1024

export const report: Command = {
  summary: 'the handover report: save it as it stands, verify a signed one',
  usage,
  async run(args, terminal) {
    const { values, positionals } = parseCommandLine({
      args,
      options: {
        ...targetFlags,
        out: { type: 'string' },
        format: { type: 'string' },
        key: { type: 'string' },
        json: { type: 'boolean' },
      },
      strict: true,
      allowPositionals: true,
    })
    const [action, file, ...more] = positionals
    if (action === 'verify' && file !== undefined && more.length === 0) return verifyFile(file, values, terminal)
    if (action !== undefined) throw new UsageError('say nothing more, or verify FILE')
    const format = formats.find((one) => one === (values.format ?? 'pdf'))
    if (!format) throw new UsageError(`--format: "${values.format ?? ''}" is not pdf, html or json`)
    const ask = await openService(values, terminal.environment)
    const path = await save(await ask('GET', '/api/v1/handover', handoverReport), format, values.out ?? '.')
    terminal.out(values.json ? `${JSON.stringify({ file: path })}\n` : `${path}: a draft, nobody has signed it\n`)
    return exitCode.done
  },
}

async function save(current: HandoverReport, format: Format, out: string): Promise<string> {
  const path = resolve(out, `handover-draft.${format}`)
  const text = canonicalReport(current)
  const document = documentOf(current, sha256(text))
  const content = format === 'json' ? `${text}\n` : format === 'html' ? toHtml(document) : await toPdf(document)
  try {
    await replaceFile(path, content)
  } catch (error) {
    throw new CommandFailure(exitCode.failed, `${path} cannot be written`, { cause: error })
  }
  return path
}

async function verifyFile(
  file: string,
  { key, json }: { readonly key?: string | undefined; readonly json?: boolean | undefined },
  { out }: Pick<Terminal, 'out'>,
): Promise<number> {
  if (key !== undefined && !/^[0-9a-f]{16,64}$/i.test(key))
    throw new UsageError('--key has 16 to 64 hexadecimal digits')
  const verdict = verifyReport(await readText(file))
  const fits = !verdict.ok || key === undefined || verdict.keyId.startsWith(key.toLowerCase())
  if (!verdict.ok || !fits) {
    const reason = verdict.ok ? `it was signed with another key, ${verdict.keyId}` : verdict.reason
    out(json ? `${JSON.stringify({ signed: false, reason })}\n` : `${clean(file)}: not valid: ${reason}\n`)
    return exitCode.refused
  }
  const { keyId, report: found } = verdict
  const { site, edge, createdAtMs, signatures } = found
  const createdAt = new Date(createdAtMs).toISOString()
  if (json) {
    out(`${JSON.stringify({ signed: true, keyId, site: site.name, edgeId: edge.id, createdAt, signatures })}\n`)
    return exitCode.done
  }
  const rows = [
    ['as it was signed', file],
    ['key', keyId],
    ['site', site.name],
    ['edge', edge.id],
    ['created', createdAt],
    ...signatures.map(({ name, role }) => ['signed by', `${name}, ${role}`]),
  ]
  out(rows.map(([name = '', text = '']) => `${name.padEnd(18)} ${clean(text)}\n`).join(''))
  return exitCode.done
}

async function readText(file: string): Promise<string> {
  try {
    if ((await stat(file)).size > mostBytes)
      throw new CommandFailure(exitCode.refused, `${file} is larger than any report`)
    return await readFile(file, 'utf8')
  } catch (error) {
    if (error instanceof CommandFailure) throw error
    throw new CommandFailure(exitCode.failed, `${file} cannot be read (${codeOf(error)})`, { cause: error })
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : String(error)
