import type { Economics, TariffPrice, ValueCurves } from '#contract/economics.ts'

const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const
type Day = (typeof days)[number]

const formats = new Map<string, Intl.DateTimeFormat>()

/** Day and minute of the day where the site is. */
export function localTime(atMs: number, timeZone: string): { readonly day: Day; readonly minute: number } {
  const format =
    formats.get(timeZone) ??
    new Intl.DateTimeFormat('en-US', {
      timeZone,
      weekday: 'short',
      hour: 'numeric',
      minute: 'numeric',
      hourCycle: 'h23',
    })
  formats.set(timeZone, format)
  let day: Day = 'mon'
  let minute = 0
  for (const { type, value } of format.formatToParts(atMs)) {
    if (type === 'weekday') day = days.find((name) => name === value.toLowerCase()) ?? 'mon'
    if (type === 'hour') minute += Number(value) * 60
    if (type === 'minute') minute += Number(value)
  }
  return { day, minute }
}

const minuteOf = (clock: string): number => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3))

/** A price at a time of day; the last slot that covers it wins. A slot over midnight belongs to the day on which it starts. */
export function priceAt(price: TariffPrice, { day, minute }: { readonly day: Day; readonly minute: number }): number {
  if (typeof price === 'number') return price
  const yesterday = days[(days.indexOf(day) + 6) % 7]!
  const slot = price.slots.findLast(({ from, to, days: on }) => {
    const start = minuteOf(from)
    const end = minuteOf(to)
    const runs = (which: Day): boolean => !on || on.includes(which)
    if (end > start) return minute >= start && minute < end && runs(day)
    return (minute >= start && runs(day)) || (minute < end && runs(yesterday))
  })
  return slot?.price ?? price.base
}

export interface Prices {
  readonly importPrice: number
  readonly exportPrice: number
}

const lastPrices = new WeakMap<Economics, { minute: number; timeZone: string; prices: Prices }>()

/** The prices in force. Kept for the minute, because a calendar is slow to ask. */
export function pricesAt(economics: Economics, atMs: number, timeZone: string): Prices {
  const { importPrice, exportPrice } = economics
  if (typeof importPrice === 'number' && typeof exportPrice === 'number') return { importPrice, exportPrice }
  const minute = Math.floor(atMs / 60_000)
  const known = lastPrices.get(economics)
  if (known?.minute === minute && known.timeZone === timeZone) return known.prices
  const local = localTime(atMs, timeZone)
  const prices = { importPrice: priceAt(importPrice, local), exportPrice: priceAt(exportPrice, local) }
  lastPrices.set(economics, { minute, timeZone, prices })
  return prices
}

/** Worth of one more stored kWh now, from the plan; undefined when no slot covers this time. */
export function worthAt(
  plan: readonly ValueCurves[],
  deviceId: string,
  atMs: number,
  socPercent: number,
): number | undefined {
  const slot = plan
    .findLast(({ device }) => device === deviceId)
    ?.slots.find(({ fromMs, toMs }) => atMs >= fromMs && atMs < toMs)
  if (!slot) return undefined
  const points = slot.worth
  const after = points.findIndex((point) => point.socPercent >= socPercent)
  if (after === 0) return points[0]!.price
  if (after < 0) return points.at(-1)!.price
  const [a, b] = [points[after - 1]!, points[after]!]
  const share = (socPercent - a.socPercent) / (b.socPercent - a.socPercent)
  return a.price + share * (b.price - a.price)
}
