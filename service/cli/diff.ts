import { readFile } from 'node:fs/promises'
import { type RegisterDiff, type RegisterSnapshot, registerSnapshot } from '#contract/workbench-registers.ts'
import { parseCommandLine, UsageError } from '../args.ts'
import { diffSnapshots } from '../commissioning/values/diff.ts'
import { diffTable } from '../commissioning/values/register-tables.ts'
import { plural, table } from './table.ts'
import { type Command, exitCode } from './terminal.ts'

const usage = `usage: r-emsctl diff BEFORE AFTER [--baseline FILE] [--csv] [--json]

What changed between two snapshots of a unit (r-emsctl snapshot --out FILE, or files of the site folder).
Registers that moved before are masked and counted: while BEFORE was read several times, while the baseline was, and from
the baseline to BEFORE.
  --baseline FILE  a snapshot that was taken before BEFORE, best with several readings
  --csv            rows for a spreadsheet
Exit code: 0 done, whether something changed or not.
`

export const diff: Command = {
  summary: 'what changed between two snapshots',
  usage,
  async run(args, terminal) {
    const { values, positionals } = parseCommandLine({
      args,
      options: { baseline: { type: 'string' }, csv: { type: 'boolean' }, json: { type: 'boolean' } },
      allowPositionals: true,
      strict: true,
    })
    const [first, second, more] = positionals
    if (first === undefined || second === undefined || more !== undefined)
      throw new UsageError('two snapshots are needed: BEFORE and AFTER')
    const before = await loadSnapshot(first)
    const after = await loadSnapshot(second)
    const baseline = values.baseline === undefined ? undefined : await loadSnapshot(values.baseline)
    for (const other of [after, ...(baseline ? [baseline] : [])])
      if (other.bus !== before.bus || other.unitId !== before.unitId)
        terminal.err(`r-emsctl diff: ${describePlace(before)} is compared with ${describePlace(other)}\n`)
    const result = diffSnapshots(before, after, baseline)
    terminal.out(values.json ? `${JSON.stringify(result)}\n` : values.csv ? diffTable(result) : describe(result))
    return exitCode.done
  },
}

const describePlace = ({ bus, unitId }: RegisterSnapshot): string => `unit ${unitId} on ${bus}`

export async function loadSnapshot(file: string): Promise<RegisterSnapshot> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new UsageError(`${file} cannot be read`, { cause: error })
  })
  const parsed = registerSnapshot.safeParse(jsonOf(text))
  if (!parsed.success) throw new UsageError(`${file} is not a snapshot`)
  return parsed.data
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const functions = { 1: 'coil', 2: 'discrete', 3: 'holding', 4: 'input' } as const
const hex = (word: number): string => `0x${word.toString(16).padStart(4, '0')}`

function describe({ changed, masked, compared, onlyBefore, onlyAfter }: RegisterDiff): string {
  const rows = changed.map(({ fn, address, before, after }) => {
    const change = ((after - before) << 16) >> 16
    return [
      functions[fn],
      String(address),
      hex(before),
      hex(after),
      String(before),
      String(after),
      `${change > 0 ? '+' : ''}${change}`,
    ]
  })
  const titles = ['', 'address', 'before', 'after', 'before', 'after', 'change']
  const noise = masked.length > 0 ? `, ${masked.length} masked: they moved before` : ''
  const alone = onlyBefore + onlyAfter > 0 ? `${onlyBefore} only in the first, ${onlyAfter} only in the second\n` : ''
  const list = rows.length > 0 ? table([titles, ...rows], [1, 4, 5, 6]) : ''
  return `${list}${plural(changed.length, 'register')} of ${compared} changed${noise}\n${alone}`
}
