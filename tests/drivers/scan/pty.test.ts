import { SerialPort } from 'serialport'
import { describe, expect, test } from 'vitest'
import { type ScanProgress, type UnitScan, unitScan } from '#contract/workbench-scan.ts'
import { type LineScanOptions, scanLine } from '../../../service/commissioning/scan/scan-line.ts'
import { scanRegisters } from '../../../service/commissioning/scan/scan-registers.ts'
import { createReadOnlyBus } from '../../../service/drivers/modbus/bus.ts'
import { realClock } from '../support/clock.ts'
import { hasSocat, openPtyPair, startPtyDevice } from '../support/pty.ts'
import { createTestUnit, ramp } from '../support/test-device.ts'

const settings = { baud: 115_200, parity: 'none', stopBits: 1 } as const
const signal = new AbortController().signal
const library = { maps: [], sunspecModels: new Map() }

function scan(
  path: string,
  options: Partial<LineScanOptions> = {},
  onProgress: (progress: ScanProgress) => void = () => undefined,
  signal = new AbortController().signal,
) {
  return scanLine(
    { path, settings, listenMs: 200, adapterMs: 0, ...options },
    { clock: realClock, signal, onProgress },
  ).then((found) => unitScan.parse(found))
}

const units = { 1: createTestUnit(ramp(300)), 2: createTestUnit(ramp(300)) }

/** A scan that has only to find out what units 1 and 2 are. */
async function allButIdentified(path: string): Promise<UnitScan> {
  const stop = new AbortController()
  const partial = await scan(path, {}, ({ done }) => (done > 6 ? stop.abort() : undefined), stop.signal)
  const others = Array.from({ length: 247 }, (_, i) => i + 1).filter((unitId) => unitId > 2)
  return { ...partial, silent: [{ waitedMs: 1000, unitIds: others }] }
}

describe.skipIf(!hasSocat)(`a scan behind a terminal${hasSocat ? '' : ' (socat is not installed)'}`, () => {
  test.each(['listen', 'units', 'identify'] as const)(
    'keeps what it found when the adapter is pulled out (%s)',
    async (phase) => {
      await using pair = await openPtyPair()
      await using _ = await startPtyDevice(pair.device, units)
      const before = phase === 'identify' ? await allButIdentified(pair.client) : undefined
      let gone: Promise<void> | undefined
      const options = before ? { library, previous: before } : {}
      const found = await scan(pair.client, options, (progress) => {
        if (progress.phase === phase && (phase !== 'units' || progress.done > 10)) gone ??= pair.unplug()
      })
      expect(found.units.map(({ unitId }) => unitId)).toEqual(phase === 'listen' ? [] : [1, 2])
      expect(found.units.every(({ candidates }) => candidates === null)).toBe(true)
      expect(found.state).toBe('closed')
      expect(found.reason).toMatch(/unplugged|no serial port|closed|does not open/)
    },
  )

  test('keeps the registers that it read when the adapter is pulled out', async () => {
    await using pair = await openPtyPair()
    await using _ = await startPtyDevice(pair.device, units)
    await using bus = createReadOnlyBus({ address: { kind: 'rtu', path: pair.client, ...settings }, clock: realClock })
    let gone: Promise<void> | undefined
    const found = await scanRegisters(
      { bus, unitId: 1, fn: 3, rate: { perS: 1000, duty: 1 } },
      {
        clock: realClock,
        signal,
        onProgress: ({ done }) => {
          if (done > 400) gone ??= pair.unplug()
        },
      },
    )
    expect(found.state).toBe('closed')
    expect(found.reason).toMatch(/unplugged|no serial port|closed|does not open/)
    expect(found.spans[0]).toMatchObject({ address: 0, count: 300, status: 'value' })
  })

  test('names the program that has the port already', async () => {
    await using pair = await openPtyPair()
    const other = new SerialPort({ path: pair.client, baudRate: 9600, autoOpen: false })
    await new Promise<void>((resolve, reject) => other.open((error) => (error ? reject(error) : resolve())))
    const found = await scan(pair.client)
    expect(found).toMatchObject({ state: 'closed', requests: 0 })
    expect(found.reason).toMatch(/is in use by .*process \d+/)
    await new Promise<void>((resolve) => other.close(() => resolve()))
    expect(await scan('/dev/no-such-port')).toMatchObject({
      state: 'closed',
      reason: 'there is no serial port /dev/no-such-port',
    })
  })

  test('is stopped by a frame of somebody else, with what it found', async () => {
    await using pair = await openPtyPair()
    await using device = await startPtyDevice(pair.device, units)
    let asked = 0
    device.respond = ({ request, honest, send }) => {
      asked++
      // A frame of another client, in the middle of the scan.
      send(asked === 30 ? Buffer.from([9, 3, 0, 0, 0, 10, 0xc4, 0x85]) : honest)
      if (asked === 30) expect(request.unitId).toBeGreaterThan(2)
    }
    const found = await scan(pair.client)
    expect(found).toMatchObject({ state: 'foreign-traffic', heard: { bytes: 8 } })
    expect(found.units.map(({ unitId }) => unitId)).toEqual([1, 2])
    expect(device.seen).toHaveLength(30)
  })
})
