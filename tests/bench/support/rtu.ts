import { createReadOnlyBus } from '../../../service/drivers/modbus/bus.ts'
import { systemClock } from '../../../service/runtime/system-clock.ts'
import { usb16, type AdapterModel } from '../../drivers/line/adapter.ts'
import { idealReadMs, readEfficiency } from '../../drivers/line/efficiency.ts'
import { openEmulatedLine } from '../../drivers/line/emulated-line.ts'
import { scrambledDevice } from '../../drivers/line/registers.ts'
import { attachRtuDevice } from '../../drivers/line/rtu-device.ts'
import type { LineSettings } from '../../drivers/line/wire.ts'

const settings: LineSettings = { baud: 9600, parity: 'none', stopBits: 1 }
const count = 125
const turnaroundMs = 10

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

async function efficiency(model: AdapterModel, batches: number): Promise<number> {
  await using emulated = await openEmulatedLine()
  const { line, timeline } = emulated
  attachRtuDevice({ line, timeline, settings, unitId: 1, device: scrambledDevice(count), turnaroundMs })
  const { path } = await emulated.port('client', settings, model)
  await using bus = createReadOnlyBus({
    address: { kind: 'rtu', path, ...settings },
    clock: systemClock,
    openSerial: emulated.openSerial,
  })
  const shares: number[] = []
  for (let i = 0; i < 3 * batches && shares.length < batches; i++) {
    try {
      shares.push(await readEfficiency(bus.unit(1), systemClock, settings, { count, reads: 3, turnaroundMs }))
    } catch (error) {
      // A machine that is too busy to hand on a character for a tenth of a second cannot emulate a line.
      process.stderr.write(`${String(error)}; measured again\n`)
    }
  }
  if (shares.length < batches) throw new Error('this machine is too busy to emulate a line in real time')
  return median(shares)
}

/** Ideal time of a read divided by its real time, on an emulated line behind a pseudo terminal, in real time. */
export async function measureRtu(batches: number) {
  return {
    line: `emulated on ptys, ${settings.baud} 8N1, blocks of ${count}, turnaround ${turnaroundMs} ms`,
    idealReadMs: idealReadMs(settings, count, turnaroundMs),
    efficiency: await efficiency({ kind: 'uart' }, batches),
    efficiencyUsb: await efficiency(usb16, batches),
  }
}
