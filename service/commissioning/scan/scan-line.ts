import type { ScanProgress, SerialSettings, UnitScan } from '#contract/workbench-scan.ts'
import type { Clock } from '../../domain/clock.ts'
import { formatBusAddress, type SerialAddress } from '../../drivers/modbus/address.ts'
import { createReadOnlyBus, type ReadOnlyBus } from '../../drivers/modbus/bus.ts'
import { characterMs, type OpenSerial } from '../../drivers/modbus/serial-port.ts'
import { identifyCandidates, type ScanLibrary } from './identify-units.ts'
import { likelySettings, settingsText } from './likely.ts'
import { createLineAsker, type LineAsker } from './line-asker.ts'
import { createLineWatch } from './line-watch.ts'
import { sweepSettings } from './settings-sweep.ts'
import { createUnitSweep, type SweepEnd, type SweepState, thoroughMs } from './unit-sweep.ts'

export interface LineScanOptions {
  readonly path: string
  /** Absent: found out by asking. */
  readonly settings?: SerialSettings
  /** Also gives every ID time enough for a slow device. */
  readonly thorough?: boolean
  /** How long is listened before the first question, in ms. Default: 2000. */
  readonly listenMs?: number
  /** How long the adapter may hold an answer back, in ms. Default: 16, as USB adapters do. */
  readonly adapterMs?: number
  /** IDs to ask right after the usual ones, such as those of the point maps. */
  readonly firstIds?: readonly number[]
  /** What is found is identified with it; without it, only found. */
  readonly library?: ScanLibrary
  /** Goes on where this one ended. */
  readonly previous?: UnitScan
}

export interface ScanTools<Result = UnitScan> {
  readonly clock: Clock
  readonly signal: AbortSignal
  /** `soFar`: the result as it would be now, to show and to keep. */
  readonly onProgress?: (progress: ScanProgress, soFar: () => Result) => void
  /** Opens the serial port in place of the operating system, for an emulated line. */
  readonly openSerial?: OpenSerial
}

/**
 * Finds the units of a serial line: listens, finds the settings, asks every unit ID, and finds out what each unit is. Only
 * reads, and stops as soon as anybody else is heard on the line. Never rejects for what happens in the field: the result
 * says how it ended, and holds what was found until then.
 */
export async function scanLine(options: LineScanOptions, tools: ScanTools): Promise<UnitScan> {
  const { path, thorough = false, listenMs = 2000, adapterMs = 16, firstIds = [], library, previous } = options
  const { clock, signal } = tools
  const startMs = clock.monotonicMs()
  const startedAtMs = clock.nowMs()
  const state: SweepState = {
    found: new Map(previous?.units.map((unit) => [unit.unitId, unit])),
    waited: new Map(previous?.silent.flatMap(({ unitIds, waitedMs }) => unitIds.map((id) => [id, waitedMs] as const))),
  }
  const candidates = new Map(previous?.units.map((unit) => [unit.unitId, unit.candidates]))
  let settings = options.settings ?? previous?.settings ?? undefined
  let end: SweepEnd = { state: 'complete' }
  let floorMs = 0
  let identifyMs = 0
  let timeoutMs = previous?.timeoutMs ?? 0
  let requests = 0
  /** Of the sweep under way, not yet counted above. */
  let running: { floorMs(): number; timeoutMs(): number; requests(): number } | undefined

  await using watch = createLineWatch(clock, tools.openSerial)
  const progress = (phase: ScanProgress['phase'], done: number, total: number, leftMs: number | null, text: string) =>
    tools.onProgress?.({ phase, done, total, leftMs, text }, () => resultOf({ state: 'cancelled' }))
  const createBus = (address: SerialAddress): ReadOnlyBus =>
    createReadOnlyBus({ address, clock, openSerial: watch.openSerial })

  /** How it stands, undefined while nothing speaks against going on. */
  function ended(): SweepEnd | undefined {
    if (watch.foreign !== undefined) return { state: 'foreign-traffic', reason: watch.foreign }
    if (signal.aborted) return { state: 'cancelled' }
    return watch.lost === undefined ? undefined : { state: 'closed', reason: watch.lost }
  }

  async function listenFirst(): Promise<SweepEnd | undefined> {
    progress('listen', 0, listenMs, listenMs, 'listening')
    try {
      await watch.open({ kind: 'rtu', path, ...(settings ?? likelySettings[0]!) }, signal)
    } catch (error) {
      return { state: 'closed', reason: error instanceof Error ? error.message : String(error) }
    }
    await clock.sleep(listenMs, AbortSignal.any([signal, watch.signal])).catch(() => undefined)
    await watch.settle()
    floorMs += listenMs
    if (watch.bytes > 0) watch.accuse(watch.bytes)
    return ended()
  }

  async function findSettings(): Promise<SweepEnd | undefined> {
    const found = await sweepSettings({
      path,
      watch,
      createBus,
      clock,
      signal,
      onProgress: (done, total, leftMs, text) => progress('settings', done, total, leftMs, text),
    })
    requests += found.requests
    floorMs += found.floorMs
    if (found.found) settings = found.settings
    else if (found.closed !== undefined) return { state: 'closed', reason: found.closed }
    return ended()
  }

  async function identifyAll(asker: LineAsker, with_: ScanLibrary): Promise<void> {
    const fromMs = clock.monotonicMs()
    const wanted = [...state.found.values()].filter(
      ({ unitId, status }) => status !== 'two-devices' && !candidates.get(unitId)?.length,
    )
    for (const [done, { unitId }] of wanted.entries()) {
      if (ended()) break
      const perUnitMs = done === 0 ? null : (clock.monotonicMs() - fromMs) / done
      const leftMs = perUnitMs === null ? null : Math.round(perUnitMs * (wanted.length - done))
      progress('identify', done, wanted.length, leftMs, `unit ${unitId}`)
      const of = await identifyCandidates(asker.bus, unitId, with_, { clock, signal })
      if (of) candidates.set(unitId, of)
    }
    identifyMs = clock.monotonicMs() - fromMs
  }

  async function work(known: SerialSettings): Promise<SweepEnd> {
    const address: SerialAddress = { kind: 'rtu', path, ...known }
    await using bus = createBus(address)
    const asker = createLineAsker({ bus, watch, clock, signal })
    const sweep = createUnitSweep({
      asker,
      watch,
      signal,
      characterMs: characterMs(address),
      adapterMs,
      firstIds,
      state,
      onProgress: (phase, done, total, leftMs) =>
        progress(phase, done, total, leftMs, `${state.found.size} found, ${settingsText(known)}`),
    })
    running = { floorMs: sweep.floorMs, timeoutMs: sweep.quickMs, requests: () => asker.requests }
    let result = await sweep.run(thorough)
    floorMs += sweep.floorMs()
    running = { ...running, floorMs: () => 0 }
    timeoutMs = Math.round(sweep.quickMs())
    if (library && (result.state === 'complete' || result.state === 'line-errors')) {
      await identifyAll(asker, library)
      result = ended() ?? result
    }
    requests += asker.requests
    running = undefined
    return result
  }

  function resultOf(end: SweepEnd): UnitScan {
    const notes = [
      ...(settings || end.state !== 'complete' ? [] : ['nobody answers at any usual settings']),
      ...(watch.glitches > 0
        ? [`${watch.glitches} stray bytes after our own questions: the line may lack its bias resistors`]
        : []),
      ...(previous ? [`goes on from a scan of ${new Date(previous.startedAtMs).toISOString()}`] : []),
    ]
    const openMs = clock.monotonicMs() - startMs
    return {
      kind: 'units',
      bus: settings ? formatBusAddress({ kind: 'rtu', path, ...settings }) : `rtu://${path}`,
      settings: settings ?? null,
      state: end.state,
      reason: 'reason' in end ? sentence(end) : null,
      startedAtMs,
      elapsedMs: Math.round((previous?.elapsedMs ?? 0) + openMs - identifyMs),
      floorMs: Math.round((previous?.floorMs ?? 0) + floorMs + (running?.floorMs() ?? 0)),
      requests: (previous?.requests ?? 0) + requests + (running?.requests() ?? 0),
      notes,
      thorough: thorough || (previous?.thorough ?? false),
      heard: { quietMs: Math.round(openMs), bytes: watch.strange, text: heardText(watch.foreign, openMs) },
      units: [...state.found.values()]
        .toSorted((a, b) => a.unitId - b.unitId)
        .map((unit) => ({
          unitId: unit.unitId,
          status: unit.status,
          latencyMs: unit.latencyMs === null ? null : Math.round(unit.latencyMs * 10) / 10,
          answer: unit.answer,
          candidates: candidates.get(unit.unitId) ?? null,
          alsoUnitIds: [],
          notes: [...unit.notes],
        })),
      silent: silentGroups(state.waited),
      notExcluded: notExcluded(state),
      timeoutMs: running ? Math.round(running.timeoutMs()) : timeoutMs,
      identifyMs: Math.round((previous?.identifyMs ?? 0) + identifyMs),
    }
  }

  const early = (await listenFirst()) ?? (settings ? undefined : await findSettings())
  if (early) end = early
  else {
    // With unusual IDs too, most lines have the most frequent settings.
    end = await work(settings ?? likelySettings[0]!)
    if (state.found.size > 0) settings ??= likelySettings[0]
  }
  return resultOf(end)
}

function sentence({ state, reason }: Extract<SweepEnd, { reason: string }>): string {
  return state === 'foreign-traffic'
    ? `${reason}: somebody else may be using this line, so that nothing more is sent; listen with r-emsctl sniff instead`
    : reason
}

const heardText = (foreign: string | undefined, forMs: number): string =>
  foreign ?? `nothing else heard for ${Math.round(forMs / 1000)} s`

function silentGroups(waited: ReadonlyMap<number, number>): UnitScan['silent'] {
  const groups = new Map<number, number[]>()
  for (const [unitId, waitedMs] of waited) {
    const rounded = Math.floor(waitedMs)
    groups.set(rounded, [...(groups.get(rounded) ?? []), unitId])
  }
  return [...groups]
    .map(([waitedMs, unitIds]) => ({ waitedMs, unitIds: unitIds.toSorted((a, b) => a - b) }))
    .toSorted((a, b) => a.waitedMs - b.waitedMs)
}

/** IDs at which a device could still be that takes its time. */
function notExcluded({ found, waited }: SweepState): number[] {
  const all = Array.from({ length: 247 }, (_, index) => index + 1)
  return all.filter((unitId) => !found.has(unitId) && (waited.get(unitId) ?? 0) < thoroughMs)
}
