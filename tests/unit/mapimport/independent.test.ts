import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from '../../../service/cli/run.ts'
import { listenModbus, type ModbusServer } from '../../../service/drivers/simulated/modbus-server.ts'
import type { RegisterField, Table } from '../../../service/drivers/simulated/register-bank.ts'
import { systemClock } from '../../../service/runtime/system-clock.ts'
import { fakeTerminal } from '../cli/terminal.ts'
import { decoders, type Expected } from './independent-decoders.ts'
import { foreignFolder, haveForeign, importForeign, load } from './support.ts'

/** Words that no order or sign leaves alone: most are small, so that scaled values stay plausible, some are any. */
function word(table: Table, address: number): number {
  const mixed = Math.imul(address + (table === 'input' ? 77_777 : 3), 2_654_435_761) >>> 0
  return mixed % 10 < 6 ? mixed % 450 : mixed >>> 16
}

let server: ModbusServer
let folder: string

beforeAll(async () => {
  const fields: RegisterField[] = []
  for (const table of ['holding', 'input'] as const)
    for (let address = 0; address < 65_536; address += 1)
      fields.push({ table, address, words: 1, read: () => [word(table, address)] })
  server = await listenModbus({ clock: systemClock, unitId: 1, fields })
  folder = mkdtempSync(join(tmpdir(), 'r-ems-imported-'))
  mkdirSync(join(folder, 'imported'))
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

interface Shown {
  readonly value: unknown
  readonly unit: string
  readonly quality: string
  readonly reason: string | null
}

/** What the product reads over the wire through a draft. */
async function readOverWire(draft: string): Promise<Readonly<Record<string, Shown>>> {
  writeFileSync(join(folder, 'imported/draft.yaml'), draft)
  const { terminal, out } = fakeTerminal()
  const bus = `tcp://127.0.0.1:${server.port}`
  await run(['read', '--bus', bus, '--unit', '1', '--map', 'imported/draft', '--maps', folder, '--json'], terminal)
  return (JSON.parse(out()) as { points: Record<string, Shown> }).points
}

const thousands: Readonly<Record<string, number>> = { k: 1000, m: 0.001, M: 1_000_000 }
/** What a unit of the file is in the unit that is shown. */
function toShown(unit: string, shown: string): number {
  const plain = unit.replace(/\s*(AC|DC)$/, '')
  if (shown === '' || plain.toLowerCase() === shown.toLowerCase()) return 1
  return plain.toLowerCase().endsWith(shown.toLowerCase()) ? (thousands[plain.charAt(0)] ?? 1) : 1
}

describe.skipIf(!haveForeign)('imported maps (../shared/data/foreign-maps)', () => {
  it.each(Object.keys(decoders))('of %s read over the wire what an independent decoder reads', async (file) => {
    const result = await importForeign(file)
    load(result)
    if (result.verdict === 'refused') return
    const expected = decoders[file]!(readFileSync(join(foreignFolder, file), 'utf8'))
    const read = await readOverWire(result.draft)
    let compared = 0
    for (const { place, name } of result.report.points) {
      const wanted: Expected | undefined = expected.get(Number(/:(\d+)/.exec(place)?.[1]))
      const shown = read[name]
      if (!wanted || !shown) continue
      const plain = wanted.decode((address) => word(wanted.table, address))
      const value = plain * toShown(wanted.unit, shown.unit)
      if (shown.quality !== 'good') {
        // Random words are no temperatures; that they are refused is the point of ranges.
        expect([name, shown.reason]).toEqual([
          name,
          expect.stringMatching(/range|plausib|outside|number|above|below|percent|not available/i),
        ])
        continue
      }
      expect([name, shown.value]).toEqual([
        name,
        expect.closeTo(value, Math.max(0, 6 - Math.ceil(Math.log10(Math.abs(value) + 1)))),
      ])
      compared += 1
    }
    expect([file, compared]).toEqual([
      file,
      expect.toSatisfy((count: number) => count >= Math.min(5, expected.size) && count >= expected.size * 0.4),
    ])
  })
})
