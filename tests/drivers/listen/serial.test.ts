import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { run } from '../../../service/cli/run.ts'
import { createListening } from '../../../service/commissioning/listen/listening.ts'
import { createSerialSource } from '../../../service/commissioning/listen/serial-source.ts'
import type { ListenFrame } from '../../../service/commissioning/listen/types.ts'
import type { SerialAddress } from '../../../service/drivers/modbus/address.ts'
import { openSerialStream } from '../../../service/drivers/modbus/serial-port.ts'
import { fakeTerminal } from '../../unit/cli/terminal.ts'
import { openPty, type Pty } from '../line/pty.ts'
import { realClock } from '../support/clock.ts'
import { hasSocat } from '../support/pty.ts'
import { withCrc } from '../support/test-device.ts'

const request = withCrc(Buffer.from([1, 3, 0, 10, 0, 2]))
const answer = withCrc(Buffer.from([1, 3, 4, 0, 1, 0, 2]))

/** A terminal that counts what is sent into it. */
async function tap(): Promise<{ readonly pty: Pty; readonly sent: () => number }> {
  const folder = await mkdtemp(join(tmpdir(), 'r-ems-listen-'))
  let sent = 0
  const pty = await openPty(join(folder, 'line'), (bytes) => (sent += bytes.length))
  onTestFinished(async () => {
    await pty.unplug()
    await rm(folder, { recursive: true, force: true })
  })
  return { pty, sent: () => sent }
}

const addressOf = ({ path }: Pty): SerialAddress => ({ kind: 'rtu', path, baud: 9600, parity: 'none', stopBits: 1 })

describe.skipIf(!hasSocat)(`a serial port${hasSocat ? '' : ' (socat is not installed)'}`, () => {
  test('is heard without a byte being sent, and quiet is said as such', async () => {
    const { pty, sent } = await tap()
    await using listening = createListening({
      source: createSerialSource({ address: addressOf(pty), clock: realClock }),
      clock: realClock,
    })
    await listening.opened
    expect(listening.snapshot().summary).toMatch(/^nothing heard for [\d.]+ s$/)

    const frames: ListenFrame[] = []
    listening.onFrame((frame) => frames.push(frame))
    for (let index = 0; index < 5; index++) {
      pty.write(request)
      await expect.poll(() => frames.length, { interval: 2 }).toBe(2 * index + 1)
      pty.write(answer.subarray(0, 3))
      pty.write(answer.subarray(3))
      await expect.poll(() => frames.length, { interval: 2 }).toBe(2 * index + 2)
    }
    const snapshot = listening.snapshot()
    expect(snapshot).toMatchObject({ sentBytes: 0, live: true, pairs: 5, bytes: 5 * (request.length + answer.length) })
    expect(snapshot.map).toMatchObject([
      { unitId: 1, fc: 3, address: 10, count: 2, asked: 5, answered: 5, last: [1, 2] },
    ])
    expect(snapshot.summary).toMatch(/^a client asks 1 unit: 5 requests, 5 of them answered/)
    await listening[Symbol.asyncDispose]()
    expect(await listening.ended).toEqual({ complete: true })
    expect(sent()).toBe(0)
  })

  test('that is pulled out ends listening and keeps what was heard', async () => {
    const { pty, sent } = await tap()
    await using listening = createListening({
      source: createSerialSource({ address: addressOf(pty), clock: realClock }),
      clock: realClock,
    })
    await listening.opened
    pty.write(request)
    await expect.poll(() => listening.snapshot().frames.requests).toBe(1)
    await pty.unplug()
    const end = await listening.ended
    expect(end.complete).toBe(false)
    expect(end.reason).toContain(pty.path)
    expect(listening.snapshot()).toMatchObject({ end, frames: { requests: 1 } })
    expect(sent()).toBe(0)
  })

  test('that somebody else has, or that is not there, is refused in a sentence', async () => {
    const { pty } = await tap()
    const other = await openSerialStream(
      addressOf(pty),
      { data: () => undefined, closed: () => undefined },
      new AbortController().signal,
    )
    await using taken = createListening({
      source: createSerialSource({ address: addressOf(pty), clock: realClock }),
      clock: realClock,
    })
    await expect(taken.opened).rejects.toMatchObject({ code: 'serial.taken' })
    other.close()
    const address = { ...addressOf(pty), path: '/dev/ttyNOTHERE9' }
    await using absent = createListening({
      source: createSerialSource({ address, clock: realClock }),
      clock: realClock,
    })
    await expect(absent.opened).rejects.toMatchObject({
      code: 'serial.not-found',
      message: 'there is no serial port /dev/ttyNOTHERE9',
    })
  })

  test('is sniffed from the command line, with a file that Wireshark opens', async () => {
    const { pty, sent } = await tap()
    const file = join(pty.path, '../heard.pcapng')
    const talk = setInterval(() => {
      pty.write(request)
      setTimeout(() => pty.write(answer), 20)
    }, 100)
    const { terminal, out, err } = fakeTerminal()
    const code = await run(['sniff', '--port', pty.path, '--seconds', '2', '--pcap', file, '--json'], terminal)
    clearInterval(talk)
    expect(err()).toContain('listening at 9600 8N1')
    expect(code).toBe(0)
    const result = JSON.parse(out())
    expect(result.sentBytes).toBe(0)
    expect(result.pairs.length).toBeGreaterThan(5)
    expect(result.map).toMatchObject([
      { unitId: 1, fc: 3, address: 10, count: 2, last: [1, 2], proposed: expect.any(Array) },
    ])
    // As precise as a busy machine lets timers be.
    expect(result.map[0].periodMs).toBeGreaterThan(90)
    expect(result.map[0].periodMs).toBeLessThan(400)
    expect(sent()).toBe(0)

    const again = fakeTerminal()
    expect(await run(['sniff', '--read', file, '--json'], again.terminal)).toBe(0)
    const read = JSON.parse(again.out())
    expect(read.frames.map(({ hex }: ListenFrame) => hex)).toEqual(result.frames.map(({ hex }: ListenFrame) => hex))
    expect(read.pairs).toHaveLength(result.pairs.length)
  })

  test('on which nobody speaks says for how long, not that there is nobody', async () => {
    const { pty } = await tap()
    const { terminal, out } = fakeTerminal()
    const said = fakeTerminal()
    const code = await run(['sniff', '--port', pty.path, '--baud', '19200', '--parity', 'E', '--seconds', '1'], {
      ...terminal,
      err: said.terminal.err,
    })
    expect(code).toBe(3)
    expect(out()).toMatch(/^nothing heard for 1(\.\d)? s\n/)
    expect(said.err()).toMatch(/nothing heard for 1(\.\d)? s/)
  })
})
