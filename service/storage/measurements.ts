import type { Database } from 'better-sqlite3'
import type { MeasurementQuery, MeasurementSeries } from './types.ts'

const minuteMs = 60_000

interface Point {
  readonly atMs: number
  readonly value: number
}

/** Reads series: every sample where they are few enough, else means over equal steps, each sample weighing the same. */
export function createMeasurements(
  database: Database,
  seriesId: (deviceId: string, metric: string) => number | undefined,
): (query: MeasurementQuery) => MeasurementSeries {
  const within = 'series = @series AND at >= @from AND at < @to'
  const all = `SELECT at, value FROM sample WHERE ${within} UNION ALL SELECT at, value FROM recent WHERE ${within}`
  const samples = database.prepare<[object], Point>(`SELECT at AS atMs, value FROM (${all}) ORDER BY at LIMIT @limit`)
  const stepsOfSamples = database.prepare<[object], Point>(
    `SELECT @from + CAST((at - @from) / @step AS INTEGER) * @step AS atMs, avg(value) AS value
     FROM (${all}) GROUP BY 1 ORDER BY 1`,
  )
  const withinMinutes = 'series = @series AND at >= @from / 60000 AND at < (@to + 59999) / 60000'
  const stepsOfMinutes = database.prepare<[object], Point>(
    `SELECT @from + CAST((at * 60000 - @from) / @step AS INTEGER) * @step AS atMs, sum(total) / sum(count) AS value
     FROM (
       SELECT at, mean * count AS total, count FROM minute WHERE ${withinMinutes}
       UNION ALL
       SELECT at / 60000 AS at, value AS total, 1 AS count FROM recent
       WHERE series = @series AND at >= @from AND at / 60000 < (@to + 59999) / 60000
     ) GROUP BY 1 ORDER BY 1`,
  )
  const firstSample = database
    .prepare<[object], number | null>('SELECT min(at) FROM sample WHERE series = @series')
    .pluck()
  const firstRecent = database
    .prepare<[object], number | null>('SELECT min(at) FROM recent WHERE series = @series')
    .pluck()
  const firstMinute = database
    .prepare<[object], number | null>('SELECT min(at) FROM minute WHERE series = @series AND at >= @from / 60000')
    .pluck()

  /** Whether no sample of the range has been deleted for its age. */
  function complete(series: number, from: number, to: number): boolean {
    const minute = firstMinute.get({ series, from: BigInt(from) })
    if (minute === null || minute === undefined || minute * minuteMs >= to) return true
    const first = Math.min(firstSample.get({ series }) ?? Infinity, firstRecent.get({ series }) ?? Infinity)
    return first < (minute + 1) * minuteMs || first <= from
  }

  return ({ deviceId, metric, fromMs, toMs, points }) => {
    const series = seriesId(deviceId, metric)
    const from = Math.floor(fromMs)
    const to = Math.ceil(toMs)
    if (series === undefined || to <= from) return { series: [] }
    const whole = complete(series, from, to)
    if (whole) {
      const found = samples.all(range(series, from, to, { limit: points + 1 }))
      if (found.length <= points) return { series: found }
    }
    const step = Math.ceil((to - from) / points)
    if (whole && step < minuteMs) return { stepMs: step, series: stepsOfSamples.all(range(series, from, to, { step })) }
    const start = Math.floor(from / minuteMs) * minuteMs
    const steps = Math.ceil((to - start) / points / minuteMs) * minuteMs
    return { stepMs: steps, series: stepsOfMinutes.all(range(series, start, to, { step: steps })) }
  }
}

/** As integers, so that SQL divides them as integers. */
function range(series: number, from: number, to: number, more: Record<string, number>): Record<string, bigint> {
  return Object.fromEntries(Object.entries({ series, from, to, ...more }).map(([key, value]) => [key, BigInt(value)]))
}
