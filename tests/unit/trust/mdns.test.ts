import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { announce, browse } from '../../../service/trust/mdns.ts'
import { edgeId } from './pki.ts'

/** Multicast on the loopback interface, on a port nobody else has. */
async function loopback() {
  const probe = createSocket('udp4').bind(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  await new Promise<void>((resolve) => {
    probe.close(() => resolve())
  })
  return { interface: '127.0.0.1', bind: '0.0.0.0', port }
}

test('an edge that announces itself is found; the last word makes it go away', async () => {
  const place = await loopback()
  const problems: Error[] = []
  const edge = announce(
    { name: 'Site No. 7', port: 8443, edgeId, hostName: 'edge-one.local', addresses: () => ['127.0.0.1'] },
    (error) => problems.push(error),
    place,
  )
  const found = await browse(AbortSignal.timeout(700), place)
  expect(found).toEqual([{ name: 'Site No  7', host: '127.0.0.1', port: 8443, edgeId }])
  await edge[Symbol.asyncDispose]()
  expect(await browse(AbortSignal.timeout(300), place)).toEqual([])
  expect(problems).toEqual([])
})

test('a port that cannot be had is reported and ends nothing', async () => {
  const place = await loopback()
  const taken = createSocket({ type: 'udp4', reuseAddr: false }).bind(place.port, '0.0.0.0')
  await once(taken, 'listening')
  const reported = Promise.withResolvers<Error>()
  const edge = announce(
    { name: 'x', port: 1, edgeId, hostName: 'x.local', addresses: () => [] },
    reported.resolve,
    place,
  )
  expect((await reported.promise).message).toContain('EADDRINUSE')
  await edge[Symbol.asyncDispose]()
  taken.close()
})

test('noise on the network is no edge', async () => {
  const place = await loopback()
  const listening = browse(AbortSignal.timeout(500), place)
  const noise = createSocket('udp4')
  for (const bytes of ['', 'x', '\0\0\x84\0\0\0\0\x01\0\0\0\0\xc0\x0c', '\xff'.repeat(600)])
    noise.send(Buffer.from(bytes, 'latin1'), place.port, '127.0.0.1')
  expect(await listening).toEqual([])
  noise.close()
})
