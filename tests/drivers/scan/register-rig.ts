import { type RegisterScan, registerScan } from '#contract/workbench-scan.ts'
import { type RegisterScanOptions, scanRegisters } from '../../../service/commissioning/scan/scan-registers.ts'
import { createReadOnlyBus } from '../../../service/drivers/modbus/bus.ts'
import { createRegisterBank } from '../../../service/drivers/simulated/register-bank.ts'
import { answerPdu, type PduDevice } from '../../../service/drivers/simulated/modbus-pdu.ts'
import { createRandom } from '../line/random.ts'
import { scrambled } from '../line/registers.ts'
import { attachRtuDevice } from '../line/rtu-device.ts'
import { createTimeline } from '../line/timeline.ts'
import { virtualPort } from '../line/virtual-port.ts'
import { createLine } from '../line/wire.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { inTime } from './in-time.ts'

export type Island = readonly [first: number, count: number]

const free = { perS: Number.POSITIVE_INFINITY, duty: 1 }

export function deviceWith(islands: readonly Island[], maxReadRegisters = 125, word = scrambled): PduDevice {
  const fields = islands.flatMap(([first, count]) =>
    Array.from({ length: count }, (_, i) => ({
      table: 'holding' as const,
      address: first + i,
      words: 1,
      read: () => [word(first + i)],
    })),
  )
  return { bank: createRegisterBank(fields), maxReadRegisters }
}

/** 40 islands of 32 to 300 registers, some of them in groups with small gaps, one of them with single holes. */
export function fortyIslands(seed: number): Island[] {
  const random = createRandom(seed)
  const islands: Island[] = []
  let at = 0
  while (islands.length < 40) {
    at += islands.length % 5 === 4 ? 3 : 100 + Math.floor(random() * 2200)
    const count = 32 + Math.floor(random() * (random() < 0.3 ? 270 : 60))
    islands.push([at, count])
    at += count
  }
  return islands
}

/** A serial line in virtual time with one unit, and what was asked on it. */
export function createRegisterRig(
  device: PduDevice,
  { baud = 115_200, answer }: { baud?: number; answer?: (pdu: Buffer) => Buffer | undefined } = {},
) {
  const clock = createManualClock()
  const timeline = createTimeline(clock)
  const line = createLine(timeline)
  const settings = { baud, parity: 'none', stopBits: 1 } as const
  const asked: { readonly fn: number; readonly address: number; readonly count: number }[] = []
  attachRtuDevice({ timeline, line, settings, unitId: 1, device, turnaroundMs: 10, ...(answer && { answer }) })
  const bus = createReadOnlyBus({
    address: { kind: 'rtu', path: '/dev/emulated', ...settings },
    clock,
    openSerial: virtualPort(line, timeline),
  })
  bus.tap(({ direction, bytes }) => {
    if (direction === 'sent')
      asked.push({ fn: bytes[1]!, address: bytes.readUInt16BE(2), count: bytes.readUInt16BE(4) })
  })
  const stop = new AbortController()
  return {
    asked,
    stop,
    clock,
    async scan(options: Partial<RegisterScanOptions> = {}): Promise<RegisterScan> {
      const whole = { bus, unitId: 1, fn: 3 as const, to: 65_535, rate: free, ...options }
      return registerScan.parse(await inTime(clock, scanRegisters(whole, { clock, signal: stop.signal })))
    },
  }
}

/** Address to word, of everything that was found. */
export function valuesOf({ spans }: RegisterScan): Map<number, number> {
  return new Map(spans.flatMap(({ address, words }) => words.map((word, i): [number, number] => [address + i, word])))
}

/** What asking for each register alone finds. */
export function oracle(device: PduDevice): Map<number, number> {
  const found = new Map<number, number>()
  for (let address = 0; address <= 65_535; address++) {
    const request = Buffer.from([3, address >> 8, address & 0xff, 0, 1])
    const answer = answerPdu(device, request)
    if (answer[0] === 3) found.set(address, answer.readUInt16BE(2))
  }
  return found
}
