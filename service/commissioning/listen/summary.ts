import type { FrameCounts, ListenSnapshot, UnitStatistics } from './types.ts'

type Heard = Pick<ListenSnapshot, 'bytes' | 'durationMs' | 'quietMs' | 'pairs' | 'foreignConnections'> & {
  readonly frames: FrameCounts
  readonly units: readonly Pick<UnitStatistics, 'unitId' | 'asked'>[]
}

/** From here on a pause is worth a word. */
const longQuietMs = 5000

/** What was heard, in one sentence. Silence is no proof that nobody ever speaks. */
export function summaryOf({ bytes, durationMs, quietMs, pairs, frames, units, foreignConnections }: Heard): string {
  if (bytes === 0) return `nothing heard for ${seconds(Math.max(durationMs, quietMs))}`
  const valid = frames.requests + frames.answers + frames.exceptions + frames.unknown
  const foreign = foreignConnections > 0 ? `${plural(foreignConnections, 'connection')} of something else` : ''
  if (valid === 0 && foreign !== '') return `no Modbus heard: ${foreign}`
  if (valid === 0)
    return `${bytes} bytes heard in ${seconds(durationMs)}, but no valid frame: other settings, another protocol or noise`
  const damaged = frames.crcErrors > 0 ? `, ${plural(frames.crcErrors, 'damaged frame')}` : ''
  const quiet = quietMs >= longQuietMs ? `; nothing heard for ${seconds(quietMs)} now` : ''
  const asked = units.filter((unit) => unit.asked > 0).length
  const who = asked > 0 ? `a client asks ${plural(asked, 'unit')}` : `${plural(units.length, 'unit')} heard`
  const counted =
    frames.requests > 0
      ? `${plural(frames.requests, 'request')}, ${pairs} of them answered`
      : plural(frames.answers + frames.exceptions, 'answer')
  const during = durationMs > 0 ? ` in ${seconds(durationMs)}` : ''
  return `${who}: ${counted}${during}${damaged}${foreign === '' ? '' : `, beside ${foreign}`}${quiet}`
}

const seconds = (ms: number): string => `${ms < 10_000 ? Number((ms / 1000).toFixed(1)) : Math.round(ms / 1000)} s`

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`
