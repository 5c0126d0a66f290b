import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Fault } from '../../../service/drivers/simulated/faults.ts'
import { listenModbus } from '../../../service/drivers/simulated/modbus-server.ts'
import type { RegisterField } from '../../../service/drivers/simulated/register-bank.ts'
import { systemClock } from '../../../service/runtime/system-clock.ts'
import { manualClock } from '../runtime/manual-clock.ts'
import { connectRaw, mbap, type RawClient, u16 } from './raw-client.ts'

/** Ten holding and ten input registers, a two-word value at 20, four coils and discrete inputs. */
function sampleFields() {
  const memory = Array.from({ length: 10 }, (_, index) => index * 0x0101)
  const coils = [1, 0, 1, 1]
  let pair: readonly number[] = [0x1234, 0x5678]
  const fields: RegisterField[] = [
    ...memory.map((_, address): RegisterField => ({
      table: 'holding',
      address,
      words: 1,
      read: () => [memory[address] ?? 0],
      write: {
        accepts: ([word = 0]) => word < 0x8000,
        apply: ([word = 0]) => {
          memory[address] = word
        },
      },
    })),
    {
      table: 'holding',
      address: 20,
      words: 2,
      read: () => pair,
      write: {
        accepts: () => true,
        apply: (words) => {
          pair = words
        },
      },
    },
    ...memory.map((_, address): RegisterField => ({ table: 'input', address, words: 1, read: () => [100 + address] })),
    ...coils.map((_, address): RegisterField => ({
      table: 'coil',
      address,
      words: 1,
      read: () => [coils[address] ?? 0],
      write: {
        accepts: () => true,
        apply: ([bit = 0]) => {
          coils[address] = bit
        },
      },
    })),
    { table: 'discrete', address: 5, words: 1, read: () => [1] },
  ]
  return { fields, memory, coils }
}

async function start(options: Partial<Parameters<typeof listenModbus>[0]> = {}) {
  const { fields, memory, coils } = sampleFields()
  const server = await listenModbus({
    clock: systemClock,
    unitId: 1,
    fields,
    serverId: 'R-EMS',
    identification: new Map([
      [0, 'R-EMS'],
      [1, 'SAMPLE'],
      [2, '1.0'],
      [4, 'A sample device'],
    ]),
    ...options,
  })
  onTestFinished(() => server[Symbol.asyncDispose]())
  const client = await connectRaw(server.port)
  onTestFinished(() => client[Symbol.asyncDispose]())
  return { server, client, memory, coils }
}

const ascii = (text: string): number[] => [...Buffer.from(text, 'latin1')]

describe('answers byte by byte', () => {
  test.each<[string, number[], number[]]>([
    ['FC 1 packs coils low bit first', [1, 0, 0, 0, 4], [1, 1, 0b1101]],
    ['FC 2', [2, 0, 5, 0, 1], [2, 1, 1]],
    ['FC 3', [3, 0, 1, 0, 2], [3, 4, 1, 1, 2, 2]],
    ['FC 4', [4, 0, 9, 0, 1], [4, 2, 0, 109]],
    ['FC 5 on', [5, 0, 1, 0xff, 0], [5, 0, 1, 0xff, 0]],
    ['FC 5 with another value', [5, 0, 1, 0, 1], [0x85, 3]],
    ['FC 6', [6, 0, 3, 0x12, 0x34], [6, 0, 3, 0x12, 0x34]],
    ['FC 6 with a refused value', [6, 0, 3, 0x80, 0], [0x86, 3]],
    ['FC 6 to half of a value', [6, 0, 20, 0, 1], [0x86, 2]],
    ['FC 6 to an unknown address', [6, 0, 10, 0, 1], [0x86, 2]],
    ['FC 15', [15, 0, 0, 0, 4, 1, 0b0010], [15, 0, 0, 0, 4]],
    ['FC 15 with a wrong byte count', [15, 0, 0, 0, 4, 2, 0, 0], [0x8f, 3]],
    ['FC 16', [16, 0, 20, 0, 2, 4, 1, 2, 3, 4], [16, 0, 20, 0, 2]],
    ['FC 16 from the middle of a value', [16, 0, 21, 0, 2, 4, 1, 2, 3, 4], [0x90, 2]],
    ['FC 16 with a wrong byte count', [16, 0, 0, 0, 1, 4, 0, 1, 0, 2], [0x90, 3]],
    ['FC 16 of nothing', [16, 0, 0, 0, 0, 0], [0x90, 3]],
    ['FC 16 past the end of the table', [16, 0xff, 0xff, 0, 2, 4, 0, 1, 0, 2], [0x90, 2]],
    ['FC 17', [17], [17, 6, ...ascii('R-EMS'), 0xff]],
    ['no registers', [3, 0, 0, 0, 0], [0x83, 3]],
    ['126 registers', [3, 0, 0, 0, 126], [0x83, 3]],
    ['2001 coils', [1, 0, 0, ...u16(2001)], [0x81, 3]],
    ['an unknown register', [3, 0, 8, 0, 3], [0x83, 2]],
    ['past the end of the table', [4, 0xff, 0xff, 0, 2], [0x84, 2]],
    ['a request that is too short', [3, 0, 0], [0x83, 3]],
    ['a request that is too long', [3, 0, 0, 0, 1, 0], [0x83, 3]],
    ['an unknown function', [99, 1, 2, 3], [0xe3, 1]],
    ['an unknown MEI type', [43, 13, 0, 0], [0xab, 1]],
    ['an unknown read code', [43, 14, 5, 0], [0xab, 3]],
    ['an unknown object', [43, 14, 4, 9], [0xab, 2]],
    ['one object', [43, 14, 4, 1], [43, 14, 4, 0x82, 0, 0, 1, 1, 6, ...ascii('SAMPLE')]],
    [
      'the basic objects',
      [43, 14, 1, 0],
      [43, 14, 1, 0x82, 0, 0, 3, 0, 5, ...ascii('R-EMS'), 1, 6, ...ascii('SAMPLE'), 2, 3, ...ascii('1.0')],
    ],
  ])('%s', async (_, request, answer) => {
    const { client } = await start()
    expect(await client.request(request)).toStrictEqual(answer)
  })
})

test('a write with one refused value changes nothing', async () => {
  const { client, memory } = await start()
  expect(await client.writeRegisters(2, [7, 8, 0x9000])).toStrictEqual([0x90, 3])
  expect(memory.slice(2, 5)).toStrictEqual([0x202, 0x303, 0x404])
  expect(await client.writeRegisters(2, [7, 8, 9])).toStrictEqual([16, 0, 2, 0, 3])
  expect(memory.slice(2, 5)).toStrictEqual([7, 8, 9])
})

test('identification that does not fit one answer is continued', async () => {
  const objects = new Map([0, 1, 2, 3, 4, 5].map((id) => [id, String(id).repeat(100)]))
  const { client } = await start({ identification: objects })
  const found = new Map<number, string>()
  for (let next = 0, more = true; more;) {
    const answer = Buffer.from(await client.request([43, 14, 2, next]))
    expect(answer.length).toBeLessThanOrEqual(253)
    for (let at = 7; at < answer.length; at += 2 + answer[at + 1]!)
      found.set(answer[at]!, answer.toString('latin1', at + 2, at + 2 + answer[at + 1]!))
    more = answer[4] === 0xff
    expect(more ? answer[5]! > next : answer[5] === 0).toBe(true)
    next = answer[5]!
  }
  expect(found).toStrictEqual(objects)
})

test('requests for other units are met with silence, and the own ones behind them are answered in order', async () => {
  const { client } = await start()
  for (const unitId of [0, 2, 247, 255]) client.send(mbap(1, unitId, [3, 0, 0, 0, 1]))
  const answers = await Promise.all([client.read(3, 1, 1), client.read(4, 1, 1), client.read(3, 2, 1)])
  expect(answers).toStrictEqual([[0x101], [101], [0x202]])
  expect(client.strays).toStrictEqual([])
})

test('a frame that arrives byte by byte is one frame', async () => {
  const { client } = await start()
  const frame = mbap(5, 1, [3, 0, 1, 0, 1])
  for (const byte of frame) {
    client.send(Buffer.from([byte]))
    await new Promise((resolve) => setImmediate(resolve))
  }
  await client.read(3, 0, 1)
  expect(client.strays.map((stray) => [...stray])).toStrictEqual([[0, 5, 0, 0, 0, 5, 1, 3, 2, 1, 1]])
})

test('frames that cannot be Modbus close the connection, and only that one', async () => {
  const { server, client } = await start()
  for (const junk of [
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    Buffer.from([0, 1, 0, 0, 0, 1, 1, 3]),
    Buffer.from([0, 1, 0, 0, 1, 0, 1]),
    Buffer.from([0, 1, 0, 9, 0, 6, 1, 3, 0, 0, 0, 1]),
  ]) {
    await using rude = await connectRaw(server.port)
    rude.send(junk)
    await rude.closed
    expect(rude.strays).toStrictEqual([])
  }
  expect(await client.read(3, 1, 1)).toStrictEqual([0x101])
})

test('more clients than allowed are turned away', async () => {
  const { server, client } = await start({ maxClients: 2 })
  await using second = await connectRaw(server.port)
  await using third = await connectRaw(server.port)
  await third.closed
  expect(await second.read(3, 1, 1)).toStrictEqual(await client.read(3, 1, 1))
})

test('mutated frames never bring the server down nor make it answer as another unit', async () => {
  const { server, client } = await start()
  const seeds = [
    [3, 0, 0, 0, 10],
    [4, 0, 0, 0, 10],
    [1, 0, 0, 0, 4],
    [6, 0, 1, 0, 1],
    [15, 0, 0, 0, 4, 1, 5],
    [16, 0, 20, 0, 2, 4, 0, 1, 0, 2],
    [43, 14, 1, 0],
    [17],
  ]
  const mutation = fc.record({
    at: fc.nat(400),
    kind: fc.constantFrom('flip', 'drop', 'insert'),
    byte: fc.integer({ min: 0, max: 255 }),
  })
  const property = fc.asyncProperty(
    fc.array(fc.constantFrom(...seeds), { minLength: 1, maxLength: 6 }),
    fc.array(mutation, { minLength: 1, maxLength: 5 }),
    async (pdus, mutations) => {
      const bytes = pdus.flatMap((pdu, index) => [...mbap(index, 1, pdu)])
      for (const { at, kind, byte } of mutations) {
        const place = at % bytes.length
        if (kind === 'flip') bytes[place] = (bytes[place] ?? 0) ^ byte
        else if (kind === 'drop' && bytes.length > 1) bytes.splice(place, 1)
        else bytes.splice(place, 0, byte)
      }
      await using rude = await connectRaw(server.port)
      rude.send(Buffer.from(bytes))
      rude.end()
      await rude.closed
      for (const frame of rude.strays) {
        expect(frame.readUInt16BE(2)).toBe(0)
        expect(frame[6]).toBe(1)
        expect(frame.length).toBeLessThanOrEqual(260)
      }
      expect((await client.read(4, 0, 2)).join()).toBe('100,101')
    },
  )
  await fc.assert(property, { numRuns: 300 })
})

describe('faults', () => {
  const answersNothing = async (client: RawClient) => {
    const quiet = Symbol('quiet')
    const answered = await Promise.race([client.read(3, 1, 1), systemClock.sleep(60).then(() => quiet)])
    return answered === quiet
  }
  const set = async (fault: Fault, clock = systemClock) => {
    const running = await start({ clock })
    await running.server.setFault(fault)
    return running
  }

  test('silent', async () => {
    const { client, server } = await set({ fault: 'silent' })
    expect(await answersNothing(client)).toBe(true)
    await server.setFault({ fault: 'none' })
    expect(await client.read(3, 1, 1)).toStrictEqual([0x101])
  })

  test('offline drops clients and comes back on the same port', async () => {
    const { client, server } = await set({ fault: 'offline' })
    await client.closed
    await expect(connectRaw(server.port)).rejects.toThrow('ECONNREFUSED')
    await server.setFault({ fault: 'none' })
    await using again = await connectRaw(server.port)
    expect(await again.read(3, 1, 1)).toStrictEqual([0x101])
  })

  test('freeze keeps the values, not the writes', async () => {
    const { client, server, memory } = await set({ fault: 'freeze' })
    await client.writeRegisters(1, [0x55])
    expect(await client.read(3, 1, 1)).toStrictEqual([0x101])
    expect(memory[1]).toBe(0x55)
    await server.setFault({ fault: 'none' })
    expect(await client.read(3, 1, 1)).toStrictEqual([0x55])
  })

  test('delay', async () => {
    const clock = manualClock()
    const { client } = await set({ fault: 'delay', delayMs: 5000 }, clock)
    expect(await answersNothing(client)).toBe(true)
    await clock.advance(5000)
    const second = client.read(3, 2, 1)
    while (!(await Promise.race([second, systemClock.sleep(2)]))) await clock.advance(5000)
    expect(await second).toStrictEqual([0x202])
  })

  test('exception', async () => {
    const { client } = await set({ fault: 'exception', code: 6 })
    expect(await client.request([3, 0, 1, 0, 1])).toStrictEqual([0x83, 6])
  })

  test('drop-writes acknowledges and forgets', async () => {
    const { client, memory } = await set({ fault: 'drop-writes' })
    expect(await client.writeRegisters(1, [0x55])).toStrictEqual([16, 0, 1, 0, 1])
    expect(await client.request([6, 0, 1, 0, 5])).toStrictEqual([6, 0, 1, 0, 5])
    expect(memory[1]).toBe(0x101)
  })
})
