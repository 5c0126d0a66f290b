import type { OpenSerial } from '../../../service/drivers/modbus/serial-port.ts'
import { createAdapter, type AdapterModel, type PacketFaults } from './adapter.ts'
import type { Timeline } from './timeline.ts'
import type { Line } from './wire.ts'

/** A port without a terminal: with a manual clock a bus and its line run in virtual time, and always the same way. */
export function virtualPort(
  line: Line,
  timeline: Timeline,
  model: AdapterModel = { kind: 'uart' },
  faults?: PacketFaults,
): OpenSerial {
  return async (settings, events) => {
    let open = true
    const adapter = createAdapter({
      timeline,
      model,
      faults,
      deliver: (bytes) => {
        if (open) events.data(bytes)
      },
    })
    const station = line.attach({ settings, receive: (byte) => adapter.push(byte) })
    return {
      write: (bytes) => void station.send(bytes),
      close: () => void (open = false),
    }
  }
}
