import { describe, expect, test } from 'vitest'
import { type UnitScan, unitScan } from '#contract/workbench-scan.ts'
import { scanUnits, type UnitScanOptions } from '../../../service/commissioning/scan/scan-units.ts'
import { createReadOnlyBus } from '../../../service/drivers/modbus/bus.ts'
import { realClock } from '../support/clock.ts'
import { measured } from '../../support/stalls.ts'
import { answerPdu, createTestUnit, ramp, type TestUnit } from '../support/test-device.ts'
import { frameFor, type Reply, startTestServer, type TestServer } from '../support/test-server.ts'

const ids = ({ units }: UnitScan): number[] => units.map(({ unitId }) => unitId)
const meter = (): TestUnit => createTestUnit(ramp(20))

async function scan(server: TestServer, options: Partial<UnitScanOptions> = {}, signal = new AbortController().signal) {
  await using bus = createReadOnlyBus({
    address: { kind: 'tcp', host: '127.0.0.1', port: server.port },
    clock: realClock,
  })
  return unitScan.parse(await scanUnits({ bus, ...options }, { clock: realClock, signal }))
}

/** An exception in place of an answer. */
const refuse = ({ request, send }: Reply, code: number): void =>
  send(frameFor('tcp', request.frame, request.unitId, Buffer.from([request.pdu[0]! | 0x80, code])))

describe('a unit scan behind a gateway', () => {
  test('takes no word of the gateway for a device', async () => {
    await using server = await startTestServer('tcp', { 3: meter(), 17: meter(), 44: meter(), 100: meter() })
    // 0B for absent units, 0A for all that it has no port for.
    server.respond = (reply) => {
      if (server.units.has(reply.request.unitId)) return reply.send(reply.honest)
      refuse(reply, reply.request.unitId > 100 ? 10 : 11)
    }
    const found = await scan(server)
    expect(found).toMatchObject({ state: 'complete', notExcluded: [], notes: [] })
    expect(ids(found)).toEqual([3, 17, 44, 100])
    expect(server.seen.every(({ pdu }) => [3, 17, 43].includes(pdu[0]!))).toBe(true)
  })

  test('lists a device once that does not look at the ID', async () => {
    const unit = meter()
    await using server = await startTestServer('tcp', {})
    server.respond = ({ request, send }) =>
      send(frameFor('tcp', request.frame, request.unitId, answerPdu(unit, request.pdu)))
    const found = await scan(server)
    expect(found).toMatchObject({ state: 'complete', units: [{ unitId: 1 }], notExcluded: [] })
    expect(found.notes).toEqual(['the device answers to any unit ID, so that it is listed once'])
    expect(found.units[0]!.alsoUnitIds).toEqual([2, 100, 247, 255])
    expect(found.requests).toBeLessThan(30)
  })

  test('keeps real units apart from the gateway that answers for all others', async () => {
    const gateway = createTestUnit({})
    await using server = await startTestServer('tcp', { 2: meter(), 8: meter() })
    server.respond = ({ request, honest, send }) =>
      send(honest.length > 0 ? honest : frameFor('tcp', request.frame, request.unitId, otherwise(gateway, request.pdu)))
    const found = await scan(server, { unitIds: [...Array.from({ length: 110 }, (_, i) => i + 1), 247, 255] })
    expect(ids(found)).toEqual([1, 2, 8])
    expect(found.units[0]!.alsoUnitIds).toHaveLength(109)
  })

  test('does not fold equal meters that have neighbours of none', async () => {
    await using server = await startTestServer('tcp', { 1: meter(), 2: meter() })
    server.respond = (reply) => (reply.honest.length > 0 ? reply.send(reply.honest) : refuse(reply, 11))
    expect(ids(await scan(server))).toEqual([1, 2])
  })

  test('waits for busy units, and says that a unit stays busy', async () => {
    await using server = await startTestServer('tcp', { 1: meter(), 2: meter() })
    let asked = 0
    server.respond = (reply) => {
      if (reply.request.unitId === 2 || (reply.request.unitId === 1 && ++asked === 1)) return refuse(reply, 6)
      return reply.honest.length > 0 ? reply.send(reply.honest) : refuse(reply, 11)
    }
    const found = await scan(server, { unitIds: [1, 2, 3] })
    expect(found.units).toMatchObject([
      { unitId: 1, status: 'present' },
      { unitId: 2, status: 'busy' },
    ])
  })

  test(
    'gets by with silence for absent units, and shortens it',
    measured(async () => {
      await using server = await startTestServer('tcp', { 1: meter(), 2: meter(), 3: meter() })
      const found = await scan(server, { unitIds: [1, 2, 3, 4, 5, 6, 7] })
      expect(ids(found)).toEqual([1, 2, 3])
      expect(found.timeoutMs).toBe(300)
      expect(found.elapsedMs).toBeLessThan(2500)
    }),
  )

  test('asks again with more time when answers came too late', async () => {
    await using server = await startTestServer('tcp', { 1: meter(), 2: meter(), 3: meter(), 6: meter() })
    server.respond = ({ request, honest, send }) => {
      if (request.unitId === 6) setTimeout(() => send(honest), 450)
      else send(honest)
    }
    const found = await scan(server, { unitIds: [1, 2, 3, 5, 6, 7, 8] })
    expect(ids(found)).toEqual([1, 2, 3, 6])
  })

  test('asks nobody on a line that nobody can be', async () => {
    await using server = await startTestServer('rtutcp', { 7: meter() })
    await using bus = createReadOnlyBus({
      address: { kind: 'rtutcp', host: '127.0.0.1', port: server.port },
      clock: realClock,
    })
    const stop = new AbortController()
    const result = await scanUnits({ bus, unitIds: [0, 7, 8, 255] }, { clock: realClock, signal: stop.signal })
    expect(ids(result)).toEqual([7])
    expect(result.state).toBe('complete')
    expect(new Set(server.seen.map(({ unitId }) => unitId))).toEqual(new Set([7, 8]))
  })

  test('suspects the serial settings of a gateway behind which nobody answers', async () => {
    await using server = await startTestServer('tcp', {})
    server.respond = (reply) => refuse(reply, 11)
    const found = await scan(server)
    expect(found.units).toEqual([])
    expect(found.notes.join()).toContain('are its serial settings those of the devices?')
  })

  test('keeps what it found when the connection breaks or it is stopped, and goes on from there', async () => {
    await using server = await startTestServer('tcp', { 1: meter(), 2: meter(), 9: meter() })
    let asked = 0
    server.respond = (reply) => {
      if (++asked > 6) return reply.close()
      return reply.honest.length > 0 ? reply.send(reply.honest) : refuse(reply, 11)
    }
    const broken = await scan(server)
    expect(broken).toMatchObject({ state: 'closed' })
    expect(broken.reason).toMatch(/closed the connection|reset/)
    expect(ids(broken)).toEqual([1, 2])
    server.respond = (reply) => (reply.honest.length > 0 ? reply.send(reply.honest) : refuse(reply, 11))
    const whole = await scan(server, { previous: broken })
    expect(whole).toMatchObject({ state: 'complete' })
    expect(ids(whole)).toEqual([1, 2, 9])
  })
})

/** What a gateway says of itself for units that it does not know. */
function otherwise(unit: TestUnit, pdu: Buffer): Buffer {
  return pdu[0] === 17 || pdu[0] === 43 ? Buffer.from([pdu[0] | 0x80, 1]) : answerPdu(unit, pdu)
}
