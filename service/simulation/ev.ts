import { hashUnit } from '../drivers/simulated/noise.ts'
import type { Session } from './series.ts'

const dayMs = 86_400_000
const channel = { comes: 201, arrival: 202, stay: 203, energy: 204, phases: 205, current: 206 }

/** A stay at each charger on four of five days: from late afternoon to the next morning, 8 to 50 kWh, some on one phase. */
export function seededSessions(seed: number, chargers: readonly string[], fromMs: number, toMs: number): Session[] {
  const firstDay = Math.floor(fromMs / dayMs) - 1
  const lastDay = Math.ceil(toMs / dayMs)
  return chargers.flatMap((charger, index) =>
    Array.from({ length: lastDay - firstDay }, (_, at) => firstDay + at).flatMap((day): Session[] => {
      const unit = (what: number): number => hashUnit(seed + index * 7919, what, day)
      if (unit(channel.comes) > 0.8) return []
      const arrivalMs = day * dayMs + (15.5 + 5 * unit(channel.arrival)) * 3_600_000
      return [
        {
          charger,
          fromMs: arrivalMs,
          toMs: arrivalMs + (9 + 5 * unit(channel.stay)) * 3_600_000,
          wantedWh: 8000 + 42_000 * unit(channel.energy) ** 2,
          phases: unit(channel.phases) < 0.3 ? 1 : 3,
          maxCurrentA: unit(channel.current) < 0.5 ? 16 : 32,
        },
      ]
    }),
  )
}

/** Sessions by charger, in order; those that find no free charger are turned away. */
export function assignSessions(
  sessions: readonly Session[],
  chargers: readonly string[],
): { readonly byCharger: ReadonlyMap<string, readonly Session[]>; readonly turnedAway: number } {
  const byCharger = new Map<string, Session[]>(chargers.map((id) => [id, []]))
  let turnedAway = 0
  for (const session of sessions.toSorted((a, b) => a.fromMs - b.fromMs)) {
    const free = (id: string): boolean =>
      (byCharger.get(id)?.at(-1)?.toMs ?? Number.NEGATIVE_INFINITY) <= session.fromMs
    const charger = session.charger ?? chargers.find(free)
    const stays = charger === undefined ? undefined : byCharger.get(charger)
    if (stays && charger !== undefined && free(charger)) stays.push(session)
    else turnedAway += 1
  }
  return { byCharger, turnedAway }
}
