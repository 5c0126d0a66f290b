import type { Devices, Measurements, PowerFlow } from '#contract/api.ts'
import { defineStore } from 'pinia'
import { ref, shallowRef } from 'vue'
import { useService } from '../client/key.ts'
import { atMost, readableMs } from './at-most.ts'
import { niceCeiling } from './balance.ts'
import { createHistory, type History } from './history.ts'
import { alignSeries, type Sample, sumColumns } from './trend.ts'

export const trendMs = 15 * 60_000
/** One sample per second for the length of the trend, and some slack. */
const capacity = 1_000
const minStepMs = 900
/** A missing sample is bridged this long; a stored series may be coarser than the live one. */
const holdMs = 15_000

export type TrendName = 'grid' | 'solar' | 'battery' | 'load' | 'soc'

const roles = { grid: 'grid-meter', solar: 'pv', battery: 'battery' } as const
const subsystem = { grid: 'grid', solar: 'pv', battery: 'battery' } as const

/** The newest snapshot of the site, the last known values, and the last 15 minutes. */
export const usePower = defineStore('power', () => {
  const service = useService()
  const flow = shallowRef<PowerFlow>()
  /** The last measured power of each part, for when it is no longer measured. */
  const shownKnown = shallowRef<Partial<Record<TrendName, Sample>>>({})
  let known: Partial<Record<TrendName, Sample>> = {}
  /** Power at full line width, W: grows with what was seen, never shrinks in a session. */
  const scaleW = ref(1_000)
  /** Counts what has been added to the histories. */
  const revision = ref(0)
  const histories: Record<TrendName, History> = {
    grid: createHistory(capacity),
    solar: createHistory(capacity),
    battery: createHistory(capacity),
    load: createHistory(capacity),
    soc: createHistory(capacity),
  }
  let lastSampleMs = 0

  const show = atMost(readableMs, (data: PowerFlow) => {
    shownKnown.value = known
    flow.value = data
  })
  const noteScale = (powerW: number): void => {
    if (Math.abs(powerW) > scaleW.value) scaleW.value = niceCeiling(Math.abs(powerW))
  }

  service.onMessage((message) => {
    if (message.type !== 'power-flow') return
    const { data } = message
    const values: Record<TrendName, number | undefined> = {
      grid: data.grid.powerW,
      solar: data.pv.powerW,
      battery: data.battery.powerW,
      load: data.load.powerW,
      soc: data.battery.socPercent,
    }
    const sample = data.atMs - lastSampleMs >= minStepMs
    const next = { ...known }
    for (const name of Object.keys(values) as TrendName[]) {
      const value = values[name]
      if (value === undefined) continue
      next[name] = { atMs: data.atMs, value }
      if (name !== 'soc') noteScale(value)
      if (sample) histories[name].push(data.atMs, value)
    }
    if (sample) {
      lastSampleMs = data.atMs
      revision.value += 1
    }
    known = next
    show(data)
  })

  /** Fills the trends from the store of the service. What cannot be had stays empty and grows live. */
  async function preload(signal: AbortSignal): Promise<void> {
    const { devices, atMs } = await service.get<Devices>('api/v1/devices', {}, signal)
    const fetchSeries = async (device: string, metric: string): Promise<Sample[]> => {
      const query = { device, metric, from: new Date(atMs - trendMs).toISOString(), points: 900 }
      const answer = await service.get<Measurements>('api/v1/measurements', query, signal).catch(() => undefined)
      return answer?.series ?? []
    }
    const pointOf = (device: Devices['devices'][number], part: string, metric: string): string =>
      device.points.some(({ name }) => name === `${part}.${metric}`) ? `${part}.${metric}` : metric
    const powerOf = async (kind: keyof typeof roles): Promise<Sample[]> => {
      const parts = devices.filter(({ role }) => role === roles[kind])
      const all = await Promise.all(
        parts.map((device) => fetchSeries(device.id, pointOf(device, subsystem[kind], 'powerW'))),
      )
      return all.length === 1 ? (all[0] ?? []) : toSamples(all)
    }
    const battery = devices.find(({ role }) => role === 'battery')
    const [grid, solar, batteryPower, soc] = await Promise.all([
      powerOf('grid'),
      powerOf('solar'),
      powerOf('battery'),
      battery ? fetchSeries(battery.id, pointOf(battery, 'battery', 'socPercent')) : [],
    ])
    const loadParts = [grid, solar, ...(battery ? [batteryPower] : [])]
    histories.grid.preload(grid)
    histories.solar.preload(solar)
    histories.battery.preload(batteryPower)
    histories.soc.preload(soc)
    histories.load.preload(toSamples(loadParts))
    for (const samples of [grid, solar, batteryPower, toSamples(loadParts)])
      for (const { value } of samples) noteScale(value)
    revision.value += 1
  }

  return { flow, known: shownKnown, scaleW, revision, histories, preload }
})

/** The sum of several series as samples; rows with a gap are left out. */
function toSamples(series: readonly (readonly Sample[])[]): Sample[] {
  const { timesMs, columns } = alignSeries(series, holdMs)
  return sumColumns(columns).flatMap((value, row) => {
    const atMs = timesMs[row]
    return value === null || atMs === undefined ? [] : [{ atMs, value }]
  })
}
