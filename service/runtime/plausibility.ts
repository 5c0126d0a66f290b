import type { PowerFlow } from '#contract/api.ts'
import { EdgeError } from '#contract/errors.ts'
import type { Plausibility, PlausibilityCheck } from '#contract/plausibility.ts'
import { balanceCheck, valueChecks, type Values } from '../commissioning/plausibility/checks.ts'
import { createEnergyWatch, type EnergyWatch } from '../commissioning/plausibility/energy.ts'
import type { Clock } from '../domain/clock.ts'
import { shownFreshMs } from './grid-flows.ts'
import type { SiteDeviceEntry } from './site-runtime.ts'

/** Whether what devices measure agrees with itself. Nothing of it steers anything. */
export interface PlausibilityWatch {
  /** With each cycle. */
  observe(): void
  /** Throws device.unknown. */
  of(deviceId: string): Plausibility
  /** Every check about a point that can be judged agrees, and there is one. */
  agrees(deviceId: string, point: string): boolean
}

/** Counters and powers need no more. */
const observeEveryMs = 1000
const cycleMs = 1000

type Entry = Pick<SiteDeviceEntry, 'config'> & { readonly device: Pick<SiteDeviceEntry['device'], 'readings'> }

export function createPlausibilityWatch(options: {
  entries: readonly Entry[]
  clock: Clock
  powerFlow(): PowerFlow | undefined
}): PlausibilityWatch {
  const { entries, clock, powerFlow } = options
  const watches = new Map<string, EnergyWatch>(entries.map(({ config }) => [config.id, createEnergyWatch(config.role)]))
  let observedMs = Number.NEGATIVE_INFINITY

  function valuesOf({ device }: Entry): Values {
    const nowMs = clock.monotonicMs()
    const values = new Map<string, number>()
    for (const [name, { value, quality, monotonicMs }] of device.readings())
      if (typeof value === 'number' && quality === 'good' && nowMs - monotonicMs <= 20 * shownFreshMs(cycleMs))
        values.set(name, value)
    return values
  }

  function checksOf(entry: Entry): PlausibilityCheck[] {
    const { id, role } = entry.config
    const checks = [...valueChecks(valuesOf(entry)), ...(watches.get(id)?.checks() ?? [])]
    if (role === 'grid-meter' || role === 'pv' || role === 'battery') checks.push(...balanceOf(entry))
    return checks
  }

  function balanceOf(entry: Entry): PlausibilityCheck[] {
    const flow = powerFlow()
    if (
      !flow?.grid.deviceIds.includes(entry.config.id) &&
      !flow?.pv.deviceIds.includes(entry.config.id) &&
      !flow?.battery.deviceIds.includes(entry.config.id)
    )
      return []
    const { grid, pv, battery } = flow
    // A producer that is not measured leaves the sum open.
    const missing = [pv, battery].some(({ deviceIds, powerW }) => deviceIds.length > 0 && powerW === undefined)
    if (missing) return []
    const loads = entries.filter(({ config: { role } }) => role === 'charger' || role === 'load')
    const measured = loads.flatMap((load) => valuesOf(load).get('powerW') ?? [])
    const loadsW = measured.length === 0 ? undefined : measured.reduce((sum, each) => sum + each, 0)
    return balanceCheck({ gridW: grid.powerW, pvW: pv.powerW, batteryW: battery.powerW }, loadsW, ['powerW'])
  }

  const entryOf = (id: string): Entry | undefined => entries.find(({ config }) => config.id === id)

  return {
    observe() {
      const nowMs = clock.monotonicMs()
      if (nowMs - observedMs < observeEveryMs) return
      observedMs = nowMs
      for (const entry of entries) watches.get(entry.config.id)?.observe(valuesOf(entry), nowMs)
    },
    of(deviceId) {
      const entry = entryOf(deviceId)
      if (!entry) throw new EdgeError('device.unknown', 'the site has no device with this ID')
      return { deviceId, atMs: clock.nowMs(), checks: checksOf(entry) }
    },
    agrees(deviceId, point) {
      const entry = entryOf(deviceId)
      const about = entry
        ? checksOf(entry).filter(({ points, verdict }) => verdict !== 'waiting' && points.includes(point))
        : []
      return about.length > 0 && about.every(({ verdict }) => verdict === 'agrees')
    },
  }
}
