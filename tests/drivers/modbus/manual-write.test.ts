import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ledger as ledgerSchema, writePreview, type WritePreviewRequest } from '#contract/manual-write.ts'
import { createArmedBus } from '../../../service/drivers/modbus/bus.ts'
import { parseBusAddress } from '../../../service/drivers/modbus/address.ts'
import { createBusAccess } from '../../../service/runtime/bus-access.ts'
import { createGuard } from '../../../service/runtime/guard.ts'
import { readLedger } from '../../../service/runtime/ledger.ts'
import { openWriteBudget } from '../../../service/runtime/write-budget.ts'
import { openStorage } from '../../../service/storage/storage.ts'
import { realClock } from '../support/clock.ts'
import { mapFrom } from '../support/maps.ts'
import { createTestUnit, ramp } from '../support/test-device.ts'
import { startTestServer } from '../support/test-server.ts'

/** A setpoint that wears the memory of the device out. */
const map = {
  ...mapFrom(`
format: 1
maker: Test
model: Battery
kind: battery
points:
  setpointW: { address: 10, type: int16, scale: 0.1 }
commands:
  setPowerW:
    unit: W
    limits: { min: 20, max: 60 }
    writes: [{ address: 10, type: int16, scale: 0.1, value: $value }]
    readBack: { point: setpointW, tolerance: 0.05 }
    expiry: { kind: none }
    safeValue: 40
    storage: non-volatile
    dailyWrites: 20
`),
  id: 'test/battery',
}

async function setUp() {
  const folder = await mkdtemp(join(tmpdir(), 'r-ems-write-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const resources = new AsyncDisposableStack()
  onTestFinished(() => resources.disposeAsync())
  const workerUrl = new URL('../../../service/storage/worker.ts', import.meta.url)
  const storage = resources.use(await openStorage({ folder, workerUrl, clock: realClock }))
  const server = resources.use(await startTestServer('tcp', { 1: createTestUnit({ ...ramp(300), 10: 450 }) }))
  const bus = resources.use(createArmedBus({ address: parseBusAddress(server.url), clock: realClock }))
  const budget = await openWriteBudget(folder, () => realClock.nowMs())
  const guard = createGuard({
    mode: 'production',
    desktop: false,
    targets: new Map(),
    control: () => ({ enabled: false, dryRun: true, reason: 'none' }),
    journal: (record) => void storage.journal.append(record),
    journalDurable: (record) => storage.journal.appendDurable(record),
    controlled: () => false,
  })
  const access = createBusAccess({
    buses: new Map([[bus.name, bus]]),
    entries: [],
    guard,
    budget,
    loadMap: () => map,
    sunspecModels: () => new Map(),
    clock: realClock,
  })
  const preview = async (write: WritePreviewRequest['write'], armed = true) =>
    writePreview.parse(await access.preview({ bus: bus.name, unitId: 1, write }, armed))
  const write = async (wanted: WritePreviewRequest['write'], armed = true) => {
    const { write: ready } = await preview(wanted, armed)
    return access.write({ bus: bus.name, unitId: 1, principal: 'ui:maria', write: ready }, armed)
  }
  const ledger = async (limit = 50) => {
    storage.journal.flush()
    return ledgerSchema.parse(await readLedger(storage.journal, { limit }))
  }
  /** Requests that changed something, as the device received them. */
  const written = (): string[] =>
    server.seen.filter(({ pdu }) => [5, 6, 15, 16].includes(pdu[0]!)).map(({ frame }) => frame.toString('hex'))
  const holding = server.units.get(1)!.holding
  return { storage, server, budget, preview, write, ledger, written, holding }
}

const command = (value: number) => ({ kind: 'command', map: map.id, command: 'setPowerW', value }) as const
const register = (
  value: number,
  more: { armed?: boolean; max?: number; fn?: 6 | 16; type?: 'uint16' | 'int32' } = {},
) =>
  ({
    kind: 'register',
    armed: true,
    address: 200,
    fn: 6,
    type: 'uint16',
    wordOrder: 'big',
    byteOrder: 'big',
    scale: 1,
    value,
    min: 0,
    max: 500,
    ...more,
  }) as const

/** Without the transaction number, which counts on. */
const bytes = (frames: readonly string[]): string[] => frames.map((frame) => frame.slice(4))

test('a command: what is shown before is what the device gets, and what was there can be put back', async () => {
  const rig = await setUp()
  const shown = await rig.preview(command(52.5))
  expect(shown).toMatchObject({
    title: 'setPowerW',
    unit: 'W',
    before: 45,
    registers: [{ address: 10, before: 450, after: 525 }],
    min: 20,
    max: 60,
    wear: { storage: 'non-volatile', writesToday: 0, dailyWrites: 20 },
    readBack: 'setpointW',
  })
  expect(shown).not.toHaveProperty('obstacle')
  expect(rig.written()).toEqual([])
  expect((await rig.ledger()).entries).toEqual([])

  expect(await rig.write(command(52.5))).toMatchObject({ outcome: 'confirmed', readBack: 52.5 })
  expect(bytes(rig.written())).toEqual(bytes(shown.frames))
  expect(rig.holding.get(10)).toBe(525)
  const [entry, ...more] = (await rig.ledger()).entries
  expect(more).toEqual([])
  expect(entry).toMatchObject({ what: 'setPowerW', value: 52.5, before: 45, unit: 'W', outcome: 'confirmed' })
  expect((await rig.preview(command(50))).wear.writesToday).toBe(1)

  // Taking it back is another write, in the ledger like any other.
  expect(await rig.write(entry!.undo!.write)).toMatchObject({ outcome: 'confirmed', readBack: 45 })
  expect(rig.holding.get(10)).toBe(450)
  expect((await rig.ledger()).entries.map(({ value, before }) => [value, before])).toEqual([
    [45, 52.5],
    [52.5, 45],
  ])
  expect((await rig.preview(command(50))).wear.writesToday).toBe(2)
})

test('a register that no command declares, within limits that were typed in', async () => {
  const rig = await setUp()
  const shown = await rig.preview(register(321))
  expect(shown).toMatchObject({
    before: 200,
    registers: [{ address: 200, before: 200, after: 321 }],
    wear: { storage: 'unknown', writesToday: 0 },
  })
  expect(await rig.write(register(321))).toMatchObject({ outcome: 'confirmed', readBack: 321 })
  expect(bytes(rig.written())).toEqual(bytes(shown.frames))
  const [entry] = (await rig.ledger()).entries
  expect(entry).toMatchObject({ what: 'holding 200 (FC06)', value: 321, before: 200 })
  await rig.write(entry!.undo!.write)
  expect(rig.holding.get(200)).toBe(200)

  const wide = await rig.preview(register(-2, { fn: 16, type: 'int32' }))
  expect(wide.registers).toEqual([
    { address: 200, before: 200, after: 0xffff },
    { address: 201, before: 201, after: 0xfffe },
  ])
})

test('nothing is written by somebody who is not armed, outside the limits, or where a command is declared', async () => {
  const rig = await setUp()
  const attempts = [
    [register(321), false, 'Armed'],
    [register(501), true, 'outside the limits'],
    [command(60.5), true, 'outside the limits'],
    [command(50), false, 'Armed'],
    [{ ...register(30), address: 10, map: map.id }, true, 'setPowerW'],
  ] as const
  for (const [wanted, armed, why] of attempts) {
    const { obstacle } = await rig.preview(wanted, armed)
    expect(obstacle?.toLowerCase()).toContain(why.toLowerCase())
    const { outcome, reason } = await rig.write(wanted, armed)
    expect([outcome, reason]).toEqual(['refused', obstacle])
  }
  expect(rig.written()).toEqual([])
  expect((await rig.ledger()).entries).toEqual([])
  await expect(rig.preview(register(1, { fn: 6, type: 'int32' }))).rejects.toMatchObject({ code: 'write.refused' })
})

test('a write that the device refuses is in the ledger with what it said, and the ledger has pages', async () => {
  const rig = await setUp()
  rig.server.respond = ({ request, honest, send }) =>
    send(request.pdu[0] === 6 ? Buffer.concat([honest.subarray(0, 5), Buffer.of(3, 1, 0x86, 4)]) : honest)
  expect(await rig.write(register(5))).toMatchObject({ outcome: 'failed', cause: 'exception' })
  rig.server.respond = ({ honest, send }) => send(honest)
  for (const value of [1, 2, 3]) await rig.write(register(value))
  const { entries } = await rig.ledger()
  expect(entries.map(({ value, outcome }) => [value, outcome])).toEqual([
    [3, 'confirmed'],
    [2, 'confirmed'],
    [1, 'confirmed'],
    [5, 'failed'],
  ])
  expect(entries[3]?.detail).toContain('device failure')
  const first = await rig.ledger(2)
  expect(first.entries.map(({ value }) => value)).toEqual([3, 2])
  const rest = ledgerSchema.parse(await readLedger(rig.storage.journal, { limit: 50, before: first.next! }))
  expect(rest.entries.map(({ value }) => value)).toEqual([1, 5])
})
