import type { Device, Devices, Measurements } from '#contract/api.ts'
import type { DeviceSummary } from '#contract/live.ts'
import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import { useService } from '../client/key.ts'
import { atMost, readableMs } from './at-most.ts'
import { groupByBus } from './bus-tree.ts'
import { createHistory, type History } from './history.ts'

export type DeviceCommand = Device['commands'][number]

/** Samples kept per point of the device being watched: 15 minutes of one per second. */
const capacity = 900
/** Points whose last minute is fetched when a device is opened; the others fill live. */
const preloadedPoints = 40

/** All devices for the tree, and the one device being looked at with its points and their recent past. */
export const useDevices = defineStore('devices', () => {
  const service = useService()
  const list = shallowRef<readonly DeviceSummary[]>()
  const selected = shallowRef<Device>()
  /** Keyed DEVICE/COMMAND. */
  const commands = shallowRef<ReadonlyMap<string, DeviceCommand>>(new Map())
  let watchedId: string | undefined
  let unwatch: (() => void) | undefined
  let preloading: AbortController | undefined
  let histories = new Map<string, History>()

  const byId = computed(() => new Map((list.value ?? []).map((device) => [device.id, device])))
  const buses = computed(() => groupByBus(list.value ?? []))
  const nameOf = (id: string): string => byId.value.get(id)?.name ?? id

  service.watch('devices')
  service.onMessage((message) => {
    if (message.type === 'devices') showList(message.data)
    else if (message.type === 'device' && message.data.id === watchedId) remember(message.data)
  })

  const show = atMost(readableMs, (device: Device) => {
    if (device.id !== watchedId) return
    if (!selected.value) void preloadLastMinute(device)
    selected.value = device
  })
  const showList = atMost(readableMs, (next: readonly DeviceSummary[]) => (list.value = next))

  function remember(device: Device): void {
    for (const point of device.points) {
      const value = point.reading?.value
      if (typeof value !== 'number' || !point.reading || point.reading.quality !== 'good') continue
      historyOf(point.name).push(point.reading.atMs, value)
    }
    show(device)
  }

  /** The recent past of one point of the watched device. */
  function historyOf(point: string): History {
    let history = histories.get(point)
    if (!history) {
      history = createHistory(capacity)
      histories.set(point, history)
    }
    return history
  }

  /** Follows one device with all its points until another one is chosen. */
  function watchDevice(id: string | undefined): void {
    if (id === watchedId) return
    unwatch?.()
    unwatch = id === undefined ? undefined : service.watch(`device:${id}`)
    watchedId = id
    histories = new Map()
    selected.value = undefined
    preloading?.abort()
  }

  /** Fills the last minute of the first points from the store, one after the other so that nothing else waits. */
  async function preloadLastMinute(device: Device): Promise<void> {
    preloading?.abort()
    preloading = new AbortController()
    const { signal } = preloading
    const from = new Date(Date.now() - 60_000).toISOString()
    const numeric = device.points.filter(({ reading }) => typeof reading?.value === 'number')
    for (const { name } of numeric.slice(0, preloadedPoints)) {
      const query = { device: device.id, metric: name, from, points: 60 }
      const stored = await service.get<Measurements>('api/v1/measurements', query, signal).catch(() => undefined)
      if (signal.aborted) return
      if (stored) historyOf(name).preload(stored.series)
    }
  }

  /** What can be commanded and how far, which the tree does not carry. */
  async function loadCommands(signal: AbortSignal): Promise<void> {
    const { devices } = await service.get<Devices>('api/v1/devices', {}, signal)
    commands.value = new Map(
      devices.flatMap((device) => device.commands.map((command) => [`${device.id}/${command.name}`, command] as const)),
    )
  }

  return { list, byId, buses, selected, commands, nameOf, historyOf, watchDevice, loadCommands }
})
