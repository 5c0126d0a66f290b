import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { networkScan } from '#contract/workbench-scan.ts'
import { parseRange } from '../../../../service/commissioning/scan/address-range.ts'
import { listenForServices } from '../../../../service/commissioning/scan/announced.ts'
import { scanNetwork } from '../../../../service/commissioning/scan/scan-network.ts'
import { type AnnouncingDevice, announceDevices } from '../../../drivers/support/announcing-devices.ts'
import { realClock } from '../../../drivers/support/clock.ts'

const range = parseRange('127.0.0.0/29')

/** A port for multicast on the loopback interface that nobody else has. */
async function freePort(): Promise<number> {
  const probe = createSocket('udp4').bind(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  probe.close()
  await once(probe, 'close')
  return port
}

/** Until the end of the test. */
function devices(port: number, all: readonly AnnouncingDevice[], terse = false): void {
  const announced = announceDevices(all, { port, terse })
  onTestFinished(() => announced[Symbol.asyncDispose]())
}

const inverter = { instance: 'Inverter 7', service: '_modbus._tcp', address: '127.0.0.3', port: 502 }

test.each([
  ['tell all at once', false],
  ['tell only what they are asked for', true],
])('devices that announce themselves are in the result of a scan: they %s', async (_, terse) => {
  const port = await freePort()
  devices(
    port,
    [
      inverter,
      { ...inverter, instance: 'Logger', service: '_http._tcp', address: '127.0.0.2', port: 80 },
      { ...inverter, instance: 'Elsewhere', address: '10.9.8.7' },
      { ...inverter, instance: 'Printer', service: '_ipp._tcp' },
    ],
    terse,
  )
  await using announcements = listenForServices([range], { port })
  const found = await scanNetwork(
    { ranges: [range], ports: [await freePort()], units: 'none', announcements },
    { clock: realClock, signal: new AbortController().signal },
  )
  expect(networkScan.parse(found)).toMatchObject({ state: 'complete', endpoints: [] })
  expect(found.announced).toEqual([
    { name: 'Logger', service: '_http._tcp', host: '127.0.0.2', port: 80 },
    { name: 'Inverter 7', service: '_modbus._tcp', host: '127.0.0.3', port: 502 },
  ])
})

test('names cannot move the cursor, and what announces without end is bounded', async () => {
  const port = await freePort()
  devices(
    port,
    Array.from({ length: 300 }, (_, i) => ({ ...inverter, instance: `\u001B[2J\u202E${i}`, port: 1 + i })),
  )
  await using announcements = listenForServices([range], { port })
  await announcements.heardOut
  const found = announcements.found()
  expect(found.length).toBeGreaterThan(50)
  expect(found.length).toBeLessThanOrEqual(200)
  expect(found.filter(({ name }) => /[\p{Cc}\p{Cf}]/u.test(name))).toEqual([])
})

test('noise, and a port that cannot be had, end nothing', async () => {
  const port = await freePort()
  const listening = listenForServices([range], { port })
  const noise = createSocket('udp4')
  for (const bytes of ['', 'x', '\0\0\u0084\0\0\0\0\x01\0\0\0\0\u00C0\x0C', '\xFF'.repeat(600)])
    noise.send(Buffer.from(bytes, 'latin1'), port, '127.0.0.1')
  await listening.heardOut
  expect(listening.found()).toEqual([])
  await listening[Symbol.asyncDispose]()
  noise.close()

  const taken = createSocket({ type: 'udp4', reuseAddr: false }).bind(port, '0.0.0.0')
  await once(taken, 'listening')
  await using second = listenForServices([range], { port })
  await second.heardOut
  expect(second.found()).toEqual([])
  taken.close()
})

test('a network of others is not asked', async () => {
  await using elsewhere = listenForServices([parseRange('203.0.113.0/28', { foreign: true })])
  await elsewhere.heardOut
  expect(elsewhere.found()).toEqual([])
})
