import type { HeardFrame, ListenResult } from '#contract/workbench-listen.ts'
import type { SerialSettings } from '#contract/workbench-scan.ts'
import type { ListenFrame, ListenSnapshot } from '../../commissioning/listen/types.ts'

/** Frames that are shown; the pcapng has more. */
const shownFrames = 80

/** What was heard, as it is shown and kept. */
export function heard(snapshot: ListenSnapshot, settings: SerialSettings | null): ListenResult {
  const { recentFrames, units, map, frames, source, live, startedAtMs, durationMs, bytes, sentBytes, quietMs } =
    snapshot
  const { summary, pairs, mapLeftOut, foreignConnections, end } = snapshot
  return {
    kind: 'listen',
    source,
    live,
    settings,
    startedAtMs,
    durationMs,
    bytes,
    sentBytes,
    quietMs,
    summary,
    frames: { ...frames },
    pairs,
    mapLeftOut,
    foreignConnections,
    ...(end && { end }),
    units: units.map(({ candidates, exceptions, ...unit }) => ({
      ...unit,
      exceptions: { ...exceptions },
      candidates: candidates.map(({ evidence, ...candidate }) => ({ ...candidate, evidence: [...evidence] })),
    })),
    map: map.map(({ exceptions, last, writes, proposed, ...block }) => ({
      ...block,
      exceptions: { ...exceptions },
      last: [...last],
      writes: writes.map(({ values, ...write }) => ({ ...write, values: [...values] })),
      proposed: proposed.map(({ value, ...point }) => ({
        ...point,
        ...(value !== undefined && { value: typeof value === 'object' ? [...value] : value }),
      })),
    })),
    recentFrames: recentFrames.slice(-shownFrames).map(frameOf),
    capture: recentFrames.length > 0,
  }
}

function frameOf({ roleBy: _roleBy, transaction: _transaction, values, ...frame }: ListenFrame): HeardFrame {
  return { ...frame, ...(values && { values: [...values] }) }
}
