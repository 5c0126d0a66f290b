import type { Principal } from '#contract/access.ts'
import type { ControlState, LimitState } from '#contract/api.ts'
import type { Check, CheckRun, Checks as CheckList } from '#contract/checks.ts'
import { EdgeError } from '#contract/errors.ts'
import type { Site } from '#contract/site.ts'
import type { CheckSources } from '../../api/check-sources.ts'
import type { Clock } from '../../domain/clock.ts'
import type { SiteCommands } from '../../domain/site-model.ts'
import type { Armed } from '../armed.ts'
import { proofKey, saveProof } from '../failsafe.ts'
import type { SiteDeviceEntry, SiteRuntime } from '../site-runtime.ts'
import type { BorrowParts } from './borrow.ts'
import { catalogueOf } from './catalogue.ts'
import { createCheckFiles } from './check-files.ts'
import { createDesk } from './desk.ts'
import { ifStopped } from './if-stopped.ts'
import type { CheckPlan, Prepared } from './plan.ts'
import { startRun, type RunningCheck } from './run.ts'
import { openRunStore, summaryOf } from './run-store.ts'
import { CheckEnd, type CheckTiming, usualTiming } from './session.ts'
import { verdictOf } from './verdict.ts'

/** How often what may end a check is looked at, and how often its progress is told. */
const superviseMs = 200
const tellMs = 250
/** On top of twice the time that a check should take, before it is ended. */
const spareMs = 60_000

export interface Checks extends AsyncDisposable {
  readonly forApi: CheckSources
  /** Ends what runs and puts everything back, within this time. */
  stop(why: string, withinMs: number): Promise<void>
}

interface Current {
  readonly record: CheckRun
  readonly running: RunningCheck
  readonly writes: boolean
  readonly by: Principal
  watchedMs: number
  readonly ended: Promise<void>
}

/** The checks of a site: one at a time, each with what it borrows from automatic control put back at its end. */
export async function openChecks(options: {
  /** Of the workbench. */
  folder: string
  dataFolder: string
  site: Site
  /** SHA-256 of the site file as it is now. */
  siteHash(): string
  generation?(): number | undefined
  epoch: number
  version: string
  entries: readonly SiteDeviceEntry[]
  commands: SiteCommands
  control(): ControlState
  armed: Pick<Armed, 'holds'>
  /** Devices that are borrowed now, with the run that has them; the guard looks at the same. */
  lent: Map<string, string>
  runtime: Pick<SiteRuntime, 'model' | 'overlayModel' | 'grids' | 'guard' | 'outputs'>
  clock: Clock
  buses: BorrowParts['buses']
  sunspecModels: BorrowParts['sunspecModels']
  timing?: CheckTiming
  journal(record: { kind: string; principal: string; detail: string; outcome?: string }): void
  /** The live topic `checks` has something new. */
  changed(): void
  trouble(message: string): void
}): Promise<Checks> {
  const {
    clock,
    buses,
    sunspecModels,
    entries,
    runtime,
    armed,
    lent,
    control,
    commands,
    journal,
    changed,
    trouble,
    timing = usualTiming,
  } = options
  const store = await openRunStore(createCheckFiles(options.folder), clock.nowMs(), trouble)
  const desk = createDesk({ clock, site: options.site, entries, model: () => runtime.model() })
  const plans = (): CheckPlan[] => catalogueOf(desk, timing, { control, commands: () => commands })
  let current: Current | undefined
  let starting = false
  let revision = 0
  let toldMs = -Infinity

  function tell(atOnce = false): void {
    const nowMs = clock.monotonicMs()
    // What is long is told less often.
    const everyMs = (current?.record.trace.lanes[0]?.samples.length ?? 0) > 600 ? 4 * tellMs : tellMs
    if (!atOnce && nowMs - toldMs < everyMs) return
    toldMs = nowMs
    if (atOnce) revision += 1
    changed()
  }

  const mapHash = (deviceId: string): string => desk.entry(deviceId)?.map.hash ?? ''
  const isOutdated = (run: CheckRun): boolean =>
    run.siteHash !== options.siteHash() || Object.entries(run.mapHashes).some(([id, hash]) => mapHash(id) !== hash)

  function shown(plan: CheckPlan, by: Principal): Check {
    const prepared = plan.prepare()
    const { byDevice, expects, planned, durationS, headroom, reason } = prepared
    const { prepare: _prepare, ...about } = plan
    const run = store.newest(plan.id)
    const runs = current?.record.checkId === plan.id
    const locked = plan.writes && !armed.holds(by)
    const state = runs ? 'running' : reason.code !== 'none' ? 'blocked' : locked ? 'locked' : 'ready'
    return {
      ...about,
      ...(byDevice && { byDeviceId: byDevice.id, byDeviceName: byDevice.name }),
      expects: [...expects],
      planned: [...planned],
      durationS,
      headroom: [...headroom],
      state,
      reason: state === 'locked' ? { code: 'not-armed', text: 'it writes: arm yourself first' } : reason,
      ...(run && run.state === 'ended' && { newest: summaryOf(run, isOutdated(run)) }),
    }
  }

  function list(by: Principal): CheckList {
    const all = plans().map((plan) => shown(plan, by))
    const count = (...verdicts: readonly string[]): number =>
      all.filter(({ newest }) => newest && verdicts.includes(newest.verdict)).length
    const counts = { total: all.length, passed: count('passed'), failed: count('failed'), accepted: count('accepted') }
    return {
      atMs: clock.nowMs(),
      checks: all,
      ...(current && { running: current.record.id }),
      ifStopped: ifStopped(desk),
      counts: { ...counts, open: counts.total - counts.passed - counts.failed - counts.accepted },
    }
  }

  function find(checkId: string): CheckPlan {
    const plan = plans().find(({ id }) => id === checkId)
    if (!plan) throw new EdgeError('check.unknown', `this site has no check ${checkId}`)
    return plan
  }

  function emptyRecord(plan: CheckPlan, prepared: Prepared, by: Principal, durationS: number): CheckRun {
    const { prepare: _prepare, writes: _writes, id, ...about } = plan
    const nowMs = clock.nowMs()
    const generation = options.generation?.()
    return {
      format: 1,
      id: store.nextId(nowMs),
      checkId: id,
      ...about,
      ...(prepared.byDevice && { byDeviceId: prepared.byDevice.id, byDeviceName: prepared.byDevice.name }),
      state: 'running',
      reason: { code: 'none', text: '' },
      startedAtMs: nowMs,
      ...(plan.writes && { giveBackByMs: nowMs + durationS * 2_000 + spareMs }),
      by: by.name,
      measures: [...prepared.expects],
      planned: [...prepared.planned],
      headroom: [...prepared.headroom],
      writes: [],
      restored: [],
      trace: { zeroAtMs: nowMs, command: [], lanes: [], marks: [] },
      proves: [...(prepared.proves ?? [])],
      mapHashes: Object.fromEntries(prepared.devices.map((deviceId) => [deviceId, mapHash(deviceId)])),
      siteHash: options.siteHash(),
      ...(generation !== undefined && { generation }),
      epoch: options.epoch,
      version: options.version,
    }
  }

  const violatedNow = (): LimitState[] =>
    runtime.grids().flatMap(({ limits }) => limits.filter(({ violated }) => violated))

  /** Ends a check for what nobody in its procedure looks at. */
  async function supervise(
    { running, writes, by, record }: Current,
    isWatched: () => boolean,
    over: AbortSignal,
  ): Promise<void> {
    const before = new Set(violatedNow().map(({ id }) => id))
    const latestMs = clock.monotonicMs() + ((record.giveBackByMs ?? record.startedAtMs) - record.startedAtMs)
    for (;;) {
      await clock.sleep(superviseMs, over)
      if (!writes) continue
      const limit = violatedNow().find(({ id }) => !before.has(id))
      if (!armed.holds(by)) running.end(new CheckEnd('disarmed', `${by.name} is no longer armed`))
      else if (!isWatched())
        running.end(
          new CheckEnd('not-watched', `nothing was heard of ${by.name} for ${Math.round(timing.watchedMs / 1_000)} s`),
        )
      else if (limit && record.kind !== 'export-limit' && record.kind !== 'limit-signal')
        running.end(
          new CheckEnd(
            'limit',
            `${limit.title} was exceeded: ${Math.round(limit.value ?? 0)} of ${Math.round(limit.limit)} ${limit.unit}`,
          ),
        )
      else if (clock.monotonicMs() > latestMs) running.end(new CheckEnd('internal', 'it took longer than it may'))
    }
  }

  async function carryOut(prepared: Prepared, record: CheckRun, running: RunningCheck): Promise<void> {
    let ended: CheckEnd | undefined
    try {
      await prepared.run?.(running.session)
    } catch (error) {
      ended =
        error instanceof CheckEnd
          ? error
          : new CheckEnd('internal', error instanceof Error ? error.message : String(error), { cause: error })
    }
    // Who ended it from outside knows better than what failed because of that.
    ended = running.endedBy() ?? ended
    record.state = 'restoring'
    tell(true)
    record.restored = await running.finish(restoreWithinMs)
    const { verdict, reason } = verdictOf(ended, record.measures, record.restored)
    record.verdict = verdict
    record.reason = reason
    record.endedAtMs = clock.nowMs()
    record.state = 'ended'
  }
  let restoreWithinMs = timing.restoreMs

  async function keepProofs(
    record: CheckRun,
    proofs: ReadonlyMap<string, Parameters<typeof saveProof>[2]>,
  ): Promise<void> {
    if (record.verdict !== 'passed') return
    for (const [key, proof] of proofs) {
      const [deviceId = ''] = key.split(' ')
      await saveProof(options.dataFolder, key, proof, mapHash(deviceId))
    }
  }

  async function start(request: Parameters<CheckSources['start']>[0], by: Principal): Promise<CheckRun> {
    const plan = find(request.checkId)
    if (current || starting) throw new EdgeError('check.busy', `${current?.record.title ?? 'another check'} runs`)
    if (plan.writes && !armed.holds(by)) throw new EdgeError('check.refused', 'it writes: arm yourself first')
    const prepared = plan.prepare(request.value)
    if (prepared.reason.code !== 'none') throw new EdgeError('check.refused', prepared.reason.text)
    const durationS = plan.writes ? prepared.durationS : (request.durationS ?? prepared.durationS)
    const record = emptyRecord(plan, prepared, by, durationS)
    starting = true
    try {
      // A service that dies while it runs finds it here at its next start.
      await store.save(record)
      journal({
        kind: 'check',
        principal: `${by.name} (${by.address})`,
        detail: `starts ${plan.id}`,
        outcome: 'started',
      })
      begin(plan, prepared, record, by, durationS)
    } finally {
      starting = false
    }
    return structuredClone(record)
  }

  function begin(plan: CheckPlan, prepared: Prepared, record: CheckRun, by: Principal, durationS: number): void {
    const proofs = new Map<string, Parameters<typeof saveProof>[2]>()
    const running = startRun(
      {
        clock,
        buses,
        sunspecModels,
        guard: runtime.guard,
        outputs: runtime.outputs,
        overlayModel: runtime.overlayModel,
        timing,
      },
      {
        record,
        principal: `${by.name} (${by.address})`,
        durationS,
        armed: () => armed.holds(by),
        changed: () => tell(),
        proven: (deviceId, command, found) =>
          void proofs.set(proofKey(deviceId, command), { state: 'proven', atMs: clock.nowMs(), by: by.name, ...found }),
        lend: (deviceId) => void lent.set(deviceId, record.id),
        takeBack: (deviceId) => void lent.delete(deviceId),
      },
    )
    const over = new AbortController()
    const { promise: ended, resolve } = Promise.withResolvers<void>()
    const mine: Current = { record, running, writes: plan.writes, by, watchedMs: clock.monotonicMs(), ended }
    current = mine
    restoreWithinMs = timing.restoreMs
    const isWatched = (): boolean => clock.monotonicMs() - mine.watchedMs <= timing.watchedMs
    supervise(mine, isWatched, over.signal).catch(() => undefined)
    tell(true)
    const run = async (): Promise<void> => {
      try {
        await carryOut(prepared, record, running)
        await keepProofs(record, proofs)
      } catch (error) {
        trouble(`the check ${record.checkId} could not be kept: ${String(error)}`)
      }
      over.abort()
      const { verdict = 'interrupted', reason } = record
      const detail = `${record.checkId}: ${reason.text}`.slice(0, 400)
      journal({ kind: 'check', principal: `${by.name} (${by.address})`, detail, outcome: verdict })
      await store.save(structuredClone(record)).catch((error: unknown) => trouble(String(error)))
      current = undefined
      newestRun = record
      tell(true)
      resolve()
    }
    void run()
  }
  let newestRun: CheckRun | undefined

  async function runOf(runId: string): Promise<CheckRun> {
    if (current?.record.id === runId) return structuredClone(current.record)
    if (newestRun?.id === runId) return structuredClone(newestRun)
    const run = await store.load(runId)
    if (!run) throw new EdgeError('check.unknown', `there is no run ${runId}`)
    return run
  }

  async function stop(end: CheckEnd): Promise<void> {
    const held = current
    if (!held) return
    held.running.end(end)
    await held.ended
  }

  return {
    forApi: {
      list,
      start,
      renew(runId) {
        if (current?.record.id !== runId) throw new EdgeError('check.unknown', 'this run has ended')
        current.watchedMs = clock.monotonicMs()
      },
      async abort(runId, by) {
        if (current?.record.id === runId) await stop(new CheckEnd('aborted', `${by.name} has aborted it`))
        return runOf(runId)
      },
      run: runOf,
      async accept(checkId, { reason }, by) {
        const plan = find(checkId)
        if (current?.record.checkId === checkId) throw new EdgeError('check.busy', `${plan.title} runs`)
        const last = store.newest(checkId)
        const found = last && (await store.load(last.id))
        if (found?.verdict === 'passed')
          throw new EdgeError('check.refused', 'it has passed: there is nothing to accept')
        const prepared = plan.prepare()
        const nowMs = clock.nowMs()
        // What nobody has run is kept as such, with the acceptance beside it.
        const base: CheckRun = found ?? {
          ...emptyRecord(plan, prepared, by, 0),
          state: 'ended',
          reason: prepared.reason.code === 'none' ? { code: 'none', text: 'it was not executed' } : prepared.reason,
          endedAtMs: nowMs,
        }
        const accepted: CheckRun = { ...base, verdict: 'accepted', accepted: { by: by.name, atMs: nowMs, reason } }
        journal({
          kind: 'check',
          principal: `${by.name} (${by.address})`,
          detail: `accepts ${checkId}: ${reason}`,
          outcome: 'accepted',
        })
        await store.save(accepted)
        if (newestRun?.id === accepted.id) newestRun = accepted
        tell(true)
        return accepted
      },
      progress: () => {
        const run = current?.record ?? newestRun
        return { revision, ...(run && { run }) }
      },
    },
    async stop(why, withinMs) {
      restoreWithinMs = withinMs
      await stop(new CheckEnd('stopped', why))
    },
    async [Symbol.asyncDispose]() {
      restoreWithinMs = 500
      await stop(new CheckEnd('stopped', 'the service stops'))
    },
  }
}
