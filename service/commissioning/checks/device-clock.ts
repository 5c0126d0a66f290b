const pattern = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(Z)?$/

/**
 * Seconds by which a clock of a device is ahead of the true time. Devices show local time, UTC, or the time zone of the site: the
 * difference to the nearest quarter of an hour of all zones is what counts, and the zone is what remains. Undefined when the text is
 * no time.
 */
export function clockOffset(
  text: string,
  trueMs: number,
): { readonly offsetS: number; readonly zoneS: number } | undefined {
  const found = pattern.exec(text.trim())
  if (!found) return undefined
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found.slice(1, 7).map(Number)
  const shownMs = Date.UTC(year, month - 1, day, hour, minute, second)
  const wholeS = (shownMs - trueMs) / 1000
  const zoneS = found[7] === 'Z' ? 0 : Math.round(wholeS / 900) * 900 + 0
  // No place on earth is further from UTC.
  if (Math.abs(zoneS) > 14 * 3600) return { offsetS: wholeS, zoneS: 0 }
  return { offsetS: wholeS - zoneS, zoneS }
}
