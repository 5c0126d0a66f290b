import { describe, expect, test } from 'vitest'
import { parseBusAddress } from '../../../service/drivers/modbus/address.ts'
import { createReadOnlyBus } from '../../../service/drivers/modbus/bus.ts'
import { realClock } from '../support/clock.ts'
import { createTestUnit, ramp } from '../support/test-device.ts'
import { startTestServer } from '../support/test-server.ts'

const request = { fn: 3, address: 0, count: 1 } as const

describe('a look whether anybody is there', () => {
  test.each(['tcp', 'rtutcp'] as const)('leaves no mark when nobody answers (%s)', async (framing) => {
    await using server = await startTestServer(framing, { 1: createTestUnit(ramp(5)) })
    await using bus = createReadOnlyBus({ address: parseBusAddress(server.url), clock: realClock })
    for (let unitId = 10; unitId < 22; unitId++) {
      const unit = bus.unit(unitId)
      expect(await unit.ask(request, { probeMs: 20 })).toMatchObject({ failure: 'timeout', sent: true })
      // Asked again at once: nothing is held against it.
      expect(await unit.ask(request, { probeMs: 20 })).toMatchObject({ failure: 'timeout', sent: true })
      expect(unit.stats()).toMatchObject({ timeouts: 0, failures: 0 })
      expect(unit.stats().silent).toBeUndefined()
    }
    expect(await bus.unit(1).ask(request, { probeMs: 5_000 })).toMatchObject({ kind: 'words' })
    // The connection was never doubted either.
    expect([bus.stats().opens, server.accepted]).toEqual([1, 1])
  })

  test('reaches a unit that is left in peace after it fell silent', async () => {
    await using server = await startTestServer('tcp', { 1: createTestUnit(ramp(5)) })
    await using bus = createReadOnlyBus({ address: parseBusAddress(server.url), clock: realClock })
    const unit = bus.unit(1, { timeoutMs: 30 })
    server.respond = () => undefined
    await unit.ask(request)
    server.respond = ({ honest, send }) => send(honest)
    expect(await unit.ask(request)).toMatchObject({ failure: 'silent' })
    expect(await unit.ask(request, { probeMs: 3_000 })).toMatchObject({ kind: 'words' })
    expect(unit.stats().silent).toBeUndefined()
  })

  test('ends connecting after the time that is given', async () => {
    // Addresses of this network are set aside for documentation: nobody answers, if only with a refusal.
    const address = parseBusAddress('tcp://192.0.2.1:502')
    await using bus = createReadOnlyBus({ address, clock: realClock, connectTimeoutMs: 50 })
    const fromMs = performance.now()
    expect(await bus.unit(1).ask(request)).toMatchObject({ failure: 'closed' })
    expect(performance.now() - fromMs).toBeLessThan(10_000)
  })
})
