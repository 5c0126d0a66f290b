import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { parseBusAddress } from '../../../service/drivers/modbus/address.ts'
import { createReadOnlyBus, type BusUnit, type ReadOnlyBus } from '../../../service/drivers/modbus/bus.ts'
import type { Answer } from '../../../service/drivers/modbus/pdu.ts'
import { realClock } from '../support/clock.ts'
import { createTestUnit, ramp } from '../support/test-device.ts'
import { frameFor, startTestServer, type Reply, type TestServer } from '../support/test-server.ts'

interface Setup extends AsyncDisposable {
  readonly server: TestServer
  readonly bus: ReadOnlyBus
  readonly unit: BusUnit
}

async function setup(framing: 'tcp' | 'rtutcp', quirks = {}): Promise<Setup> {
  const server = await startTestServer(framing, { 1: createTestUnit(ramp(300)) })
  const bus = createReadOnlyBus({ address: parseBusAddress(server.url), clock: realClock })
  return {
    server,
    bus,
    unit: bus.unit(1, { timeoutMs: 120, ...quirks }),
    async [Symbol.asyncDispose]() {
      await bus[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

const honestly = ({ honest, send }: Reply): void => send(honest)

/** Bends the first answer only. */
function once(server: TestServer, bend: (reply: Reply) => void): void {
  server.respond = (reply) => {
    server.respond = honestly
    bend(reply)
  }
}

const values = (answer: Answer): number[] | string =>
  answer.kind === 'words' ? Array.from(answer.words) : JSON.stringify(answer)

const read = (unit: BusUnit, address: number, count = 2) => unit.ask({ fn: 3, address, count })

describe.each(['tcp', 'rtutcp'] as const)('%s', (framing) => {
  test('an answer dribbled byte by byte counts, though it takes longer than the timeout', async () => {
    await using rig = await setup(framing)
    once(rig.server, ({ honest, send }) => {
      for (const [i, byte] of honest.entries()) setTimeout(() => send(Buffer.from([byte])), 15 * i)
    })
    expect(values(await read(rig.unit, 5, 10))).toEqual([5, 6, 7, 8, 9, 10, 11, 12, 13, 14])
  })

  test('a truncated answer is no answer, and the next one is not harmed by it', async () => {
    await using rig = await setup(framing)
    await read(rig.unit, 0)
    once(rig.server, ({ honest, send }) => send(honest.subarray(0, honest.length - 3)))
    expect(await read(rig.unit, 10)).toMatchObject({ kind: 'failed', sent: true })
    // Modbus TCP cannot tell where the next frame begins: whatever comes of it, no wrong value may.
    for (let i = 0; i < 6; i++) {
      const answer = await read(rig.unit, 20 + 3 * i)
      if (answer.kind === 'words') expect(Array.from(answer.words)).toEqual([20 + 3 * i, 21 + 3 * i])
    }
  })

  test('the peer closing mid-frame is a failure; the next request connects again at once', async () => {
    await using rig = await setup(framing)
    await read(rig.unit, 0)
    once(rig.server, ({ honest, send, close }) => {
      send(honest.subarray(0, 4))
      setImmediate(close)
    })
    expect(await read(rig.unit, 10)).toMatchObject({ kind: 'failed', failure: 'closed', sent: true })
    expect(values(await read(rig.unit, 20))).toEqual([20, 21])
    expect(rig.bus.stats().opens).toBe(2)
  })

  test('answers that come late are never taken for the answer to another request', async () => {
    await using rig = await setup(framing)
    await read(rig.unit, 0)
    rig.server.respond = ({ request, honest, send }) => {
      const late = request.pdu.readUInt16BE(1) % 20 === 0
      setTimeout(() => send(honest), late ? 180 : 0)
    }
    for (let address = 20; address < 80; address += 10) {
      const answer = await read(rig.unit, address)
      // On a busy machine a late answer may still be in time, and one in time be late; never may it be another's.
      if (answer.kind === 'words') expect(values(answer)).toEqual([address, address + 1])
      else expect(answer).toMatchObject({ kind: 'failed' })
    }
    expect(rig.unit.stats().late).toBeGreaterThan(0)
  })

  test('duplicated answers are discarded', async () => {
    await using rig = await setup(framing)
    rig.server.respond = ({ honest, send }) => {
      send(honest)
      setImmediate(() => send(honest))
    }
    for (let i = 0; i < 20; i++) {
      const answer = await read(rig.unit, 3 * i, 1 + (i % 3))
      expect(values(answer)).toEqual(Array.from({ length: 1 + (i % 3) }, (_, k) => 3 * i + k))
    }
    expect(rig.bus.stats().discarded).toBeGreaterThan(10)
  })

  test('the answer of another unit is not ours', async () => {
    await using rig = await setup(framing)
    await read(rig.unit, 0)
    once(rig.server, ({ request, send }) => send(frameFor(framing, request.frame, 9, Buffer.from([3, 4, 9, 9, 9, 9]))))
    expect(await read(rig.unit, 10)).toMatchObject({ kind: 'failed', sent: true })
    expect(values(await read(rig.unit, 20))).toEqual([20, 21])
  })

  test.each([
    ['another function', [4, 4, 0, 1, 0, 2]],
    ['fewer registers', [3, 2, 0, 1]],
    ['more registers', [3, 6, 0, 1, 0, 2, 0, 3]],
    ['a byte count that does not fit', [3, 6, 0, 1, 0, 2]],
    ['an exception of another function', [0x84, 2]],
  ])('%s is not an answer', async (_, pdu) => {
    await using rig = await setup(framing)
    await read(rig.unit, 0)
    once(rig.server, ({ request, send }) => send(frameFor(framing, request.frame, 1, Buffer.from(pdu))))
    expect(await read(rig.unit, 10)).toMatchObject({ kind: 'failed', sent: true })
    expect(values(await read(rig.unit, 20))).toEqual([20, 21])
  })

  test('of 30 % lost answers none is replaced by a wrong one', async () => {
    await using rig = await setup(framing, { timeoutMs: 25 })
    let seed = 7
    rig.server.respond = ({ honest, send }) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
      if (seed / 2 ** 31 > 0.3) send(honest)
    }
    let answered = 0
    for (let i = 0; i < 40; i++) {
      const answer = await read(rig.unit, i, 1 + (i % 7))
      if (answer.kind === 'failed' && answer.failure === 'silent') await delay(50)
      if (answer.kind !== 'words') continue
      answered++
      expect(Array.from(answer.words)).toEqual(Array.from({ length: 1 + (i % 7) }, (_, k) => i + k))
    }
    expect(answered).toBeGreaterThan(10)
  })

  test('a connection on which nothing is answered any more is replaced', async () => {
    await using rig = await setup(framing)
    await read(rig.unit, 0)
    const [first] = rig.server.clients
    rig.server.respond = () => undefined
    const others = [2, 3].map((id) => rig.bus.unit(id, { timeoutMs: 40 }))
    await read(rig.unit, 10)
    for (const other of others) await read(other, 10)
    rig.server.respond = honestly
    await expect.poll(() => read(rig.unit, 20).then(values)).toEqual([20, 21])
    expect(rig.server.clients.has(first!)).toBe(false)
  })
})

describe('Modbus TCP', () => {
  test('the answer to another transaction is discarded', async () => {
    await using rig = await setup('tcp')
    await read(rig.unit, 0)
    once(rig.server, ({ honest, send }) => {
      const other = Buffer.from(honest)
      other.writeUInt16BE(other.readUInt16BE(0) + 77, 0)
      send(other)
    })
    expect(await read(rig.unit, 10)).toMatchObject({ kind: 'failed', failure: 'timeout' })
    expect(rig.bus.stats().discarded).toBe(1)
  })

  test('a peer that does not speak Modbus is disconnected and left alone for a while', async () => {
    await using rig = await setup('tcp')
    rig.server.respond = ({ send }) => send(Buffer.from('220 mail.example ESMTP\r\n'))
    expect(await read(rig.unit, 0)).toMatchObject({ failure: 'closed', sent: true })
    expect(await read(rig.unit, 0)).toMatchObject({ failure: 'closed', sent: false })
    expect((await read(rig.unit, 0)) satisfies Answer).toMatchObject({
      reason: expect.stringContaining('next attempt in'),
    })
  })

  test('a refused connection is told in words, and found again when the device is back', async () => {
    const server = await startTestServer('tcp', { 1: createTestUnit(ramp(10)) })
    const { port } = server
    await server[Symbol.asyncDispose]()
    await using bus = createReadOnlyBus({ address: parseBusAddress(`tcp://127.0.0.1:${port}`), clock: realClock })
    expect(await read(bus.unit(1), 0)).toMatchObject({
      failure: 'closed',
      sent: false,
      reason: `127.0.0.1:${port} refuses the connection`,
    })
  })

  test('a device that ignores the unit ID is understood where its map says so', async () => {
    await using rig = await setup('tcp', { ignoresUnitId: true })
    once(rig.server, ({ request, send }) => send(frameFor('tcp', request.frame, 255, Buffer.from([3, 2, 0, 7]))))
    expect(values(await read(rig.unit, 0, 1))).toEqual([7])
  })
})

describe('RTU', () => {
  test('an adapter that hears itself is understood', async () => {
    await using rig = await setup('rtutcp')
    rig.server.respond = ({ request, honest, send }) => send(Buffer.concat([request.frame, honest]))
    expect(values(await read(rig.unit, 10))).toEqual([10, 11])
    expect(values(await read(rig.unit, 20))).toEqual([20, 21])
    expect(await rig.unit.ask({ fn: 8, counter: 0x0c })).toEqual({ kind: 'counter', value: 7 })
  })

  test('noise before and after an answer does no harm', async () => {
    await using rig = await setup('rtutcp')
    rig.server.respond = ({ honest, send }) => {
      send(Buffer.concat([Buffer.from([0, 0xff, 1, 3]), honest, Buffer.from([0])]))
    }
    for (const address of [10, 20, 30]) expect(values(await read(rig.unit, address))).toEqual([address, address + 1])
  })

  test('a wrong checksum is told from silence, and quickly', async () => {
    await using rig = await setup('rtutcp', { timeoutMs: 5000 })
    once(rig.server, ({ honest, send }) => {
      const bent = Buffer.from(honest)
      bent[4]! ^= 0x10
      send(bent)
    })
    expect(await read(rig.unit, 10)).toMatchObject({ failure: 'crc', reason: 'CRC error' })
    expect(rig.unit.stats()).toMatchObject({ crcErrors: 1, timeouts: 0 })
    expect(values(await read(rig.unit, 20))).toEqual([20, 21])
  })

  test('unit 0 is a broadcast, which nobody answers', async () => {
    await using rig = await setup('rtutcp')
    expect(await read(rig.bus.unit(0), 0)).toMatchObject({ failure: 'refused', sent: false })
    expect(rig.server.seen).toHaveLength(0)
  })
})
