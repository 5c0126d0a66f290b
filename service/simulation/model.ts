import type { AgedReading } from '../domain/measured.ts'

/** A device of a simulated site. */
export interface Model {
  readonly id: string
  /** What it draws from each phase of the grid, W: > 0 consumes. Changed in place. */
  readonly phaseW: Float64Array
  /** Moves on by `dtS`; what it was told last is in force. */
  advance(atMs: number, dtS: number): void
  /** Returns whether it knows the command. */
  command(name: string, value: number): boolean
  /** Refreshes its readings, measured at this time. */
  measure(atMs: number): void
  readonly readings: ReadonlyMap<string, AgedReading>
}

interface Slot {
  value: number | string
  readonly quality: 'good'
  atMs: number
  ageMs: number
}

/** Readings that are overwritten in place: a simulated year writes some hundred million of them. */
export interface Readings {
  readonly map: ReadonlyMap<string, AgedReading>
  slot(point: string, value?: number | string): Slot
  measuredAt(atMs: number): void
  age(nowMs: number): void
}

export function createReadings(): Readings {
  const map = new Map<string, Slot>()
  const slots: Slot[] = []
  return {
    map,
    slot(point, value = 0) {
      const slot: Slot = { value, quality: 'good', atMs: 0, ageMs: 0 }
      map.set(point, slot)
      slots.push(slot)
      return slot
    },
    measuredAt(atMs) {
      for (const slot of slots) slot.atMs = atMs
    },
    age(nowMs) {
      for (const slot of slots) slot.ageMs = nowMs - slot.atMs
    },
  }
}
