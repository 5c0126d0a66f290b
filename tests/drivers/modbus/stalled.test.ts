import { expect, test } from 'vitest'
import type { Answer } from '../../../service/drivers/modbus/pdu.ts'
import { createRtuTransport } from '../../../service/drivers/modbus/transport-rtu.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { withCrc } from '../support/test-device.ts'

const answer = withCrc(Buffer.from([7, 3, 2, 0, 42]))

/** A question on its way that is given 40 ms, in a process that can be kept from running. */
function ask(longestMs = 1000) {
  const time = createManualClock()
  let lostMs = 0
  const answers: Answer[] = []
  const transport = createRtuTransport({
    wire: { send: () => undefined, flush: () => undefined, close: () => undefined },
    clock: { ...time, monotonicMs: () => time.monotonicMs() + lostMs },
    characterMs: 0,
    events: { settled: (_, answer) => void answers.push(answer), late: () => undefined, discarded: () => undefined },
  })
  const request = { fn: 3, address: 0, count: 1 } as const
  transport.send(
    { unitId: 7, anyUnit: false, request, timeoutMs: 40, longestMs, sentAtMs: 0, frame: undefined },
    time.monotonicMs(),
  )
  return { time, answers, transport, stall: (forMs: number) => void (lostMs += forMs) }
}

test('silence ends a short wait on time', async () => {
  const { time, answers } = ask()
  await time.advance(39)
  expect(answers).toEqual([])
  await time.advance(1)
  expect(answers).toMatchObject([{ kind: 'failed', failure: 'timeout' }])
})

test('time in which the process did not run is no silence', async () => {
  const { time, answers, transport, stall } = ask()
  await time.advance(15)
  stall(300)
  await time.advance(20)
  expect(answers).toEqual([])
  transport.receive(answer)
  expect(answers).toMatchObject([{ kind: 'words' }])
})

test('such time is given back once, and a device that is silent then is silent', async () => {
  const { time, answers, stall } = ask()
  await time.advance(15)
  stall(100)
  await time.advance(20)
  expect(answers).toEqual([])
  await time.advance(100)
  expect(answers).toMatchObject([{ kind: 'failed', reason: 'no answer in 140 ms' }])
})

test('a process that hardly runs at all ends the wait with the longest that a device may take', async () => {
  const { time, answers, stall } = ask(500)
  for (let i = 0; i < 8; i++) {
    stall(100)
    await time.advance(10)
  }
  expect(answers).toMatchObject([{ kind: 'failed', failure: 'timeout' }])
})
