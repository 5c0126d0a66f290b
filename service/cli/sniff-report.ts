import type { ListenFrame, ListenSnapshot, MapEntry } from '../commissioning/listen/types.ts'
import { clean, plural, shownNumber, table } from './table.ts'

/** Names of a block that a person is shown. */
const mostNames = 4
const mostValues = 6
const mostEvidence = 3

/** One frame in one line. */
export function frameLine(frame: ListenFrame): string {
  const { atMs, role, unitId, fc, exception, address, count, values, hex, note, answers } = frame
  const time = new Date(atMs).toISOString().slice(11, 23)
  if (role === 'rejected') return `${time}  rejected  ${hex.length / 2} bytes: ${note}\n`
  const place = address === undefined ? '' : ` ${address}${count === undefined || count === 1 ? '' : ` (${count})`}`
  const data = values === undefined ? '' : ` = ${someValues(values)}`
  const code = exception === undefined ? '' : ` exception ${exception}`
  const unpaired =
    (role === 'answer' || role === 'exception') && answers === undefined ? ', its request was not heard' : ''
  return `${time}  ${role.padEnd(9)} unit ${unitId} fc ${fc}${place}${code}${data}${unpaired}\n`
}

function someValues(values: readonly number[]): string {
  const shown = values.slice(0, mostValues).join(' ')
  return values.length > mostValues ? `${shown} … (${values.length})` : shown
}

/** What listening has brought, for a person. */
export function describeSniff(snapshot: ListenSnapshot): string {
  const { frames, mapLeftOut, units, map } = snapshot
  const parts = [`${clean(snapshot.summary)}\n`]
  if (units.length > 0) parts.push(describeUnits(snapshot))
  if (map.length > 0) parts.push(table([mapHead, ...map.map(mapRow)], [2, 3, 4, 5, 6, 7]))
  if (mapLeftOut > 0) parts.push(`${plural(mapLeftOut, 'more block')} left out\n`)
  const rest: string[] = []
  if (frames.unknown > 0) rest.push(`${plural(frames.unknown, 'frame')} could be request or answer`)
  if (frames.rejected > 0) rest.push(`${plural(frames.rejectedBytes, 'byte')} were no frame`)
  rest.push('0 bytes sent')
  parts.push(`${rest.join(', ')}\n`)
  return parts.join('\n')
}

function describeUnits({ units }: ListenSnapshot): string {
  const head = ['unit', 'asked', 'answered', 'exceptions', 'no answer', 'damaged', 'answers in ms', 'may be']
  const rows = units.map(
    ({ server, unitId, asked, answered, exceptions, unanswered, crcErrors, turnaroundMs, candidates }) => [
      server ? `${unitId} at ${server.host}:${server.port}` : String(unitId),
      String(asked),
      String(answered),
      Object.entries(exceptions)
        .map(([code, times]) => `${times} x ${code}`)
        .join(', '),
      String(unanswered),
      String(crcErrors),
      turnaroundMs ? shownNumber(Math.round(turnaroundMs.median * 10) / 10) : '',
      candidates[0] ? `${candidates[0].map} ${Math.round(candidates[0].confidence * 100)} %` : '',
    ],
  )
  const why = units.flatMap(({ unitId, candidates: [best] }) =>
    best
      ? [
          `unit ${unitId} may be ${best.map}:\n${best.evidence
            .slice(0, mostEvidence)
            .map((line) => `  - ${clean(line)}\n`)
            .join('')}`,
        ]
      : [],
  )
  return `${table([head, ...rows], [1, 2, 4, 5, 6])}${why.length > 0 ? '\n' : ''}${why.join('')}`
}

const mapHead = ['unit', '', 'fc', 'address', 'count', 'times', 'every ms', 'changes', 'last', 'perhaps']

function mapRow(entry: MapEntry): string[] {
  const { server, unitId, access, fc, address, count, asked, answered, periodMs, jitterMs, changes, last, proposed } =
    entry
  const names = proposed.slice(0, mostNames).map(({ name }) => name)
  return [
    server ? `${unitId} at ${server.host}` : String(unitId),
    access,
    String(fc),
    String(address),
    String(count),
    String(Math.max(asked, answered)),
    periodMs === undefined ? '' : jitterMs ? `${periodMs} ± ${jitterMs}` : String(periodMs),
    String(changes),
    someValues(last),
    proposed.length > mostNames ? `${names.join(', ')} and ${proposed.length - mostNames} more` : names.join(', '),
  ]
}
