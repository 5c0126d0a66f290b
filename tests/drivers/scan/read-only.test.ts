import fc from 'fast-check'
import { SerialPort } from 'serialport'
import { describe, expect, test } from 'vitest'
import { scanLine } from '../../../service/commissioning/scan/scan-line.ts'
import { scanRegisters } from '../../../service/commissioning/scan/scan-registers.ts'
import { scanUnits } from '../../../service/commissioning/scan/scan-units.ts'
import { createReadOnlyBus, type ReadOnlyBus } from '../../../service/drivers/modbus/bus.ts'
import { identifyUnit } from '../../../service/drivers/modbus/identify.ts'
import type { ReadRequest } from '../../../service/drivers/modbus/pdu.ts'
import { realClock } from '../support/clock.ts'
import { hasSocat, openPtyPair } from '../support/pty.ts'
import { answerPdu, createTestUnit, ramp, withCrc } from '../support/test-device.ts'

const settings = { baud: 115_200, parity: 'none', stopBits: 1 } as const
const runs = Number(process.env['R_EMS_READ_ONLY_RUNS'] ?? 12)

/** What may be on the wire while nobody is armed: the model that every run is held against. */
function allowed(frame: Buffer): boolean {
  const [, fn, second, third] = frame
  if (fn === 1 || fn === 2 || fn === 3 || fn === 4) return frame.length === 8
  if (fn === 17) return frame.length === 4
  if (fn === 43) return second === 14 && frame.length === 7
  return fn === 8 && second === 0 && [0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x12].includes(third!) && frame.length === 8
}

/** Length of what stands first: a read by its length, anything else up to the first right checksum; 0 for no frame yet. */
function frameSize(held: Buffer): number {
  const lengths: Readonly<Record<number, number>> = { 1: 8, 2: 8, 3: 8, 4: 8, 8: 8, 17: 4, 43: 7 }
  const known = held.length < 2 ? undefined : lengths[held[1]!]
  const hasCrc = (size: number): boolean => withCrc(held.subarray(0, size - 2)).equals(held.subarray(0, size))
  if (known !== undefined && (held.length < known || hasCrc(known))) return known
  for (let size = 4; size <= held.length; size++) if (hasCrc(size)) return size
  return 0
}

/** The far end of the terminal: takes down every frame whatever it is, and answers the harmless ones. */
async function startTap(path: string) {
  const port = new SerialPort({ path, baudRate: 9600, autoOpen: false })
  await new Promise<void>((resolve, reject) => port.open((error) => (error ? reject(error) : resolve())))
  port.on('error', () => undefined)
  const unit = createTestUnit(ramp(50))
  const frames: Buffer[] = []
  let held = Buffer.alloc(0)
  port.on('data', (chunk: Buffer) => {
    held = Buffer.concat([held, chunk])
    for (let size = frameSize(held); size > 0 && size <= held.length; size = frameSize(held)) {
      const frame = held.subarray(0, size)
      frames.push(Buffer.from(frame))
      held = held.subarray(size)
      if (frame[0]! <= 3 && allowed(frame))
        port.write(withCrc(Buffer.concat([frame.subarray(0, 1), answerPdu(unit, frame.subarray(1, -2))])))
    }
  })
  return {
    frames,
    left: () => held,
    async [Symbol.asyncDispose]() {
      if (port.isOpen) await new Promise<void>((resolve) => port.close(() => resolve()))
    },
  }
}

const unitId = fc.integer({ min: 1, max: 5 })
const word = fc.integer({ min: 0, max: 0xffff })
/** Requests as a program could make them up, most of them writes or worse. */
const request = fc.oneof(
  fc.record({ fn: fc.constantFrom(1, 2, 3, 4), address: word, count: fc.integer({ min: 0, max: 130 }) }),
  fc.record({ fn: fc.constantFrom(5), address: word, on: fc.boolean() }),
  fc.record({ fn: fc.constantFrom(6), address: word, value: word }),
  fc.record({ fn: fc.constantFrom(15), address: word, bits: fc.array(fc.boolean(), { minLength: 1, maxLength: 20 }) }),
  fc.record({ fn: fc.constantFrom(16), address: word, words: fc.array(word, { minLength: 1, maxLength: 5 }) }),
  fc.record({ fn: fc.constantFrom(8), counter: fc.integer({ min: 0, max: 0x15 }) }),
  fc.record({ fn: fc.constantFrom(17) }),
  fc.record({
    fn: fc.constantFrom(43),
    access: fc.integer({ min: 0, max: 9 }),
    objectId: fc.integer({ min: 0, max: 255 }),
  }),
  fc.record({ fn: fc.integer({ min: 0, max: 255 }), address: word, count: word }),
)
const call = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('ask' as const), unitId, request }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('registers' as const), unitId, fn: fc.constantFrom(1, 2, 3, 4) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('identify' as const), unitId }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('units' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('line' as const), auto: fc.boolean() }) },
)
const step = fc.record({ call, stopMs: fc.integer({ min: 0, max: 60 }) })

describe.skipIf(!hasSocat)(`while nobody is armed${hasSocat ? '' : ' (socat is not installed)'}`, () => {
  test(
    'no sequence of calls puts anything but reads on the wire',
    async () => {
      let total = 0
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 8 }), async (steps) => {
          await using pair = await openPtyPair()
          await using tap = await startTap(pair.device)
          let bus: ReadOnlyBus | undefined
          const opened = (): ReadOnlyBus =>
            (bus ??= createReadOnlyBus({
              address: { kind: 'rtu', path: pair.client, ...settings },
              clock: realClock,
            }))
          for (const { call, stopMs } of steps) {
            const stop = new AbortController()
            const timer = setTimeout(() => stop.abort(), 20 + 4 * stopMs)
            const { signal } = stop
            const tools = { clock: realClock, signal }
            if (call.kind === 'ask') {
              // The type keeps such a request away; a program in another language, or a mistake, would not.
              const wanted = call.request as unknown as ReadRequest
              await opened()
                .unit(call.unitId)
                .ask(wanted, { signal, probeMs: 30 })
                .catch(() => undefined)
            } else if (call.kind === 'registers') {
              await scanRegisters({ bus: opened(), unitId: call.unitId, fn: call.fn, rate: { perS: 1000 } }, tools)
            } else if (call.kind === 'identify') {
              const none = { maps: [], sunspecModels: new Map() }
              await identifyUnit({ bus: opened(), clock: realClock, ...none, signal }, call.unitId)
            } else if (call.kind === 'units') await scanUnits({ bus: opened() }, tools)
            else {
              await bus?.[Symbol.asyncDispose]()
              bus = undefined
              const known = call.auto ? {} : { settings }
              await scanLine({ path: pair.client, ...known, listenMs: 10, adapterMs: 0 }, tools)
            }
            clearTimeout(timer)
          }
          await bus?.[Symbol.asyncDispose]()
          await realClock.sleep(20)
          total += tap.frames.length
          expect(tap.frames.filter((frame) => !allowed(frame)).map((frame) => frame.toString('hex'))).toEqual([])
          expect(tap.left().toString('hex')).toBe('')
        }),
        { numRuns: runs },
      )
      expect(total).toBeGreaterThan(5 * runs)
    },
    20_000 + 3000 * runs,
  )

  test('the tap would see a write', async () => {
    await using pair = await openPtyPair()
    await using tap = await startTap(pair.device)
    const port = new SerialPort({ path: pair.client, baudRate: 9600 })
    port.write(withCrc(Buffer.from([1, 6, 0, 1, 0, 2])))
    await expect.poll(() => tap.frames.length).toBe(1)
    expect(allowed(tap.frames[0]!)).toBe(false)
    await new Promise<void>((resolve) => port.close(() => resolve()))
  })
})
