import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { SerialPort } from 'serialport'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { networkScan, registerScan, type UnitScan, unitScan } from '#contract/workbench-scan.ts'
import { type SimulatedPlant, startSimulatedPlant } from '../../service/drivers/simulated/simulated-plant.ts'
import { announceDevices } from '../drivers/support/announcing-devices.ts'
import { realClock } from '../drivers/support/clock.ts'
import { hasSocat, openPtyPair, startPtyDevice } from '../drivers/support/pty.ts'
import { createTestUnit, ramp, withCrc } from '../drivers/support/test-device.ts'
import { runCtl } from './r-emsctl.ts'
import { root, serviceToken, startService } from './service-process.ts'

describe('r-emsctl scan', () => {
  let plant: SimulatedPlant
  let folder: string
  const scan = (...args: string[]) => runCtl(['scan', ...args], { R_EMS_API_PORT: '0', R_EMS_DATA_DIR: folder })
  const meter = () => `tcp://127.0.0.1:${plant.devices.meter!.port}`

  beforeAll(async () => {
    plant = await startSimulatedPlant({ clock: realClock })
    folder = mkdtempSync(join(tmpdir(), 'r-ems-scan-'))
  })
  afterAll(async () => {
    await plant[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  it('finds the devices of an address and names them', async () => {
    const ports = [plant.devices.meter!.port, plant.devices.inverter!.port]
    const ran = await scan('tcp', '--range', '127.0.0.1', '--ports', ports.join(), '--json')
    expect(ran.status).toBe(0)
    const found = networkScan.parse(ran.json())
    expect(found.endpoints.map(({ status }) => status)).toEqual(['modbus', 'modbus'])
    expect(found.units.map(({ candidates }) => candidates?.[0]?.map)).toContain('eastron/sdm630')
    expect(found.elapsedMs).toBeGreaterThan(0)
  })

  it('shows what announces itself there', async () => {
    await using _ = announceDevices([
      { instance: 'Inverter 7', service: '_modbus._tcp', address: '127.0.0.1', port: 1502 },
    ])
    const ran = await scan('tcp', '--range', '127.0.0.1', '--ports', '1')
    expect(ran.stdout).toMatch(/^127\.0\.0\.1:1502 +announced +announces itself as "Inverter 7" \(_modbus\._tcp\)$/m)
    const rows = (await scan('tcp', '--range', '127.0.0.1', '--ports', '1', '--csv')).stdout
    expect(rows).toContain('Inverter 7')
  })

  it('finds the registers of a unit, in rows for a spreadsheet too', async () => {
    const place = ['registers', '--target', meter(), '--unit', '1', '--fc', '4', '--to', '400', '--rate', '0']
    const ran = await scan(...place, '--json')
    const found = registerScan.parse(ran.json())
    expect([ran.status, found.state, found.next]).toEqual([0, 'complete', 401])
    const values = found.spans.filter(({ status }) => status === 'value' || status === 'sentinel')
    expect(values.length).toBeGreaterThan(0)
    const rows = (await scan(...place, '--csv')).stdout.split('\r\n')
    expect(rows[0]).toContain('address')
    expect(rows.length).toBeGreaterThan(values.reduce((sum, { count }) => sum + count, 0))
  })

  it('goes on where it ended before', async () => {
    const file = join(folder, 'part.json')
    const place = ['registers', '--target', meter(), '--fc', '4', '--rate', '0', '--json']
    const part = registerScan.parse((await scan(...place, '--to', '100')).json())
    writeFileSync(file, JSON.stringify({ ...part, to: 300 }))
    const whole = registerScan.parse((await scan(...place, '--resume', file)).json())
    expect(whole).toMatchObject({ state: 'complete', from: 0, to: 300, next: 301 })
  })

  it.each([
    [['tcp', '--range', '10.0.0.0/8'], 1, /10\.0\.0\.0\/8 has 16777216 addresses/],
    [['tcp', '--range', '203.0.113.0/28'], 1, /203\.0\.113\.0\/28 is not on a network of this machine/],
    [['tcp', '--range', 'somewhere'], 1, /"somewhere" is not a range/],
    [['tcp', '--range', '127.0.0.1', '--ports', '99999'], 2, /--ports: "99999"/],
    [['rtu'], 2, /--port is missing/],
    [['rtu', '--port', '/dev/no-such-port'], 1, /there is no serial port \/dev\/no-such-port/],
    [['rtu', '--port', '/dev/null', '--baud', '12'], 2, /--baud/],
    [['registers', '--target', 'nonsense'], 2, /bus address "nonsense"/],
    [['registers', '--target', 'tcp://127.0.0.1:1'], 1, /refuses the connection/],
    [['registers', '--target', 'tcp://127.0.0.1:1', '--from', '9', '--to', '3'], 2, /--from lies behind --to/],
    [['rtu', '--port', '/dev/x', '--resume', '/etc/passwd'], 2, /does not hold the --json of such a scan/],
    [['everything'], 2, /"everything" is not rtu, tcp or registers/],
  ])('%j ends with one sentence', async (args, status, message) => {
    const ran = await scan(...args)
    expect(ran.stderr).toMatch(message)
    expect(ran.status).toBe(status)
  })

  it.skipIf(!hasSocat)('works through the service that holds the port, and stops when it is told to', async () => {
    await using pair = await openPtyPair(mkdtempSync(join(folder, 'held-')))
    await using device = await startPtyDevice(pair.device, { 1: createTestUnit(ramp(300)) })
    const site = join(folder, 'site.yaml')
    writeFileSync(
      site,
      `version: 3
name: A line
cycleMs: 1000
grids: [{ id: main, name: Grid, connection: { id: mains, name: Grid connection } }]
devices:
  - id: mast
    name: Weather mast
    role: weather
    map: r-ems/demo-weather
    connection: rtu://${pair.client}?baud=9600
    unitId: 1
`,
    )
    await using service = await startService(['--config', site])
    const environment = { ...process.env, R_EMS_API_PORT: new URL(service.url).port, R_EMS_API_TOKEN: serviceToken }
    const program = [join(root, 'out/service/r-emsctl.js'), 'scan', 'rtu', '--port', pair.client, '--json']
    const child = spawn(process.execPath, program, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
    const output = text(child.stdout)
    const closed = once(child, 'close')
    await expect.poll(() => device.seen.some(({ unitId }) => unitId === 247), { timeout: 20_000 }).toBe(true)
    child.kill('SIGINT')
    await closed
    const found = unitScan.parse(JSON.parse(await output))
    expect([child.exitCode, found.state]).toEqual([130, 'cancelled'])
    expect(found.units.map(({ unitId }) => unitId)).toEqual([1])
    // Polling went on all the time.
    expect(device.seen.filter(({ unitId }) => unitId === 1).length).toBeGreaterThan(2)
  })

  it.skipIf(!hasSocat)('hears the settings of a line that somebody else uses, and asks nobody there', async () => {
    await using pair = await openPtyPair(mkdtempSync(join(folder, 'foreign-')))
    const other = new SerialPort({ path: pair.device, baudRate: 9600, autoOpen: false })
    await new Promise<void>((resolve, reject) => other.open((error) => (error ? reject(error) : resolve())))
    let heard = 0
    other.on('data', (bytes: Buffer) => (heard += bytes.length))
    const frames = [Buffer.from([9, 3, 0, 0, 0, 1]), Buffer.from([9, 3, 2, 0, 42])].map(withCrc)
    let turn = 0
    const speaking = setInterval(() => other.write(frames[turn++ % 2]), 150)
    const ran = await scan('rtu', '--port', pair.client, '--baud', 'auto', '--json')
    clearInterval(speaking)
    const found = unitScan.parse(ran.json())
    expect([ran.status, found.state, found.requests, heard]).toEqual([5, 'foreign-traffic', 0, 0])
    expect(found.settings).toEqual({ baud: 9600, parity: 'none', stopBits: 1 })
    expect(found.notes.join()).toMatch(/frames with a right checksum, of unit 9, at 9600 8N1/)
    expect(ran.stderr).toContain('an active scan is refused; listen with r-emsctl sniff --port')
    await new Promise<void>((resolve) => other.close(() => resolve()))
  })

  it.skipIf(!hasSocat)('finds what is left to be found on a line, and names who else has the port', async () => {
    await using pair = await openPtyPair(mkdtempSync(join(folder, 'pty-')))
    await using _ = await startPtyDevice(pair.device, { 44: createTestUnit(ramp(5)), 46: createTestUnit(ramp(5)) })
    const before: UnitScan = {
      kind: 'units',
      bus: `rtu://${pair.client}`,
      settings: null,
      state: 'cancelled',
      reason: null,
      startedAtMs: 0,
      elapsedMs: 0,
      floorMs: 0,
      requests: 0,
      notes: [],
      thorough: false,
      heard: { quietMs: 0, bytes: 0, text: '' },
      units: [],
      silent: [
        { waitedMs: 300, unitIds: Array.from({ length: 247 }, (_, i) => i + 1).filter((id) => id < 40 || id > 60) },
      ],
      notExcluded: [],
      timeoutMs: 40,
      identifyMs: 0,
    }
    const file = join(folder, 'before.json')
    writeFileSync(file, JSON.stringify(before))
    const args = ['rtu', '--port', pair.client, '--listen', '0.2', '--no-identify', '--resume', file]
    const ran = await scan(...args, '--json')
    const found = unitScan.parse(ran.json())
    expect([ran.status, found.state]).toEqual([0, 'complete'])
    expect(found.units.map(({ unitId }) => unitId)).toEqual([44, 46])
    expect(found.notExcluded).toContain(1)

    const other = new SerialPort({ path: pair.client, baudRate: 9600, autoOpen: false })
    await new Promise<void>((resolve, reject) => other.open((error) => (error ? reject(error) : resolve())))
    const second = await scan(...args)
    expect(second.status).toBe(1)
    expect(second.stderr).toMatch(/is in use by .*process \d+/)
    await new Promise<void>((resolve) => other.close(() => resolve()))
  })
})
