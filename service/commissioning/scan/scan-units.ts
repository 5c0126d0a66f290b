import type { ScanProgress, UnitScan } from '#contract/workbench-scan.ts'
import type { ReadOnlyBus } from '../../drivers/modbus/bus.ts'
import type { Answer } from '../../drivers/modbus/pdu.ts'
import { identifyCandidates, type ScanLibrary } from './identify-units.ts'
import type { ScanTools } from './scan-line.ts'
import { identityOf } from './unit-identity.ts'
import { answerText, type FoundUnit, isPath, question } from './unit-sweep.ts'

export interface UnitScanOptions {
  /** A device or gateway, or a bus that another program holds. */
  readonly bus: ReadOnlyBus
  /** IDs to ask. Default: all of a serial line, and those that devices of their own use. */
  readonly unitIds?: readonly number[]
  /** IDs to ask early, such as those of the point maps. */
  readonly firstIds?: readonly number[]
  readonly library?: ScanLibrary
  readonly previous?: UnitScan
}

/** A device that answers to all of these as the same one does not look at the ID. Few have a neighbour at each of them. */
export const tellingIds: readonly number[] = [1, 2, 100, 247, 255]
const allIds: readonly number[] = [...Array.from({ length: 247 }, (_, index) => index + 1), 255, 0]
const likelyIds = [1, 255, 247, 2, 100, 3, 71, 200, 126, 127, 240, 85, 61, 50, 5, 6, 11, 0]

/** Times to wait in ms: before anything is known, and at least. */
interface Waiting {
  readonly firstMs: number
  /** Time is saved as soon as it is known how fast the others are. */
  readonly leastMs: number
}
/** A gateway waits itself for units behind it. */
const throughGateway: Waiting = { firstMs: 1000, leastMs: 300 }
/** A line that another program holds: what is waited for is taken from its polling. */
const onHeldLine: Waiting = { firstMs: 300, leastMs: 100 }
const answersUntilSure = 3
const pauseMs = 200
const busyPauseMs = 500
const busyTries = 3

/**
 * Finds the units behind one connection. A gateway's word for "nobody there" is not taken for a device, one device under
 * many IDs not for many. Only reads. Never rejects for what happens in the field.
 */
export async function scanUnits(options: UnitScanOptions, tools: ScanTools): Promise<UnitScan> {
  const { bus, firstIds = [], library, previous } = options
  const { clock, signal } = tools
  const startMs = clock.monotonicMs()
  const startedAtMs = clock.nowMs()
  // On a line 0 reaches everybody, and nobody answers; 248 to 255 belong to nobody.
  const onLine = bus.name.startsWith('rtu')
  const { firstMs, leastMs } = bus.name.startsWith('rtu://') ? onHeldLine : throughGateway
  const wanted = new Set((options.unitIds ?? allIds).filter((id) => !onLine || (id >= 1 && id <= 247)))
  const order = [...new Set([...tellingIds, ...firstIds, ...likelyIds, ...wanted])].filter((id) => wanted.has(id))
  const found = new Map<number, FoundUnit>(previous?.units.map((unit) => [unit.unitId, unit]))
  const candidates = new Map(previous?.units.map((unit) => [unit.unitId, unit.candidates]))
  const alias = new Map(previous?.units.flatMap((unit) => unit.alsoUnitIds.map((id) => [id, unit.unitId] as const)))
  const waited = new Map(
    previous?.silent.flatMap(({ unitIds, waitedMs }) => unitIds.map((id) => [id, waitedMs] as const)),
  )
  const pathless = new Set<number>()
  const latencies: number[] = []
  const notes: string[] = []
  let requests = 0
  let floorMs = 0
  let identifyMs = 0
  /** Answers came after they were given up: the time was too short. */
  let late = false
  let closed: string | undefined
  /** What the device says that answers for IDs of nobody. */
  let everybody: string | undefined

  const worstMs = (): number => Math.max(0, ...latencies)

  function waitMs(): number {
    if (latencies.length === 0 || late) return firstMs
    const least = latencies.length >= answersUntilSure ? leastMs : firstMs / 2
    return Math.min(firstMs, Math.max(least, 3 * worstMs() + 100))
  }

  const isOver = (): boolean => signal.aborted || closed !== undefined

  async function ask(unitId: number): Promise<Answer> {
    const unit = bus.unit(unitId)
    const fromMs = clock.monotonicMs()
    const answer = await unit.ask(question, { priority: 'scan', probeMs: waitMs(), signal })
    const tookMs = clock.monotonicMs() - fromMs
    requests++
    if (answer.kind !== 'failed' && !isPath(answer)) latencies.push(tookMs)
    floorMs += answer.kind === 'failed' ? worstMs() || tookMs : tookMs
    if (answer.kind === 'failed' && (answer.failure === 'closed' || answer.failure === 'refused'))
      closed = answer.reason
    return answer
  }

  const isBusy = (answer: Answer): boolean => answer.kind === 'exception' && (answer.code === 5 || answer.code === 6)

  async function visit(unitId: number): Promise<void> {
    let answer = await ask(unitId)
    // A gateway that was asked too fast says that it has no way.
    if (isCode(answer, 10) && found.size > 0 && pathless.size === 0) {
      await clock.sleep(pauseMs, signal).catch(() => undefined)
      answer = await ask(unitId)
    }
    for (let attempt = 1; attempt < busyTries && isBusy(answer) && !isOver(); attempt++) {
      await clock.sleep(busyPauseMs, signal).catch(() => undefined)
      answer = await ask(unitId)
    }
    if (isOver()) return
    if (answer.kind === 'failed') {
      waited.set(unitId, Math.max(waited.get(unitId) ?? 0, waitMs()))
      return
    }
    if (isPath(answer)) {
      pathless.add(unitId)
      // The gateway has asked, and waited, itself.
      waited.set(unitId, firstMs)
      return
    }
    waited.delete(unitId)
    const latencyMs = latencies.at(-1) ?? null
    // The first one tells how fast answers come here, before the others are waited for.
    while (found.size === 0 && latencies.length < answersUntilSure && !isOver()) await ask(unitId)
    found.set(unitId, {
      unitId,
      status: isBusy(answer) ? 'busy' : 'present',
      latencyMs,
      answer: answerText(answer),
      notes: [],
    })
  }

  const identity = async (unitId: number): Promise<string> => {
    requests += 3
    return identityOf(bus.unit(unitId), firstMs, signal)
  }

  /** Whether somebody answers for IDs that are nobody's. */
  async function findEverybody(): Promise<void> {
    const there = tellingIds.filter((unitId) => found.has(unitId))
    const odd = there.filter((unitId) => unitId >= 100)
    if (odd.length < 3) return
    const identities = new Map<number, string>()
    for (const unitId of there) identities.set(unitId, await identity(unitId))
    const [first] = odd
    if (isOver() || !odd.every((unitId) => identities.get(unitId) === identities.get(first!))) return
    everybody = identities.get(first!)
    const own = there.filter((unitId) => identities.get(unitId) === everybody)
    for (const unitId of own.slice(1)) fold(unitId, own[0]!)
    if (own.length === there.length) notes.push('the device answers to any unit ID, so that it is listed once')
  }

  function fold(unitId: number, into: number): void {
    found.delete(unitId)
    alias.set(unitId, into)
  }

  async function sweep(): Promise<void> {
    const perUnitMs = (): number => (clock.monotonicMs() - startMs) / Math.max(1, requests)
    for (const [done, unitId] of order.entries()) {
      if (isOver()) return
      if (done === tellingIds.length && everybody === undefined) await findEverybody()
      // One device alone, under whatever ID.
      if (everybody !== undefined && notes.length > 0) return
      const text = `${found.size} found`
      progress('units', done, order.length, done === 0 ? null : Math.round(perUnitMs() * (order.length - done)), text)
      if (found.has(unitId) || alias.has(unitId) || (waited.get(unitId) ?? 0) >= waitMs()) continue
      await visit(unitId)
      if (everybody === undefined || !found.has(unitId) || isOver()) continue
      const keeper = [...alias.values()][0]
      if (keeper !== undefined && (await identity(unitId)) === everybody) fold(unitId, keeper)
    }
    if (everybody === undefined) await findEverybody()
  }

  async function identifyAll(with_: ScanLibrary): Promise<void> {
    const fromMs = clock.monotonicMs()
    const units = [...found.keys()].filter((unitId) => !candidates.get(unitId)?.length)
    for (const [done, unitId] of units.entries()) {
      if (isOver()) break
      progress('identify', done, units.length, null, `unit ${unitId}`)
      const of = await identifyCandidates(bus, unitId, with_, { clock, signal })
      if (of) candidates.set(unitId, of)
    }
    foldEqualSerials()
    identifyMs = clock.monotonicMs() - fromMs
  }

  /** One serial number of one model under two IDs is one device. */
  function foldEqualSerials(): void {
    const seen = new Map<string, number>()
    for (const unitId of [...found.keys()].toSorted((a, b) => a - b)) {
      const best = candidates.get(unitId)?.[0]
      if (!best?.serial || !best.model) continue
      const key = `${best.vendor} ${best.model} ${best.serial}`
      const into = seen.get(key)
      if (into === undefined) seen.set(key, unitId)
      else fold(unitId, into)
    }
  }

  const progress = (phase: ScanProgress['phase'], done: number, total: number, leftMs: number | null, text: string) =>
    tools.onProgress?.({ phase, done, total, leftMs, text }, () => resultOf('cancelled'))

  function resultOf(state: UnitScan['state']): UnitScan {
    const all = [...wanted]
    const silent = Map.groupBy(waited.keys(), (unitId) => Math.floor(waited.get(unitId)!))
    return {
      kind: 'units',
      bus: bus.name,
      settings: null,
      state,
      reason: closed ?? null,
      startedAtMs,
      elapsedMs: Math.round((previous?.elapsedMs ?? 0) + clock.monotonicMs() - startMs - identifyMs),
      floorMs: Math.round((previous?.floorMs ?? 0) + floorMs),
      requests: (previous?.requests ?? 0) + requests,
      notes: [
        ...notes,
        ...(found.size === 0 && pathless.size > 0 && pathless.size === requests
          ? ['the gateway answers, but nobody behind it: are its serial settings those of the devices?']
          : []),
      ],
      thorough: false,
      heard: { quietMs: 0, bytes: 0, text: 'what others do on this connection is not heard' },
      units: [...found.values()]
        .toSorted((a, b) => a.unitId - b.unitId)
        .map((unit) => ({
          unitId: unit.unitId,
          status: unit.status,
          latencyMs: unit.latencyMs === null ? null : Math.round(unit.latencyMs * 10) / 10,
          answer: unit.answer,
          candidates: candidates.get(unit.unitId) ?? null,
          alsoUnitIds: [...alias].flatMap(([id, into]) => (into === unit.unitId ? [id] : [])),
          notes: [...unit.notes],
        })),
      silent: [...silent].map(([waitedMs, unitIds]) => ({ waitedMs, unitIds })),
      notExcluded: all.filter(
        (unitId) =>
          !found.has(unitId) && !alias.has(unitId) && everybody === undefined && (waited.get(unitId) ?? 0) < leastMs,
      ),
      timeoutMs: Math.round(waitMs()),
      identifyMs: Math.round((previous?.identifyMs ?? 0) + identifyMs),
    }
  }

  await sweep()
  late = !isOver() && [...waited.keys()].some((unitId) => bus.unit(unitId).stats().late > 0)
  if (late) await sweep()
  if (library && !isOver()) await identifyAll(library)
  return resultOf(signal.aborted ? 'cancelled' : closed === undefined ? 'complete' : 'closed')
}

const isCode = (answer: Answer, code: number): boolean => answer.kind === 'exception' && answer.code === code
