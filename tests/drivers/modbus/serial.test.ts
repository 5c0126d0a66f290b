import { spawnSync } from 'node:child_process'
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseBusAddress } from '../../../service/drivers/modbus/address.ts'
import { createReadOnlyBus } from '../../../service/drivers/modbus/bus.ts'
import { openSerialStream } from '../../../service/drivers/modbus/serial-port.ts'
import { realClock } from '../support/clock.ts'
import { hasSocat, openPtyPair, startPtyDevice } from '../support/pty.ts'
import { createTestUnit, ramp } from '../support/test-device.ts'

const ignore = { data: () => undefined, closed: () => undefined }

async function open(path: string) {
  const address = parseBusAddress(`rtu://${path}`)
  if (address.kind !== 'rtu') throw new TypeError('not a serial address')
  return openSerialStream(address, ignore, new AbortController().signal)
}

describe('opening a serial port', () => {
  test('that does not exist names the path', async () => {
    await expect(open('/dev/ttyNOTHERE9')).rejects.toMatchObject({
      code: 'serial.not-found',
      message: 'there is no serial port /dev/ttyNOTHERE9',
    })
  })

  test('that is a plain file says so', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'r-ems-serial-'))
    const file = join(folder, 'port')
    await writeFile(file, '')
    await expect(open(file)).rejects.toMatchObject({ code: 'serial.not-found' })
    await rm(folder, { recursive: true })
  })

  test.skipIf(!hasSocat || process.getuid?.() !== 0)(
    'that belongs to others names their group (needs socat, and root to become nobody)',
    async () => {
      await using pair = await openPtyPair()
      const program = `
        import { openSerialStream } from ${JSON.stringify(resolve('service/drivers/modbus/serial-port.ts'))}
        const address = { kind: 'rtu', path: ${JSON.stringify(pair.client)}, baud: 9600, parity: 'none', stopBits: 1 }
        await openSerialStream(address, { data() {}, closed() {} }, new AbortController().signal).catch((error) =>
          console.log(JSON.stringify({ code: error.code, message: error.message })))
      `
      await chmod(dirname(pair.client), 0o755)
      await chown(pair.client, 0, 20)
      const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
        uid: 65_534,
        gid: 65_534,
      })
      expect(JSON.parse(stdout.toString())).toEqual({
        code: 'serial.denied',
        message: `no permission for ${pair.client}: it belongs to the group dialout`,
      })
    },
  )

  test.skipIf(!hasSocat)('that is taken names the process that holds it', async () => {
    await using pair = await openPtyPair()
    const first = await open(pair.client)
    await expect(open(pair.client)).rejects.toMatchObject({
      code: 'serial.taken',
      message: expect.stringContaining(`(process ${process.pid})`),
    })
    first.close()
  })
})

describe.skipIf(!hasSocat)(`a serial bus${hasSocat ? '' : ' (socat is not installed)'}`, () => {
  test('recovers by itself when its adapter is unplugged and plugged in again', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'r-ems-plug-'))
    const units = { 1: createTestUnit(ramp(10)) }
    const pair = await openPtyPair(folder)
    const device = await startPtyDevice(pair.device, units)
    await using bus = createReadOnlyBus({ address: parseBusAddress(`rtu://${pair.client}`), clock: realClock })
    const unit = bus.unit(1, { timeoutMs: 200 })
    const read = () => unit.ask({ fn: 3, address: 1, count: 2 })
    expect((await read()).kind).toBe('words')

    await device[Symbol.asyncDispose]()
    await pair.unplug()
    // A vanished terminal is noticed at once or, when its last read came back empty, by the next request.
    await expect
      .poll(read, { timeout: 5000, interval: 10 })
      .toMatchObject({ kind: 'failed', failure: 'closed', sent: false })
    expect(bus.stats().reason).toContain(pair.client)

    await using again = await openPtyPair(folder)
    await using _ = await startPtyDevice(again.device, units)
    await expect.poll(async () => (await read()).kind, { timeout: 5000, interval: 50 }).toBe('words')
    await rm(folder, { recursive: true, force: true })
  })

  test('asks at the rate its line allows: silence of 3.5 characters between frames', async () => {
    await using pair = await openPtyPair()
    await using device = await startPtyDevice(pair.device, { 1: createTestUnit(ramp(10)) })
    await using bus = createReadOnlyBus({
      address: parseBusAddress(`rtu://${pair.client}?baud=1200`),
      clock: realClock,
    })
    const unit = bus.unit(1)
    for (let i = 0; i < 3; i++) await unit.ask({ fn: 3, address: i, count: 1 })
    const [first, second, third] = device.seen.map(({ atMs }) => atMs)
    // 3.5 characters of 10 bits at 1200 baud; a pty delivers at once, so the answer adds nothing.
    expect(second! - first!).toBeGreaterThan(29)
    expect(third! - second!).toBeGreaterThan(29)
  })
})

test.skipIf(!hasSocat)('opens again at once what was just closed', async () => {
  await using pair = await openPtyPair()
  // The system unlocks a port on a thread of its own: without waiting for it, two or three of a hundred find it taken.
  for (let round = 0; round < 500; round += 1) {
    const stream = await open(pair.client)
    stream.close()
  }
})
