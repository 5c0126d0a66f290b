import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { hasSocat } from '../drivers/support/pty.ts'
import { bareSocket, modbusSerial, ours, type Client } from './support/modbus-clients.ts'
import {
  buildYardstick,
  pinned,
  pinSelf,
  runDevices,
  startResponder,
  startYardstickServer,
  yardstickReads,
} from './support/processes.ts'
import { measureRtu } from './support/rtu.ts'

/**
 * Modbus against its peers: reads of 125 registers decoded into 63 readings, in interleaved rounds; the use of a serial
 * line; 300 devices in one process. The yardstick is libmodbus' sequential client, which only fetches the words.
 */
const { values } = parseArgs({
  options: { json: { type: 'boolean' }, quick: { type: 'boolean' }, rounds: { type: 'string', default: '9' } },
})
const rounds = values.quick ? 3 : Math.max(7, Number(values.rounds))
const reads = values.quick ? 500 : 3000
const pipelinedReads = 4 * reads
const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN
const round = (value: number): number => Math.round(value * 1000) / 1000

const clients: Readonly<Record<string, { readonly run: Client; readonly count: number }>> = {
  sequential: { run: ours(1), count: reads },
  bareSocket: { run: bareSocket(1, 'decoded'), count: reads },
  bareSocketUndecoded: { run: bareSocket(1, 'undecoded'), count: reads },
  modbusSerial: { run: modbusSerial, count: reads },
  pipelined: { run: ours(16), count: pipelinedReads },
  bareSocketPipelined: { run: bareSocket(16, 'undecoded'), count: pipelinedReads },
}

async function throughput(folder: string) {
  const yardstick = buildYardstick(folder)
  using server = yardstick === undefined ? await startResponder() : await startYardstickServer(yardstick)
  const rates: Record<string, number[]> = {}
  const note = (name: string, rate: number): void => void (rates[name] ??= []).push(rate)
  pinSelf('0')
  for (const { run, count } of Object.values(clients)) await run(server.port, count)
  for (let i = 0; i < rounds; i++) {
    if (yardstick !== undefined) note('libmodbus', yardstickReads(yardstick, server.port, reads))
    for (const [name, { run, count }] of Object.entries(clients)) note(name, await run(server.port, count))
  }
  pinSelf(`0-${availableParallelism() - 1}`)
  /** Median over the rounds: both were measured within two seconds of each other. */
  const ratio = (name: string, to: string): number | null => {
    const peers = rates[to]
    return peers ? round(median(rates[name]!.map((rate, i) => rate / peers[i]!))) : null
  }
  return {
    server: yardstick === undefined ? 'bare responder in Node.js' : 'libmodbus, one process per client',
    pinned,
    rounds,
    readsPerS: Object.fromEntries(Object.entries(rates).map(([name, list]) => [name, Math.round(median(list))])),
    ratioSequential: ratio('sequential', 'libmodbus'),
    ratioPipelined: ratio('pipelined', 'libmodbus'),
    ratioSocket: ratio('sequential', 'bareSocket'),
    ratioSocketUndecoded: ratio('sequential', 'bareSocketUndecoded'),
    ratioModbusSerial: ratio('sequential', 'modbusSerial'),
  }
}

/** How late a timer fires every second in this process, which does nothing else, while `work` runs in another one. */
async function bareTimer(work: Promise<unknown>): Promise<number[]> {
  const ended = work.then(() => 'ended')
  const late: number[] = []
  const startMs = performance.now()
  for (let n = 1; ; n++) {
    const deadlineMs = startMs + 1000 * n
    if ((await Promise.race([ended, delay(Math.max(0, deadlineMs - performance.now()))])) === 'ended') return late
    late.push(performance.now() - deadlineMs)
  }
}

async function devices300() {
  using server = await startResponder()
  const running = runDevices([server.port, 300, 40, values.quick ? 5 : 120].map(String))
  const late = (await bareTimer(running)).toSorted((a, b) => a - b)
  const bareTimerP99Ms = round(late[Math.ceil(late.length * 0.99) - 1] ?? Number.NaN)
  return { ...(await running), bareTimerP99Ms }
}

const folder = mkdtempSync(join(tmpdir(), 'r-ems-bench-'))
try {
  const speed = await throughput(folder)
  const rtu = hasSocat ? await measureRtu(values.quick ? 1 : 7) : undefined
  process.stdout.write(
    `${JSON.stringify({
      bench: 'modbus',
      work: '125 registers per read, decoded into 63 readings; libmodbus and the pipelined bare socket decode nothing',
      ...speed,
      rtuEfficiency9600: rtu ? round(rtu.efficiency) : null,
      rtuEfficiency9600Usb: rtu ? round(rtu.efficiencyUsb) : null,
      rtuLine: rtu ? `${rtu.line}; a read takes ${round(rtu.idealReadMs)} ms at best` : 'socat is not installed',
      devices300: await devices300(),
      targets: {
        ratioPipelined: 3,
        ratioSocket: 0.85,
        ratioModbusSerial: 1,
        rtuEfficiency9600: 0.95,
        rtuEfficiency9600Usb: 0.7,
        devices300LatenessP99Ms: 50,
      },
    })}\n`,
  )
} finally {
  rmSync(folder, { recursive: true, force: true })
}
