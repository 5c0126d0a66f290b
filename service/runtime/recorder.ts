import type { Device } from '../drivers/driver.ts'

export interface Sample {
  readonly deviceId: string
  readonly metric: string
  readonly atMs: number
  readonly value: number
}

/** Shortest distance of two stored samples of one point. */
const minDistanceMs = 950

/** Collects what was newly measured since the last call; a repeated old value is not a new sample. */
export function createRecorder(devices: readonly Device[]): () => Sample[] {
  const lastMs = new Map<string, number>()
  return () => {
    const samples: Sample[] = []
    for (const device of devices) {
      for (const [metric, reading] of device.readings()) {
        if (reading.quality !== 'good' || typeof reading.value !== 'number') continue
        const key = `${device.id} ${metric}`
        if (reading.monotonicMs - (lastMs.get(key) ?? -Infinity) < minDistanceMs) continue
        lastMs.set(key, reading.monotonicMs)
        samples.push({ deviceId: device.id, metric, atMs: reading.atMs, value: reading.value })
      }
    }
    return samples
  }
}
