import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Principal } from '#contract/access.ts'
import { busFrames, registerWatch, snapshotList, type WatchUpdate, watchUpdate } from '#contract/workbench-registers.ts'
import { createArmedBus } from '../../../service/drivers/modbus/bus.ts'
import { parseBusAddress } from '../../../service/drivers/modbus/address.ts'
import { openRegisters, type Registers } from '../../../service/runtime/workbench/registers.ts'
import { realClock } from '../support/clock.ts'
import { createTestUnit, ramp } from '../support/test-device.ts'
import { startTestServer, type TestServer } from '../support/test-server.ts'

const by: Principal = { kind: 'user', id: 'a', name: 'anna', role: 'installer', address: '127.0.0.1' }

describe('a watch of registers', () => {
  let folder: string
  let server: TestServer
  let registers: Registers
  let updates: WatchUpdate[]
  let told: AbortController

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'r-ems-watch-'))
    // 0 to 39, and 60 to 99 without 70.
    const words = { ...ramp(40), ...Object.fromEntries(Array.from({ length: 40 }, (_, i) => [60 + i, i])) }
    delete (words as Record<number, number>)[70]
    server = await startTestServer('tcp', { 1: createTestUnit(words) })
    updates = []
    told = new AbortController()
    registers = open(new Map())
  })
  afterEach(async () => {
    await registers[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  function open(buses: Parameters<typeof openRegisters>[0]['buses']): Registers {
    return openRegisters({
      folder,
      clock: realClock,
      buses,
      entries: [],
      leaseOf: () => undefined,
      assertFree: () => undefined,
      mapOf: () => undefined,
      heardBy: () => undefined,
      library: () => ({ maps: [], sunspecModels: new Map() }),
      publish(update) {
        updates.push(watchUpdate.parse(update))
        told.abort()
      },
    })
  }

  /** Waits for an update after which this holds. */
  async function until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      told = new AbortController()
      await once(told.signal, 'abort')
    }
  }

  const request = (bus: string) => ({
    bus,
    unitId: 1,
    ranges: [{ fn: 3, address: 0, count: 100 } as const],
    everyMs: 250,
  })

  it('reads around what the unit refuses, asks for that no more, and tells what changed', async () => {
    const watch = await registers.forApi.startWatch(request(server.url), by)
    expect(watch.shared).toBe(false)
    await until(() => updates.at(-1)?.roundMs !== null && updates.length > 0)
    const seen = new Map(
      updates.flatMap(({ blocks }) =>
        blocks.flatMap(({ address, words }) => words.map((word, at) => [address + at, word] as const)),
      ),
    )
    expect(seen.size).toBe(79)
    expect([seen.get(39), seen.get(60), seen.get(99)]).toEqual([39, 0, 39])
    expect(updates.at(-1)?.refused.map(({ address }) => address)).toEqual([
      ...Array.from({ length: 20 }, (_, i) => 40 + i),
      70,
    ])
    const before = server.seen.length
    server.units.get(1)?.holding.set(99, 4711)
    await until(() => updates.at(-1)?.blocks.some(({ words }) => words.includes(4711)) === true)
    const asked = server.seen.slice(before).map(({ pdu }) => pdu.readUInt16BE(1))
    expect(asked.every((address) => address < 40 || address >= 60)).toBe(true)
    expect(registerWatch.parse(registers.forApi.watch(watch.id)).latest.state).toBe('reading')
  })

  it('keeps a snapshot as a file, with the noise of its baseline, and compares with it', async () => {
    const { id } = await registers.forApi.startWatch(request(server.url), by)
    const unit = server.units.get(1)!
    await until(() => updates.at(-1)?.roundMs !== undefined && updates.some(({ roundMs }) => roundMs !== null))
    unit.holding.set(5, 9999)
    await until(() => updates.at(-1)?.blocks.some(({ words }) => words.includes(9999)) === true)
    const kept = await registers.forApi.takeSnapshot({ watch: id, name: 'before', baselineMs: 60_000 }, by)
    expect(kept).toMatchObject({ registers: 79, moved: 1, name: 'before', takenBy: 'anna' })
    expect(kept.baseline.readings).toBeGreaterThan(1)
    expect(readdirSync(join(folder, 'snapshots'))).toEqual([`${kept.id}.json`])
    unit.holding.set(5, 1)
    unit.holding.set(6, 4242)
    await until(() => updates.at(-1)?.blocks.some(({ words }) => words.includes(4242)) === true)
    const rows = (await registers.forApi.changesTable(kept.id, id)).trim().split('\r\n')
    expect(rows.slice(1)).toEqual(['3,6,7,400007,0x0006,6,4242,4236,', '3,5,6,400006,0x0005,,,,moved before'])
    expect(snapshotList.parse(await registers.forApi.snapshots()).snapshots).toEqual([kept])
    await registers.forApi.removeSnapshot(kept.id)
    expect((await registers.forApi.snapshots()).snapshots).toEqual([])
    await expect(registers.forApi.snapshot(kept.id)).rejects.toThrow('there is no such snapshot')
  })

  it('says why nothing comes, goes on by itself, and lets go of the device at its end', async () => {
    const { id } = await registers.forApi.startWatch(request(server.url), by)
    await until(() => updates.some(({ roundMs }) => roundMs !== null))
    const { respond } = server
    server.respond = () => undefined
    await until(() => updates.at(-1)?.state === 'silent')
    expect(updates.at(-1)?.problem).toMatch(/no answer|silent|did not answer/i)
    server.respond = respond
    await until(() => updates.at(-1)?.state === 'reading')
    await registers.forApi.endWatch(id)
    expect(updates.at(-1)?.state).toBe('ended')
    expect(registers.busyPlaces()).toEqual([])
    expect(() => registers.forApi.watch(id)).toThrow('this watch has ended')
  }, 20_000)

  it('goes through a bus that the service holds, and shows its frames with what they mean', async () => {
    await registers[Symbol.asyncDispose]()
    await using bus = createArmedBus({ address: parseBusAddress(server.url), clock: realClock })
    registers = open(new Map([[bus.name, bus]]))
    expect(registers.forApi.tappedBuses()).toEqual([bus.name])
    expect(registers.forApi.frames(bus.name, 0).frames).toEqual([])
    const watch = await registers.forApi.startWatch(
      { ...request(bus.name), ranges: [{ fn: 3, address: 0, count: 4 }] },
      by,
    )
    expect(watch.shared).toBe(true)
    await until(() => updates.some(({ blocks }) => blocks.length > 0))
    const { frames, next, missed } = busFrames.parse(registers.forApi.frames(bus.name, 0))
    expect(frames[0]).toMatchObject({ role: 'request', unitId: 1, fc: 3, address: 0, count: 4 })
    expect(frames[1]).toMatchObject({ role: 'answer', values: [0, 1, 2, 3], answers: 0 })
    expect([next, missed]).toEqual([frames.length, 0])
    expect(registers.forApi.frames(bus.name, next).frames.every(({ number }) => number >= next)).toBe(true)
    expect(Buffer.from(registers.forApi.framesCapture(bus.name)).readUInt32LE(0)).toBe(0x0a0d0d0a)
    expect([...server.seen].every(({ pdu }) => pdu[0] === 3)).toBe(true)
    expect(server.clients.size).toBe(1)
    expect(() => registers.forApi.frames('tcp://127.0.0.1:9', 0)).toThrow('does not use the bus')
  })

  it('is refused when too many run', async () => {
    for (let turn = 0; turn < 4; turn++) await registers.forApi.startWatch(request(server.url), by)
    await expect(registers.forApi.startWatch(request(server.url), by)).rejects.toThrow('4 watches run already')
    expect(server.clients.size).toBeLessThanOrEqual(1)
  })
})
