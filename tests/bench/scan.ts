import { parseArgs } from 'node:util'
import type { NetworkScan, RegisterScan, UnitScan } from '#contract/workbench-scan.ts'
import { hasSocat } from '../drivers/support/pty.ts'
import {
  behindGateway,
  lineInRealTime,
  network,
  registersOfLine,
  slowUnit,
  unknownSettings,
} from './support/scan-scenarios.ts'

/**
 * Scans against the least time that the same work takes: wire, device and adapter. Where the emulated line runs in virtual
 * time, all waiting counts and the work of the processor does not; two lines run in real time behind terminals.
 */
const { values } = parseArgs({ options: { json: { type: 'boolean' }, quick: { type: 'boolean' } } })
const target = 1.3

interface Scenario {
  readonly name: string
  /** Time allowed in all, in ms. */
  readonly withinMs?: number
  run(): Promise<{ readonly result: UnitScan | NetworkScan | RegisterScan; readonly right: boolean }>
}

const scenarios: readonly Scenario[] = [
  ...(values.quick || !hasSocat
    ? []
    : [
        { name: '5 units in 247 at 9600, UART, real time', withinMs: 20_000, run: () => lineInRealTime(0) },
        { name: '5 units in 247 at 9600, USB 16 ms, real time', withinMs: 20_000, run: () => lineInRealTime(16) },
      ]),
  { name: 'thorough, a unit that takes 600 ms', withinMs: 200_000, run: slowUnit },
  { name: 'unknown settings, then 247 units', run: unknownSettings },
  { name: 'units behind a gateway', run: behindGateway },
  { name: 'a /24 of 127.0.0.0/8', run: network },
  ...[125, 65, 10].map((most) => ({
    name: `registers 0 to 65535 at 9600, 40 islands, blocks of ${most}`,
    run: () => registersOfLine(most),
  })),
]

const measured = []
for (const { name, withinMs, run } of scenarios) {
  if (!values.json) process.stderr.write(`${name} ...\n`)
  const { result, right } = await run()
  const { elapsedMs, floorMs, requests } = result
  const ratio = Math.round((1000 * elapsedMs) / floorMs) / 1000
  const met = right && ratio <= target && (withinMs === undefined || elapsedMs <= withinMs)
  measured.push({ name, elapsedMs, floorMs, ratio, requests, right, withinMs: withinMs ?? null, met })
}
process.stdout.write(
  `${JSON.stringify({ target, scenarios: measured, worstRatio: Math.max(...measured.map(({ ratio }) => ratio)), met: measured.every(({ met }) => met) }, undefined, values.json ? 0 : 2)}\n`,
)
