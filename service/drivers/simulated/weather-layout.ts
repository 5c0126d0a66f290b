import type { RegisterField } from './register-bank.ts'
import type { Weather } from './weather.ts'
import { field, i16, text, u16, u32 } from './words.ts'

/** Registers of the weather mast. */
export function weatherFields(read: () => Weather): RegisterField[] {
  const input = (address: number, words: () => number[]) => field('input', address, words)
  return [
    input(0, () => text('R-EMS', 8)),
    input(8, () => text('DEMO-WEATHER', 8)),
    input(16, () => text('SIM-WX-0001', 8)),
    input(100, () => u16(read().irradianceWm2 * 10)),
    input(101, () => u16(read().planeIrradianceWm2 * 10)),
    input(102, () => i16(read().temperatureC * 10)),
    input(103, () => i16(read().moduleTemperatureC * 10)),
    input(104, () => u16(read().windSpeedMs * 10)),
    input(105, () => u16(read().windDirectionDeg)),
    input(106, () => u16(read().humidityPercent * 10)),
    input(107, () => u32(read().pressurePa)),
  ]
}
