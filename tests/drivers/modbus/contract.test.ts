import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseBusAddress } from '../../../service/drivers/modbus/address.ts'
import { createArmedBus, createReadOnlyBus, type ArmedBus } from '../../../service/drivers/modbus/bus.ts'
import { realClock } from '../support/clock.ts'
import { libmodbusMissing, removeLibmodbus, startLibmodbus } from '../support/libmodbus.ts'
import { hasSocat, openPtyPair, startPtyDevice } from '../support/pty.ts'
import { pymodbusMissing, startPymodbus } from '../support/pymodbus.ts'
import { createTestUnit, ramp } from '../support/test-device.ts'
import { startTestServer } from '../support/test-server.ts'

/** Registers 0..199, each with its address plus 1000. */
const words = ramp(200, 1000)
const dump = {
  unit_id: 1,
  registers: { '0': Object.values(words) },
  identity: { vendor: 'Acme', product: 'X1', revision: '1.2' },
}
const noSocat = hasSocat ? undefined : 'socat is not installed'

interface Rig {
  readonly name: string
  readonly skip: string | undefined
  /** False for peers without FC 43. */
  readonly identifies?: false
  /**
   * False for libmodbus: over TCP it answers for every unit, and on a line it takes what follows a request to another
   * unit for that unit's answer.
   */
  readonly minds?: false
  /** The bus address of a fresh device with these registers at unit 1. */
  start(stack: AsyncDisposableStack): Promise<string>
}

const rigs: readonly Rig[] = [
  {
    name: 'own server, TCP',
    skip: undefined,
    start: async (stack) => stack.use(await startTestServer('tcp', { 1: createTestUnit(words) })).url,
  },
  {
    name: 'own server, RTU over TCP',
    skip: undefined,
    start: async (stack) => stack.use(await startTestServer('rtutcp', { 1: createTestUnit(words) })).url,
  },
  {
    name: 'own device, RTU on a pty',
    skip: noSocat,
    async start(stack) {
      const pair = stack.use(await openPtyPair())
      stack.use(await startPtyDevice(pair.device, { 1: createTestUnit(words) }))
      return `rtu://${pair.client}?baud=115200`
    },
  },
  {
    name: 'pymodbus, TCP',
    skip: pymodbusMissing,
    start: async (stack) => stack.use(await startPymodbus(dump)).url,
  },
  {
    name: 'pymodbus, RTU on a pty',
    skip: pymodbusMissing ?? noSocat,
    async start(stack) {
      const pair = stack.use(await openPtyPair())
      stack.use(await startPymodbus(dump, pair.device))
      return `rtu://${pair.client}?baud=9600`
    },
  },
  {
    name: 'libmodbus, TCP',
    skip: libmodbusMissing,
    identifies: false,
    minds: false,
    start: async (stack) => stack.use(await startLibmodbus()).url,
  },
  {
    name: 'libmodbus, RTU on a pty',
    skip: libmodbusMissing ?? noSocat,
    identifies: false,
    minds: false,
    async start(stack) {
      const pair = stack.use(await openPtyPair())
      stack.use(await startLibmodbus(pair.device))
      return `rtu://${pair.client}?baud=9600`
    },
  },
]

afterAll(removeLibmodbus)

describe.each(rigs)('$name', ({ skip, identifies = true, minds = true, start }) => {
  if (skip !== undefined) {
    test.skip(`skipped: ${skip}`, () => undefined)
    return
  }

  const stack = new AsyncDisposableStack()
  let bus: ArmedBus
  let url: string

  beforeAll(async () => {
    url = await start(stack)
    bus = stack.use(createArmedBus({ address: parseBusAddress(url), clock: realClock }))
  })
  afterAll(() => stack.disposeAsync())

  const read = (address: number, count: number, fn: 3 | 4 = 3) => bus.unit(1).ask({ fn, address, count })

  test.each([
    [3, 0, 1],
    [3, 60, 125],
    [4, 198, 2],
  ] as const)('FC %i reads %i+%i', async (fn, address, count) => {
    const answer = await read(address, count, fn)
    expect(answer.kind === 'words' && Array.from(answer.words)).toEqual(
      Array.from({ length: count }, (_, i) => address + i + 1000),
    )
  })

  test('a register that is missing is exception 2, and the next read works', async () => {
    expect(await read(199, 2)).toEqual({ kind: 'exception', code: 2 })
    expect(await read(199, 1)).toMatchObject({ kind: 'words' })
  })

  test('FC 16 and FC 6 write what is then read', async () => {
    const unit = bus.unit(1)
    expect((await unit.write({ fn: 16, address: 10, words: [1, 0xffff, 0x8000] })).answer).toEqual({ kind: 'written' })
    const single = await unit.write({ fn: 6, address: 13, value: 4321 })
    expect(single.answer).toEqual({ kind: 'written' })
    expect(single.frame?.toString('hex')).toMatch(/0106000d10e1/)
    const answer = await read(10, 4)
    expect(answer.kind === 'words' && Array.from(answer.words)).toEqual([1, 0xffff, 0x8000, 4321])
  })

  test('FC 5, FC 15 and FC 1 on coils', async () => {
    const unit = bus.unit(1)
    expect((await unit.write({ fn: 15, address: 0, bits: [true, false, true, true, false] })).answer.kind).toBe(
      'written',
    )
    expect((await unit.write({ fn: 5, address: 4, on: true })).answer.kind).toBe('written')
    const answer = await unit.ask({ fn: 1, address: 0, count: 5 })
    expect(answer.kind === 'bits' && Array.from(answer.bits)).toEqual([1, 0, 1, 1, 1])
  })

  if (identifies)
    test('FC 43/14 tells who it is', async () => {
      const answer = await bus.unit(1).ask({ fn: 43, access: 1, objectId: 0 })
      expect(answer.kind === 'identification' && answer.identification.objects.get(0)?.toString()).toBe('Acme')
    })

  test('many at once each get their own answer', async () => {
    const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => read(20 + i, 1 + (i % 5))))
    for (const [i, answer] of answers.entries())
      expect(answer.kind === 'words' && answer.words[0], `read ${i}`).toBe(1020 + i)
  })

  if (minds)
    test('a unit that does not exist is no answer, and costs the others nothing more', async () => {
      const nobody = bus.unit(77, { timeoutMs: 100 })
      const first = await nobody.ask({ fn: 3, address: 0, count: 1 })
      expect(first.kind === 'failed' ? first.failure : first).toSatisfy(
        (seen) => seen === 'timeout' || (typeof seen === 'object' && 'code' in seen && seen.code === 11),
      )
      expect(await nobody.ask({ fn: 3, address: 0, count: 1 })).toMatchObject({
        kind: 'failed',
        failure: 'silent',
        sent: false,
      })
      expect(await read(0, 1)).toMatchObject({ kind: 'words' })
    })

  test('counts what it did', () => {
    expect(bus.stats()).toMatchObject({ state: 'open', queued: 0 })
    expect(bus.stats().requests).toBeGreaterThan(50)
    expect(bus.unit(1).stats().p50Ms).toBeGreaterThan(0)
  })
})

test('a read-only bus has no way to write', async () => {
  await using server = await startTestServer('tcp', { 1: createTestUnit(words) })
  await using bus = createReadOnlyBus({ address: parseBusAddress(server.url), clock: realClock })
  const unit = bus.unit(1)
  expect('write' in unit).toBe(false)
  const smuggled = { fn: 6, address: 0, value: 1 } as unknown as { fn: 17 }
  await expect(unit.ask(smuggled)).rejects.toThrow('a read-only bus does not carry function 6')
  expect(await unit.ask({ fn: 3, address: 0, count: 1 })).toMatchObject({ kind: 'words' })
  expect(server.seen.map(({ pdu }) => pdu[0])).toEqual([3])
})
