import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { parseBusAddress } from '../../../service/drivers/modbus/address.ts'
import { createArmedBus, createReadOnlyBus } from '../../../service/drivers/modbus/bus.ts'
import { createFrameLog } from '../../../service/drivers/modbus/frame-log.ts'
import { realClock } from '../support/clock.ts'
import { createTestUnit, ramp } from '../support/test-device.ts'
import { startTestServer, type Reply, type TestServer } from '../support/test-server.ts'

const serverWith = (...unitIds: number[]): Promise<TestServer> =>
  startTestServer('tcp', Object.fromEntries(unitIds.map((id) => [id, createTestUnit(ramp(300))])))

const busOn = (server: TestServer) => createArmedBus({ address: parseBusAddress(server.url), clock: realClock })

/** Holds answers back until a test lets them go. */
function hold(server: TestServer): { readonly held: Reply[]; release(): void } {
  const held: Reply[] = []
  server.respond = (reply) => held.push(reply)
  return {
    held,
    release() {
      for (const { honest, send } of held.splice(0)) send(honest)
    },
  }
}

describe('order', () => {
  test('writes go before control, control before background, background before scans', async () => {
    await using server = await serverWith(1)
    await using bus = busOn(server)
    const unit = bus.unit(1)
    const gate = hold(server)
    const all = [unit.ask({ fn: 3, address: 0, count: 1 })]
    await expect.poll(() => gate.held.length).toBe(1)
    all.push(
      unit.ask({ fn: 3, address: 30, count: 1 }, { priority: 'scan' }),
      unit.ask({ fn: 3, address: 20, count: 1 }),
      unit.ask({ fn: 3, address: 10, count: 1 }, { priority: 'control' }),
      unit.write({ fn: 6, address: 5, value: 1 }).then(({ answer }) => answer),
    )
    server.respond = ({ honest, send }) => send(honest)
    gate.release()
    await Promise.all(all)
    expect(server.seen.map(({ pdu }) => pdu.readUInt16BE(1))).toEqual([0, 5, 10, 20, 30])
  })

  test('requests are pipelined as far as the device declares, and answers may come in any order', async () => {
    await using server = await serverWith(1)
    await using bus = busOn(server)
    const unit = bus.unit(1, { pipeline: 4 })
    await unit.ask({ fn: 3, address: 0, count: 1 })
    const gate = hold(server)
    const answers = Array.from({ length: 8 }, (_, i) => unit.ask({ fn: 3, address: 100 + i, count: 1 }))
    await expect.poll(() => gate.held.length).toBe(4)
    await delay(20)
    expect(gate.held).toHaveLength(4)
    server.respond = ({ honest, send }) => send(honest)
    gate.held.reverse()
    gate.release()
    const words = (await Promise.all(answers)).map((answer) => answer.kind === 'words' && answer.words[0])
    expect(words).toEqual([100, 101, 102, 103, 104, 105, 106, 107])
  })

  test('without a declaration one request at a time is under way', async () => {
    await using server = await serverWith(1)
    await using bus = busOn(server)
    const unit = bus.unit(1)
    await unit.ask({ fn: 3, address: 0, count: 1 })
    const gate = hold(server)
    const answers = [1, 2].map((address) => unit.ask({ fn: 3, address, count: 1 }))
    await expect.poll(() => gate.held.length).toBe(1)
    await delay(20)
    expect(gate.held).toHaveLength(1)
    server.respond = ({ honest, send }) => send(honest)
    gate.release()
    await Promise.all(answers)
  })
})

describe('a dead unit', () => {
  test('costs the others one timeout, however much is asked of it', async () => {
    await using server = await serverWith(1)
    await using bus = busOn(server)
    const alive = bus.unit(1)
    const dead = bus.unit(9, { timeoutMs: 500 })
    const startMs = performance.now()
    const asked = Array.from({ length: 20 }, () => dead.ask({ fn: 3, address: 0, count: 1 }, { priority: 'control' }))
    const answer = await alive.ask({ fn: 3, address: 0, count: 1 })
    expect(answer.kind).toBe('words')
    expect(performance.now() - startMs).toBeLessThan(5_000)
    const failures = (await Promise.all(asked)).map((each) => each.kind === 'failed' && each.failure)
    expect(failures).toEqual(['timeout', ...Array.from({ length: 19 }, () => 'silent')])
    expect(server.seen.filter(({ unitId }) => unitId === 9)).toHaveLength(1)
  })

  test('is asked again after its back-off, once', async () => {
    await using server = await serverWith()
    await using bus = busOn(server)
    const dead = bus.unit(9, { timeoutMs: 20 })
    const untilMs = performance.now() + 1200
    while (performance.now() < untilMs) {
      await dead.ask({ fn: 3, address: 0, count: 1 })
      await delay(10)
    }
    expect(server.seen).toHaveLength(2)
  })
})

test('dead units among living ones do not cost the connection', async () => {
  await using server = await serverWith(1)
  await using bus = busOn(server)
  expect((await bus.unit(1).ask({ fn: 3, address: 0, count: 1 })).kind).toBe('words')
  for (const id of [7, 8, 9, 10]) await bus.unit(id, { timeoutMs: 20 }).ask({ fn: 3, address: 0, count: 1 })
  expect((await bus.unit(1).ask({ fn: 3, address: 0, count: 1 })).kind).toBe('words')
  expect(server.accepted).toBe(1)
})

describe('the connection', () => {
  test('is opened by the first request only', async () => {
    await using server = await serverWith(1)
    await using bus = busOn(server)
    const unit = bus.unit(1)
    await delay(20)
    expect(server.accepted).toBe(0)
    await unit.ask({ fn: 3, address: 0, count: 1 })
    expect(server.accepted).toBe(1)
  })

  test('waits after connecting where the device needs it', async () => {
    await using server = await serverWith(1)
    await using bus = busOn(server)
    const startMs = performance.now()
    await bus.unit(1, { connectDelayMs: 150 }).ask({ fn: 3, address: 0, count: 1 })
    expect(server.seen[0]!.atMs - startMs).toBeGreaterThan(149)
  })

  test('keeps the gap between an answer and the next request', async () => {
    await using server = await serverWith(1)
    await using bus = busOn(server)
    const unit = bus.unit(1, { requestGapMs: 30 })
    await Promise.all([1, 2, 3].map((address) => unit.ask({ fn: 3, address, count: 1 })))
    const times = server.seen.map(({ atMs }) => atMs)
    expect(times[1]! - times[0]!).toBeGreaterThan(29)
    expect(times[2]! - times[1]!).toBeGreaterThan(29)
  })

  test('is let go after use where the device serves one client', async () => {
    await using server = await serverWith(1)
    await using bus = busOn(server)
    const unit = bus.unit(1, { singleClient: true })
    await unit.ask({ fn: 3, address: 0, count: 1 })
    await expect.poll(() => server.clients.size, { interval: 10 }).toBe(0)
    expect(bus.stats()).toEqual(expect.objectContaining({ state: 'closed', failures: 0 }))
    expect((await unit.ask({ fn: 3, address: 0, count: 1 })).kind).toBe('words')
    expect(server.accepted).toBe(2)
  })

  test('is closed by us before the device closes it', async () => {
    await using server = await serverWith(1)
    await using bus = busOn(server)
    const startMs = performance.now()
    await bus.unit(1, { idleCloseMs: 3_000 }).ask({ fn: 3, address: 0, count: 1 })
    await expect.poll(() => server.clients.size, { interval: 5, timeout: 5_000 }).toBe(0)
    expect(performance.now() - startMs).toBeLessThan(3_000)
  })

  test('survives the loss of its first answer where that is usual', async () => {
    await using server = await serverWith(1)
    await using bus = busOn(server)
    const unit = bus.unit(1, { firstAnswerLost: true, timeoutMs: 100 })
    server.respond = () => {
      server.respond = ({ honest, send }) => send(honest)
    }
    expect((await unit.ask({ fn: 3, address: 0, count: 1 })).kind).toBe('words')
    expect(unit.stats()).toMatchObject({ timeouts: 0, failures: 0 })
  })

  test('that the device closed while idle is opened again without a failure', async () => {
    await using server = await serverWith(1)
    await using bus = busOn(server)
    const unit = bus.unit(1)
    await unit.ask({ fn: 3, address: 0, count: 1 })
    for (const client of server.clients) client.end()
    await expect.poll(() => bus.stats().state, { interval: 5 }).toBe('closed')
    expect((await unit.ask({ fn: 3, address: 0, count: 1 })).kind).toBe('words')
  })

  test('carries RTU frames where the map says so', async () => {
    await using server = await startTestServer('rtutcp', { 1: createTestUnit(ramp(10)) })
    const address = parseBusAddress(server.url.replace('rtutcp', 'tcp'))
    await using bus = createReadOnlyBus({ address, clock: realClock })
    const unit = bus.unit(1, { framing: 'rtu-over-tcp' })
    expect((await unit.ask({ fn: 3, address: 0, count: 1 })).kind).toBe('words')
  })
})

test('a cancelled request is let go at once, and others go on', async () => {
  await using server = await serverWith(1)
  await using bus = busOn(server)
  const unit = bus.unit(1)
  const gate = hold(server)
  const first = unit.ask({ fn: 3, address: 0, count: 1 })
  const cancel = new AbortController()
  const second = unit.ask({ fn: 3, address: 1, count: 1 }, { signal: cancel.signal })
  await expect.poll(() => gate.held.length).toBe(1)
  cancel.abort()
  expect(await second).toMatchObject({ failure: 'aborted', sent: false })
  gate.release()
  expect((await first).kind).toBe('words')
  expect(server.seen).toHaveLength(1)
})

test('disposing a bus ends what is under way and what waits', async () => {
  await using server = await serverWith(1)
  const bus = busOn(server)
  const unit = bus.unit(1)
  const gate = hold(server)
  const asked = [0, 1].map((address) => unit.ask({ fn: 3, address, count: 1 }))
  await expect.poll(() => gate.held.length).toBe(1)
  await bus[Symbol.asyncDispose]()
  expect(await asked[0]).toMatchObject({ failure: 'closed', sent: true })
  expect(await asked[1]).toMatchObject({ failure: 'aborted', sent: false })
  expect(await unit.ask({ fn: 3, address: 0, count: 1 })).toMatchObject({ failure: 'aborted' })
})

test('the frame log keeps the newest frames in both directions', async () => {
  await using server = await serverWith(1)
  await using bus = busOn(server)
  using log = createFrameLog(bus, realClock, 3)
  const unit = bus.unit(1)
  await unit.ask({ fn: 3, address: 1, count: 1 })
  await unit.ask({ fn: 3, address: 2, count: 1 })
  const frames = log.frames()
  expect(frames.map(({ direction }) => direction)).toEqual(['received', 'sent', 'received'])
  expect(frames[1]!.hex).toMatch(/010300020001$/)
  expect(frames[2]!.hex).toMatch(/0103020002$/)
})
