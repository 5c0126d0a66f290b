import type { ScanProgress, SerialSettings } from '#contract/workbench-scan.ts'
import { type LineScanOptions, scanLine } from '../../../service/commissioning/scan/scan-line.ts'
import type { PduDevice } from '../../../service/drivers/simulated/modbus-pdu.ts'
import { type AdapterModel, usb16 } from '../line/adapter.ts'
import { scrambledDevice } from '../line/registers.ts'
import { attachRtuDevice, type RtuDevice } from '../line/rtu-device.ts'
import { createTimeline } from '../line/timeline.ts'
import { virtualPort } from '../line/virtual-port.ts'
import { createLine } from '../line/wire.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { inTime } from './in-time.ts'

export const slow: SerialSettings = { baud: 9600, parity: 'none', stopBits: 1 }

/** A serial line in virtual time, with a scan beside it. */
export function createLineRig({
  settings = slow,
  model = usb16,
}: { settings?: SerialSettings; model?: AdapterModel } = {}) {
  const clock = createManualClock()
  const timeline = createTimeline(clock)
  const line = createLine(timeline)
  const openPort = virtualPort(line, timeline, model)
  const stop = new AbortController()
  /** Everything that the scan sent, with the time of its sending. */
  const sent: { readonly atMs: number; readonly bytes: Buffer }[] = []

  return {
    clock,
    timeline,
    line,
    stop,
    sent,
    device: (unitId: number, turnaroundMs = 20, device: PduDevice = scrambledDevice(20, unitId)): RtuDevice =>
      attachRtuDevice({ timeline, line, settings, unitId, device, turnaroundMs }),
    /** `settings: undefined` has them found out. */
    scan: (
      {
        settings: asked,
        ...options
      }: Omit<Partial<LineScanOptions>, 'settings'> & {
        readonly settings?: SerialSettings | undefined
      } = { settings },
      onProgress: (progress: ScanProgress) => void = () => undefined,
    ) =>
      scanLine(
        {
          path: '/dev/emulated',
          ...(asked && { settings: asked }),
          adapterMs: model.kind === 'usb' ? model.latencyMs : 0,
          ...options,
        },
        {
          clock,
          signal: stop.signal,
          onProgress,
          async openSerial(address, events, signal) {
            const stream = await openPort(address, events, signal)
            return {
              ...stream,
              write(bytes) {
                sent.push({ atMs: clock.monotonicMs(), bytes: Buffer.from(bytes) })
                stream.write(bytes)
              },
            }
          },
        },
      ),
    inTime: <T>(promise: Promise<T>): Promise<T> => inTime(clock, promise, 400_000),
  }
}
