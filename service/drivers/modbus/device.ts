import type { Link, LinkState } from '#contract/api.ts'
import type { Clock } from '../../domain/clock.ts'
import { inputsOf } from '../../pointmap/derive.ts'
import { planReads } from '../../pointmap/plan.ts'
import { needsSunspecWalk, resolveMap } from '../../pointmap/resolve.ts'
import type { SunspecModels } from '../../pointmap/sunspec/models.ts'
import { walkSunspec } from '../../pointmap/sunspec/walk.ts'
import type { LoadedMap, ResolvedCommand, ResolvedMap, SunspecLayout } from '../../pointmap/types.ts'
import type { Device, TimedReading, WriteOutcome } from '../driver.ts'
import { readBlock, type BlockResult, type Instant } from './block-reader.ts'
import type { ArmedBus, ReadOnlyBus } from './bus.ts'
import { describePoints } from './device-points.ts'
import { bad, updateDerived, updateReadings } from './device-readings.ts'
import { createDeviceWriter } from './device-writer.ts'
import { createPollGroups, type Group, type PollGroups } from './poll-groups.ts'
import { createImage } from './register-image.ts'

/** The part of a logger that a device needs; a pino logger is one. */
export interface DeviceLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export interface ModbusDeviceOptions {
  readonly id: string
  readonly unitId: number
  readonly map: LoadedMap
  /** Needed by maps with SunSpec points. */
  readonly sunspecModels?: SunspecModels
  /** Writes need an armed one. */
  readonly bus: ReadOnlyBus | ArmedBus
  readonly clock: Clock
  /** Period of the fast poll group where the map gives none, in ms. */
  readonly cycleMs: number
  readonly log?: DeviceLog
}

/** A map bound to the device as it was found. */
interface Binding {
  readonly map: ResolvedMap
  readonly groups: PollGroups
}

/** Polls without any answer after which a device counts as silent, when the bus has not given it up before. */
const emptyPollsUntilSilent = 2
const durationsKept = 20

/** A Modbus device: all that is particular about it is in its map. */
export function createModbusDevice(options: ModbusDeviceOptions): Device {
  const { id, unitId, map: loaded, bus, clock, cycleMs, log, sunspecModels } = options
  const quirks = loaded.map.quirks ?? {}
  const writer = bus.access === 'armed' ? bus.unit(unitId, quirks) : undefined
  const unit = writer ?? bus.unit(unitId, quirks)
  const walks = needsSunspecWalk(loaded)
  const stop = new AbortController()
  const readings = new Map<string, TimedReading>()
  const durations: number[] = []
  const writes = createDeviceWriter({ reader: unit, writer, clock, signal: stop.signal, known: createImage(), readNow })
  let binding: Binding | undefined = walks ? undefined : bind()
  let state: LinkState = 'connecting'
  let reason: string | undefined
  let emptyPolls = 0
  /** The binding was made, but nothing was read with it yet. */
  let fresh = !walks
  let learned = false
  let polling: Promise<void> | undefined
  let writing: Promise<unknown> = Promise.resolve()
  /** Writes that wait for the one under way. */
  let waiting = 0

  function bind(layout?: SunspecLayout): Binding {
    const map = resolveMap(loaded, layout, sunspecModels)
    const at = now()
    for (const [name, why] of map.missing)
      if (loaded.map.points[name]) readings.set(name, { ...bad(why, at), ...(layout && { absent: true as const }) })
    return { map, groups: createPollGroups(map, bus.costs, cycleMs) }
  }

  function now(): Instant {
    return { atMs: clock.nowMs(), monotonicMs: clock.monotonicMs() }
  }

  /** Finds out what the device is made of. Undefined when that was not possible now. */
  async function discover(): Promise<Binding | undefined> {
    if (!walks) return bind()
    let lost: string | undefined
    const layout = await walkSunspec(async (address, count) => {
      const block = { function: 'holding', address, count, points: [] } as const
      const [result] = await readBlock(unit, block, { priority: 'control', signal: stop.signal, proven: true, now })
      if (result?.kind === 'read') return Array.from(result.page.words)
      if (result?.kind === 'lost') lost ??= result.reason
      return undefined
    })
    if (lost !== undefined) return connectionState(undefined, lost)
    if (!layout) {
      binding = undefined
      return connectionState('degraded', 'no SunSpec marker at 40000, 0 or 50000')
    }
    for (const warning of layout.warnings) log?.warn({ warning }, 'odd SunSpec layout')
    return bind(layout)
  }

  async function pollOnce(): Promise<void> {
    if (!known() && !fresh) {
      const found = await discover()
      if (!found) return
      binding = found
      fresh = true
    }
    if (!binding) return
    const { map, groups } = binding
    const due = groups.due(clock.monotonicMs())
    const polled = await Promise.all(due.map(async (group) => ({ group, results: await readGroup(group) })))
    const at = now()
    for (const { group, results } of polled) {
      updateReadings(readings, results, at)
      groups.polled(group, at.monotonicMs, results)
    }
    updateDerived(readings, map.derived)
    judge(polled.flatMap(({ results }) => results))
    if (known() && !learned) {
      const all = [...map.commands.values()].flatMap((command) => [...command.writes, ...command.release])
      learned = await writes.learn(all)
    }
  }

  /** Whether the device answered lately. */
  function known(): boolean {
    return state === 'online' || (state === 'degraded' && binding !== undefined)
  }

  async function readGroup(group: Group): Promise<BlockResult[]> {
    const priority = group.name === 'fast' ? 'control' : 'background'
    const results = await Promise.all(
      group.blocks.map(({ block, proven }) => readBlock(unit, block, { priority, signal: stop.signal, proven, now })),
    )
    return results.flat()
  }

  /** The link state after a poll. */
  function judge(results: readonly BlockResult[]): void {
    if (results.length === 0) return
    const lost = results.filter((result) => result.kind === 'lost')
    if (lost.length === results.length) {
      connectionState(undefined, lost[0]!.reason)
      return
    }
    const trouble = lost[0] ?? results.find((result) => result.kind === 'refused')
    fresh = false
    emptyPolls = 0
    if (trouble) connectionState('degraded', trouble.reason)
    else connectionState('online', undefined)
  }

  /** `undefined`: nothing was answered, which is silence unless it is the first time. */
  function connectionState(next: LinkState | undefined, why: string | undefined): undefined {
    if (stop.signal.aborted) return undefined
    if (next === undefined) emptyPolls++
    const givenUp = bus.stats().state === 'closed' || unit.stats().silent !== undefined
    const silent = !known() || givenUp || emptyPolls >= emptyPollsUntilSilent
    const before = state
    state = next ?? (silent ? 'silent' : 'degraded')
    reason = why
    if (state === 'silent') learned = false
    if (state === before) return undefined
    const fields = { device: id, unitId, bus: bus.name, ...(why === undefined ? {} : { reason: why }) }
    if (state === 'silent') log?.warn(fields, 'device went silent')
    else log?.info(fields, before === 'silent' ? 'device answers again' : `device is ${state}`)
    return undefined
  }

  /** Reads one point with all it is made of, ahead of everything else. */
  async function readNow(map: ResolvedMap, name: string): Promise<{ value?: number; reason: string }> {
    const derived = map.derived[name]
    const wanted = new Set(derived ? inputsOf(derived) : [name])
    const points = map.points.filter((point) => wanted.has(point.name))
    const blocks = planReads(points, map.quirks, { costs: bus.costs })
    const options = { priority: 'write', signal: stop.signal, proven: true, now } as const
    const results = (await Promise.all(blocks.map((block) => readBlock(unit, block, options)))).flat()
    const trouble = results.find((result) => result.kind !== 'read')
    if (trouble) return { reason: trouble.reason }
    updateReadings(readings, results, now())
    updateDerived(readings, map.derived)
    const reading = readings.get(name)
    if (typeof reading?.value === 'number' && reading.quality === 'good') return { value: reading.value, reason: '' }
    return { reason: reading?.reason ?? 'not a number' }
  }

  /** One command at a time, so that the writes of two never mingle. */
  function act(name: string, value: number | undefined): Promise<WriteOutcome> {
    waiting += 1
    const mine = writing.then(async (): Promise<WriteOutcome> => {
      waiting -= 1
      const found = commandOf(name)
      return 'reason' in found
        ? { result: 'failed', reason: found.reason, frames: [] }
        : writes.write(found.map, found.command, value, () => waiting > 0)
    })
    writing = mine
    return mine
  }

  function commandOf(name: string): { map: ResolvedMap; command: ResolvedCommand } | { reason: string } {
    if (stop.signal.aborted) return { reason: 'the device was closed' }
    if (!binding) return { reason: reason ?? 'the device was not reached yet' }
    const command = binding.map.commands.get(name)
    return command ? { map: binding.map, command } : { reason: binding.map.missing.get(name) ?? `no command ${name}` }
  }

  async function timedPoll(): Promise<void> {
    const startMs = clock.monotonicMs()
    await pollOnce()
    durations.push(clock.monotonicMs() - startMs)
    if (durations.length > durationsKept) durations.shift()
  }

  return {
    id,
    poll() {
      if (stop.signal.aborted) return Promise.resolve()
      polling ??= timedPoll().finally(() => {
        polling = undefined
      })
      return polling
    },
    readings: () => readings,
    link() {
      const stats = unit.stats()
      return {
        state,
        ...(reason === undefined ? {} : { reason }),
        ...(stats.p50Ms === undefined ? {} : { latencyMs: stats.p50Ms }),
        ...(stats.lastAnswerAtMs === undefined ? {} : { lastAnswerAtMs: stats.lastAnswerAtMs }),
        requests: stats.requests,
        failures: stats.failures,
      } satisfies Link
    },
    points: () => describePoints(loaded, binding?.map),
    pollGroups: () => binding?.groups.describe() ?? [],
    bound: () => binding?.map,
    pollDurationMs: () => durations.toSorted((a, b) => b - a)[Math.floor(durations.length * 0.05)] ?? 0,
    write: ({ deviceId, command, value }) =>
      deviceId === id
        ? act(command, value)
        : Promise.resolve({ result: 'failed', reason: `a setpoint for ${deviceId}`, frames: [] }),
    writeByHand: act,
    encode({ command, value }) {
      const found = commandOf(command)
      return { frames: 'reason' in found ? [] : writes.encode(found.map, found.command, value) }
    },
    release: (command) => act(command, undefined),
    async [Symbol.asyncDispose]() {
      stop.abort()
      await polling
      await writing
    },
  }
}
