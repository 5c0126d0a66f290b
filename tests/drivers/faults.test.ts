import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { parseBusAddress } from '../../service/drivers/modbus/address.ts'
import { createReadOnlyBus, type BusUnit } from '../../service/drivers/modbus/bus.ts'
import { createModbusDevice } from '../../service/drivers/modbus/device.ts'
import type { Answer } from '../../service/drivers/modbus/pdu.ts'
import { createRandom } from './line/random.ts'
import { realClock } from './support/clock.ts'
import { mapFrom } from './support/maps.ts'
import { createTestUnit, ramp } from './support/test-device.ts'
import { frameFor, startTestServer, type Reply } from './support/test-server.ts'

type Framing = 'tcp' | 'rtutcp'

async function setUp(framing: Framing, quirks = {}) {
  const server = await startTestServer(framing, { 1: createTestUnit(ramp(2000)) })
  const bus = createReadOnlyBus({ address: parseBusAddress(server.url), clock: realClock })
  return {
    server,
    bus,
    unit: bus.unit(1, { timeoutMs: 60, ...quirks }),
    async [Symbol.asyncDispose]() {
      await bus[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

const honestly = ({ honest, send }: Reply): void => send(honest)
const within = <T>(promise: Promise<T>, limitMs: number): Promise<T> =>
  Promise.race([
    promise,
    delay(limitMs, undefined, { ref: false }).then(() => Promise.reject(new Error(`not settled in ${limitMs} ms`))),
  ])

/** Registers of the test unit hold their own address. */
function expectTrue(answer: Answer, address: number, count: number): void {
  if (answer.kind === 'words')
    expect(Array.from(answer.words)).toEqual(Array.from({ length: count }, (_, i) => address + i))
  else expect(answer.kind).toBe('failed')
}

/** Every fault of a bad line and of bad firmware, by chance. RTU answers carry no address, so that a late one or a copy is told apart by its size only: those are left out there. */
function badly(framing: Framing, random: () => number): (reply: Reply) => void {
  const faults: ((reply: Reply) => void)[] = [
    () => undefined,
    ({ honest, send }) => send(honest.subarray(0, Math.floor(random() * honest.length))),
    ({ request, send }) => send(frameFor(framing, request.frame, 9, Buffer.from([3, 4, 9, 9, 9, 9]))),
    ({ request, send }) => send(frameFor(framing, request.frame, 1, Buffer.from([3, 2, 9, 9, 9]))),
    ({ honest, send, close }) => {
      send(honest.subarray(0, 5))
      setImmediate(close)
    },
    ({ honest, send }) => {
      for (const [i, byte] of honest.entries()) setTimeout(() => send(Buffer.from([byte])), i)
    },
    ({ send }) => send(Buffer.from(Array.from({ length: 40 }, () => Math.floor(256 * random())))),
  ]
  const onlyTcp: ((reply: Reply) => void)[] = [
    ({ honest, send }) => void setTimeout(() => send(honest), 5 + random() * 150),
    ({ honest, send }) => send(Buffer.concat([honest, honest])),
  ]
  const all = framing === 'tcp' ? [...faults, ...onlyTcp] : faults
  return (reply) => {
    if (random() < 0.6) return honestly(reply)
    return all[Math.floor(random() * all.length)]!(reply)
  }
}

async function readUntilGood(unit: BusUnit): Promise<void> {
  await expect
    .poll(async () => (await unit.ask({ fn: 3, address: 5, count: 3 })).kind, { timeout: 8000, interval: 30 })
    .toBe('words')
}

describe.each(['tcp', 'rtutcp'] as const)('%s', (framing) => {
  test('whatever is done wrong, every request ends, no value is false, and afterwards all is well', async () => {
    await using rig = await setUp(framing, { pipeline: 16 })
    await readUntilGood(rig.unit)
    rig.server.respond = badly(framing, createRandom(21))
    let answered = 0
    for (let round = 0; round < 12; round++) {
      const asked = Array.from({ length: 8 }, (_, i) => ({ address: 131 * round + 11 * i, count: 1 + ((7 * i) % 9) }))
      const answers = await within(Promise.all(asked.map((read) => rig.unit.ask({ fn: 3, ...read }))), 5000)
      for (const [i, answer] of answers.entries()) {
        expectTrue(answer, asked[i]!.address, asked[i]!.count)
        if (answer.kind === 'words') answered++
      }
    }
    expect(answered).toBeGreaterThan(0)
    rig.server.respond = honestly
    await readUntilGood(rig.unit)
  })

  test('a device holds no false reading through all of it, and is online again afterwards', async () => {
    await using server = await startTestServer(framing, { 1: createTestUnit(ramp(100)) })
    await using bus = createReadOnlyBus({ address: parseBusAddress(server.url), clock: realClock })
    const points = [3, 4, 5, 40, 41, 80].map(
      (address, i) => `  pv.${i + 1}.powerW: { address: ${address}, pollGroup: fast, type: uint16 }`,
    )
    const map = mapFrom(
      `format: 1\nmaker: Test\nmodel: Field\nkind: pv-inverter\nquirks: { timeoutMs: 60, pipeline: 4, maxReadRegisters: 8 }\npoints:\n${points.join('\n')}\n`,
    )
    await using device = createModbusDevice({ id: 'field', unitId: 1, map, bus, clock: realClock, cycleMs: 100 })
    await device.poll()
    expect(device.link().state).toBe('online')
    server.respond = badly(framing, createRandom(4))
    for (let i = 0; i < 15; i++) {
      await within(device.poll(), 5000)
      const values = [...device.readings().values()].map(({ value }) => value)
      expect(values).toEqual([3, 4, 5, 40, 41, 80])
    }
    server.respond = honestly
    await expect
      .poll(async () => (await device.poll(), device.link().state), { timeout: 8000, interval: 50 })
      .toBe('online')
  })

  test('an answer that trickles in for ever is given up', async () => {
    await using rig = await setUp(framing)
    await readUntilGood(rig.unit)
    const drips: NodeJS.Timeout[] = []
    rig.server.respond = ({ honest, send }) => {
      let sent = 0
      drips.push(setInterval(() => send(honest.subarray(sent, ++sent)), 40))
    }
    const answer = await within(rig.unit.ask({ fn: 3, address: 0, count: 125 }), 4000)
    expect(answer).toMatchObject({ kind: 'failed', sent: true })
    for (const drip of drips) clearInterval(drip)
    rig.server.respond = honestly
    await readUntilGood(rig.unit)
  })

  test('a peer that never stops sending is no reason to hang or to grow', async () => {
    await using rig = await setUp(framing)
    await readUntilGood(rig.unit)
    const before = process.memoryUsage().rss
    const flood = Buffer.alloc(65_536, framing === 'tcp' ? 0 : 1)
    let sent = 0
    rig.server.respond = ({ send }) => {
      const pour = (): void => {
        if (sent >= 400) return
        sent++
        send(flood)
        setImmediate(pour)
      }
      pour()
    }
    expect(await within(rig.unit.ask({ fn: 3, address: 0, count: 125 }), 4000)).toMatchObject({ kind: 'failed' })
    await delay(100)
    expect(process.memoryUsage().rss - before).toBeLessThan(150_000_000)
    rig.server.respond = honestly
    sent = 400
    await readUntilGood(rig.unit)
  })
})

test('an answer that is cut short is not completed with the beginning of the next one', async () => {
  for (let missing = 1; missing < 24; missing++) {
    await using rig = await setUp('tcp', { pipeline: 2 })
    await readUntilGood(rig.unit)
    const held: Buffer[] = []
    rig.server.respond = ({ honest, send }) => {
      held.push(honest)
      if (held.length === 2) send(Buffer.concat([held[0]!.subarray(0, held[0]!.length - missing), held[1]!]))
    }
    const answers = await Promise.all([
      rig.unit.ask({ fn: 3, address: 100, count: 12 }),
      rig.unit.ask({ fn: 3, address: 200, count: 12 }),
    ])
    for (const [i, answer] of answers.entries()) expectTrue(answer, 100 * (i + 1), 12)
  }
})

test('a process that is stopped and goes on later is met with a new connection, not with its old answers', async () => {
  const responder = new URL('../bench/support/responder.ts', import.meta.url).pathname
  const child = spawn(process.execPath, [responder], { stdio: ['pipe', 'pipe', 'inherit'] })
  try {
    const [port] = (await once(child.stdout, 'data')) as [Buffer]
    const address = parseBusAddress(`tcp://127.0.0.1:${port.toString().trim()}`)
    await using bus = createReadOnlyBus({ address, clock: realClock })
    const unit = bus.unit(1, { timeoutMs: 80, pipeline: 4 })
    const read = async (first: number): Promise<Answer> => {
      const answer = await within(unit.ask({ fn: 3, address: first, count: 4 }), 4000)
      expectTrue(answer, first, 4)
      return answer
    }
    expect((await read(1)).kind).toBe('words')
    child.kill('SIGSTOP')
    // The kernel still takes what is sent: the connection is half dead without anybody having said so.
    for (let i = 0; i < 12; i++) {
      await Promise.all([read(10 * i), read(10 * i + 5)])
      await delay(50)
    }
    child.kill('SIGCONT')
    await expect.poll(async () => (await read(77)).kind, { timeout: 8000, interval: 30 }).toBe('words')
    for (let i = 0; i < 20; i++) await read(3 * i)
  } finally {
    child.kill('SIGKILL')
  }
})
