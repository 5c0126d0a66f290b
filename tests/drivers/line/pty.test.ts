import { describe, expect, test } from 'vitest'
import { createReadOnlyBus } from '../../../service/drivers/modbus/bus.ts'
import { realClock } from '../support/clock.ts'
import { hasSocat } from '../support/pty.ts'
import { pymodbusMissing, startPymodbus } from '../support/pymodbus.ts'
import { usb16 } from './adapter.ts'
import { openEmulatedLine, type EmulatedLine } from './emulated-line.ts'
import { scrambled, scrambledDevice } from './registers.ts'
import { attachRtuDevice } from './rtu-device.ts'
import type { LineSettings } from './wire.ts'

const even: LineSettings = { baud: 19_200, parity: 'even', stopBits: 1 }

const busAt = ({ openSerial }: EmulatedLine, path: string, settings: LineSettings) =>
  createReadOnlyBus({ address: { kind: 'rtu', path, ...settings }, clock: realClock, openSerial })

describe.skipIf(!hasSocat)(`the emulated line behind terminals${hasSocat ? '' : ' (socat is not installed)'}`, () => {
  test.each([
    ['a UART', { kind: 'uart' } as const],
    ['a USB adapter', usb16],
  ])('carries reads through %s, parity and all', async (_, model) => {
    await using emulated = await openEmulatedLine()
    const { line, timeline } = emulated
    attachRtuDevice({ line, timeline, settings: even, unitId: 4, device: scrambledDevice(300), turnaroundMs: 5 })
    // The port's own settings at first are others: what counts is what the bus asks for when it opens it.
    const { path } = await emulated.port('client', { baud: 300, parity: 'none', stopBits: 1 }, model)
    await using bus = busAt(emulated, path, even)
    const words = Uint16Array.from({ length: 125 }, (__, i) => scrambled(100 + i))
    expect(await bus.unit(4).ask({ fn: 3, address: 100, count: 125 })).toEqual({ kind: 'words', words })

    await bus[Symbol.asyncDispose]()
    await using deaf = busAt(emulated, path, { ...even, parity: 'odd' })
    expect(await deaf.unit(4, { timeoutMs: 150 }).ask({ fn: 3, address: 100, count: 1 })).toMatchObject({
      kind: 'failed',
      failure: 'timeout',
    })
  })

  test.skipIf(pymodbusMissing !== undefined)(
    `carries reads to pymodbus${pymodbusMissing === undefined ? '' : ` (${pymodbusMissing})`}`,
    async () => {
      await using emulated = await openEmulatedLine()
      const settings = { baud: 9600, parity: 'none', stopBits: 1 } as const
      const server = await emulated.port('server', settings)
      const client = await emulated.port('client', settings)
      await using _ = await startPymodbus({ unit_id: 3, registers: { '10': [11, 22, 33] } }, server.path)
      await using bus = busAt(emulated, client.path, settings)
      const unit = bus.unit(3)
      expect(await unit.ask({ fn: 3, address: 10, count: 3 })).toEqual({
        kind: 'words',
        words: Uint16Array.of(11, 22, 33),
      })
      expect(await unit.ask({ fn: 3, address: 50, count: 3 })).toEqual({ kind: 'exception', code: 2 })
    },
  )

  test('ends when the adapter is pulled out, and only then', async () => {
    await using emulated = await openEmulatedLine()
    const { line, timeline } = emulated
    attachRtuDevice({ line, timeline, settings: even, unitId: 4, device: scrambledDevice(10), turnaroundMs: 5 })
    const port = await emulated.port('client', even)
    await using bus = busAt(emulated, port.path, even)
    const read = () => bus.unit(4, { timeoutMs: 200 }).ask({ fn: 3, address: 0, count: 1 })
    expect((await read()).kind).toBe('words')
    await port.unplug()
    await expect.poll(read, { timeout: 5000, interval: 20 }).toMatchObject({ failure: 'closed', sent: false })
    await emulated.port('client', even)
    await expect.poll(async () => (await read()).kind, { timeout: 5000, interval: 50 }).toBe('words')
  })
})
