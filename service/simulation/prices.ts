import type { TariffPrice } from '#contract/economics.ts'
import type { Site } from '#contract/site.ts'
import type { Prices } from './ledger.ts'

const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const
const dayMinutes = 24 * 60

/** The prices of a site's tariff, in its time zone. */
export function pricesOf(site: Site): Prices {
  const { importPrice, exportPrice } = site.economics
  const fixed = typeof importPrice === 'number' && typeof exportPrice === 'number'
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: site.timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })
  return (atMs) => {
    if (fixed) return { importPrice, exportPrice }
    const parts = new Map(format.formatToParts(atMs).map(({ type, value }) => [type, value]))
    const day = days.findIndex((name) => name === parts.get('weekday')?.toLowerCase())
    const minute = Number(parts.get('hour')) * 60 + Number(parts.get('minute'))
    return { importPrice: priceAt(importPrice, day, minute), exportPrice: priceAt(exportPrice, day, minute) }
  }
}

function priceAt(tariff: TariffPrice, day: number, minute: number): number {
  if (typeof tariff === 'number') return tariff
  const yesterday = (day + 6) % 7
  const holds = (slot: (typeof tariff.slots)[number]): boolean => {
    const on = (weekday: number): boolean => slot.days === undefined || slot.days.includes(days[weekday] ?? 'sun')
    const from = minutesOf(slot.from)
    const to = minutesOf(slot.to)
    if (to > from) return on(day) && minute >= from && minute < to
    // Over midnight: begun today, or yesterday.
    return (on(day) && minute >= from) || (on(yesterday) && minute < to)
  }
  return tariff.slots.findLast(holds)?.price ?? tariff.base
}

const minutesOf = (clock: string): number => {
  const [hours = 0, minutes = 0] = clock.split(':').map(Number)
  return (hours * 60 + minutes) % dayMinutes
}
