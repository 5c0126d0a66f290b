import { answerPdu, type PduDevice } from '../../../service/drivers/simulated/modbus-pdu.ts'
import { withCrc } from '../support/test-device.ts'
import type { Timeline } from './timeline.ts'
import { silenceMs, type Line, type LineSettings, type Station } from './wire.ts'

export interface RtuDeviceOptions {
  readonly timeline: Timeline
  readonly line: Line
  readonly settings: LineSettings
  readonly unitId: number
  readonly device: PduDevice
  /** From the end of the request's frame to the first bit of the answer. */
  readonly turnaroundMs: number
  /** In place of the device's own answers; undefined for none. */
  readonly answer?: (pdu: Buffer) => Buffer | undefined
}

export interface RtuDevice {
  readonly station: Station
  /** Requests that were understood. */
  readonly served: number
}

/** The simulator's answers on an emulated line. A frame ends where the line is silent for 3.5 characters, as on real devices. */
export function attachRtuDevice(options: RtuDeviceOptions): RtuDevice {
  const { timeline, line, settings, unitId, device, turnaroundMs } = options
  const answerTo = options.answer ?? ((pdu: Buffer) => answerPdu(device, pdu))
  let frame: number[] = []
  let endsMs = 0
  let served = 0

  function ended(): void {
    if (timeline.nowMs() < endsMs - 1e-9) return
    const bytes = Buffer.from(frame)
    frame = []
    if (bytes.length < 4 || bytes[0] !== unitId || !withCrc(bytes.subarray(0, -2)).equals(bytes)) return
    served++
    const pdu = answerTo(bytes.subarray(1, -2))
    if (!pdu) return
    const answer = withCrc(Buffer.concat([bytes.subarray(0, 1), pdu]))
    timeline.at(timeline.nowMs() + turnaroundMs, () => station.send(answer))
  }

  const station = line.attach({
    settings,
    receive(byte, atMs) {
      frame.push(byte)
      // It was taken in the middle of its first stop bit.
      endsMs = atMs + ((settings.stopBits - 0.5) * 1000) / settings.baud + silenceMs(settings)
      timeline.at(endsMs, ended)
    },
  })
  return {
    station,
    get served() {
      return served
    },
  }
}
