import { emDash, formatNumber } from './number.ts'

const pad = (value: number): string => String(value).padStart(2, '0')

/** Local clock time, 17:42:08. */
export function formatClock(atMs: number): string {
  const date = new Date(atMs)
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`
}

/** Local clock time without seconds, 17:42. */
export const formatClockMinutes = (atMs: number): string => formatClock(atMs).slice(0, 5)

/** Clock time with milliseconds, for the log. */
export const formatClockExact = (atMs: number): string =>
  `${formatClock(atMs)}.${String(Math.floor(atMs) % 1000).padStart(3, '0')}`

/** ISO calendar date, 2026-11-21. */
export function formatDate(atMs: number): string {
  const date = new Date(atMs)
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`
}

/** How old something is: 0.4 s, 41 s, 12 min, 3 h, 2 d. An em dash when it was never measured. */
export function formatAge(ageMs: number | undefined): string {
  if (ageMs === undefined) return emDash
  const seconds = Math.max(0, ageMs) / 1000
  if (seconds < 9.95) return `${formatNumber(seconds, 1)} s`
  if (seconds < 119.5) return `${formatNumber(seconds)} s`
  if (seconds < 7170) return `${formatNumber(Math.floor(seconds / 60))} min`
  if (seconds < 172_800) return `${formatNumber(Math.floor(seconds / 3600))} h`
  return `${formatNumber(Math.floor(seconds / 86_400))} d`
}

/** A running time in its two largest units: 2 h 14 min. */
export function formatDuration(durationS: number): string {
  const seconds = Math.max(0, Math.floor(durationS))
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ]
  if (days > 0) return `${days} d ${hours} h`
  if (hours > 0) return `${hours} h ${minutes} min`
  if (minutes > 0) return `${minutes} min ${seconds % 60} s`
  return `${seconds} s`
}

/** A period or a latency: 4 ms, 1 s, 1.5 s. */
export function formatMs(durationMs: number | undefined): string {
  if (durationMs === undefined) return emDash
  if (durationMs < 10) return `${formatNumber(durationMs, 1)} ms`
  if (durationMs < 1000) return `${formatNumber(durationMs)} ms`
  if (durationMs % 1000 === 0) return `${formatNumber(durationMs / 1000)} s`
  return `${formatNumber(durationMs / 1000, 1)} s`
}
