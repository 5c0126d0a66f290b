import { createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import { networkScan, type NetworkScan } from '#contract/workbench-scan.ts'
import { type AddressRange, parseRange } from '../../../service/commissioning/scan/address-range.ts'
import { type NetworkScanOptions, scanNetwork } from '../../../service/commissioning/scan/scan-network.ts'
import { realClock } from '../support/clock.ts'
import { libmodbusMissing, startLibmodbus } from '../support/libmodbus.ts'
import { pymodbusMissing, startPymodbus } from '../support/pymodbus.ts'
import { createTestUnit, ramp } from '../support/test-device.ts'
import { createFrameSplitter } from '../support/test-server.ts'
import { type HostileKind, hostileKinds, listenAt, listenHostile, listenHttp, type Listener } from './hostile.ts'

const loopback = parseRange('127.0.0.0/28')
const kinds = Object.keys(hostileKinds) as HostileKind[]
const isLinux = process.platform === 'linux'

const scan = async (
  ports: readonly number[],
  options: Partial<NetworkScanOptions> = {},
  ranges: readonly AddressRange[] = [loopback],
  signal = new AbortController().signal,
): Promise<NetworkScan> =>
  networkScan.parse(await scanNetwork({ ranges, ports, connectMs: 300, ...options }, { clock: realClock, signal }))

/** A device that answers for units 1 and 2, and with 0B for all others, as a gateway does. */
const device = (host: string, port: number): Promise<Listener> =>
  listenAt(
    createServer((socket) => {
      const splitter = createFrameSplitter('tcp', { 1: createTestUnit(ramp(5)), 2: createTestUnit(ramp(9)) })
      splitter.state.respond = ({ request, honest, send }) => {
        const header = Buffer.from([...request.frame.subarray(0, 4), 0, 3, request.unitId])
        send(honest.length > 0 ? honest : Buffer.concat([header, Buffer.from([request.pdu[0]! | 0x80, 11])]))
      }
      socket.on('data', (chunk) =>
        splitter.push(chunk, { send: (bytes) => void socket.write(bytes), close: () => socket.destroy() }),
      )
    }),
    host,
    port,
  )

const statuses = ({ endpoints }: NetworkScan) => endpoints.map(({ host, status }) => `${host} ${status}`)

describe.skipIf(!isLinux)(`a scan of a network${isLinux ? '' : ' (addresses of 127.0.0.0/8 need Linux)'}`, () => {
  test('finds devices among programs that mean no good, and lets go of all', async () => {
    await using first = await device('127.0.0.2', 0)
    const { port } = first
    await using second = await device('127.0.0.14', port)
    await using web = await listenHttp('127.0.0.3', port)
    await using held = await device('127.0.0.4', port)
    await using stack = new AsyncDisposableStack()
    const hostile: Listener[] = []
    for (const [i, kind] of kinds.entries())
      hostile.push(stack.use(await listenHostile(kind, `127.0.0.${5 + i}`, port)))
    let contacts = 0
    const heldOpen = held.open.size
    const found = await scan([port], { held: new Set([`127.0.0.4:${port}`]) })
    contacts = held.open.size - heldOpen

    expect(found).toMatchObject({ state: 'complete', asked: 14, total: 14 })
    expect(found.units.map(({ bus, unitId }) => `${bus} ${unitId}`)).toEqual([
      `tcp://127.0.0.2:${port} 1`,
      `tcp://127.0.0.2:${port} 2`,
      `tcp://127.0.0.14:${port} 1`,
      `tcp://127.0.0.14:${port} 2`,
    ])
    const of = new Map(found.endpoints.map(({ host, status }) => [host, status]))
    expect(of.get('127.0.0.3')).toMatch(/other|reset/)
    expect([of.get('127.0.0.4'), contacts]).toEqual(['held', 0])
    expect(kinds.map((kind, i) => `${kind}: ${of.get(`127.0.0.${5 + i}`)}`)).toEqual([
      'says nothing: silent',
      'closes at once: reset',
      'resets at the first byte: reset',
      'sends random bytes without end: other',
      'sends zeros without end: other',
      'sends frames of its own without end: silent',
      'sends back what it gets: other',
      'sends half a frame: silent',
      'sends a frame byte by byte: silent',
    ])
    expect(found.elapsedMs).toBeLessThan(12_000)
    for (const listener of [first, second, web, ...hostile])
      await expect.poll(() => listener.open.size, { timeout: 2000 }).toBe(0)
  })

  test.skipIf(pymodbusMissing !== undefined || libmodbusMissing !== undefined)(
    `finds pymodbus and libmodbus${pymodbusMissing ? ` (${pymodbusMissing})` : ''}${libmodbusMissing ? ` (${libmodbusMissing})` : ''}`,
    async () => {
      await using python = await startPymodbus({ unit_id: 1, registers: { '0': [1, 2, 3] } })
      await using libmodbus = await startLibmodbus()
      const ports = [python, libmodbus].map(({ url }) => Number(new URL(url.replace('tcp:', 'http:')).port))
      const found = await scan(ports, {}, [parseRange('127.0.0.1')])
      expect(found.endpoints).toMatchObject([{ status: 'modbus' }, { status: 'modbus' }])
      expect(new Set(found.units.map(({ bus }) => bus)).size).toBe(2)
      expect(found.units.every(({ status }) => status === 'present')).toBe(true)
    },
  )

  test('stops when it is told to, and goes on from there', async () => {
    await using first = await device('127.0.0.2', 0)
    const { port } = first
    await using second = await device('127.0.0.12', port)
    const stop = new AbortController()
    setTimeout(() => stop.abort(), 500)
    const partial = await scan([port], { perS: 10, parallel: 2, units: 'none' }, [loopback], stop.signal)
    expect(partial.state).toBe('cancelled')
    expect(partial.asked).toBeLessThan(8)
    expect(statuses(partial)).toEqual(['127.0.0.2 modbus'])
    const whole = await scan([port], { previous: partial, units: 'none' })
    expect(statuses(whole)).toEqual(['127.0.0.2 modbus', '127.0.0.12 modbus'])
    expect(whole).toMatchObject({ state: 'complete', asked: 14 })
    void second
  })

  test('begins no more connections per second than it is allowed to', async () => {
    await using only = await device('127.0.0.2', 0)
    const found = await scan([only.port], { perS: 20, units: 'none' })
    expect(found.elapsedMs).toBeGreaterThanOrEqual((13 * 1000) / 20)
  })
})
