import { randomUUID } from 'node:crypto'
import type { Principal } from '#contract/access.ts'
import type {
  Candidate,
  CandidateFiles,
  CheckReport,
  CommitAnswer,
  commitRequest,
  DeploymentStatus,
  DeployKey,
  DeployKeys,
  Generation,
  NewDeployKey,
  RollbackAnswer,
  rollbackRequest,
  RunningConfiguration,
  SignedBundle,
} from '#contract/deployment.ts'
import { EdgeError } from '#contract/errors.ts'
import type { z } from 'zod'
import { type CheckedSite, completeSiteFiles } from '../configuration/check-site.ts'
import { diffSites } from '../configuration/diff-sites.ts'
import { stricterLimits } from '../configuration/limits.ts'
import { hashSiteFiles, type SiteFiles, siteFilesFrom } from '../configuration/site-files.ts'
import type { Clock } from '../domain/clock.ts'
import type { MapLibrary } from '../pointmap/load.ts'
import { makeBundle, verifyBundle } from './bundle.ts'
import { lostPoints } from './changed-points.ts'
import { startChecks } from './checks.ts'
import { createDesk } from './desk.ts'
import { assertReady, checkedBundle, reportOf, shownCandidate } from './ready.ts'
import type { LiveTrial } from './gates.ts'
import type { Generations } from './generations.ts'
import type { EnrolledKeys, OwnKey } from './keys.ts'
import { lastOutcome, listed } from './history.ts'
import type { ReceiverPorts } from './receiver-ports.ts'
import { rollbackTarget } from './trial.ts'
import { createTrialWatch } from './trial-watch.ts'

/** The receiving side of deployments, as the API asks it. */
export interface Receiver extends AsyncDisposable {
  status(by?: Principal): DeploymentStatus
  running(): RunningConfiguration
  generation(number: number): Promise<RunningConfiguration>
  generations(): Generation[]
  send(signed: SignedBundle, by: Principal): Candidate
  make(request: CandidateFiles, by: Principal): Candidate
  candidate(by: Principal): Candidate
  discard(by: Principal): void
  startChecks(by: Principal): CheckReport
  checks(by: Principal): CheckReport
  stopChecks(by: Principal): CheckReport
  commit(request: z.output<typeof commitRequest>, by: Principal): Promise<CommitAnswer>
  confirm(trialId: string, by: Principal): Promise<DeploymentStatus>
  giveUp(trialId: string, by: Principal): Promise<DeploymentStatus>
  extend(trialId: string, countdownS: number, by: Principal): Promise<DeploymentStatus>
  rollback(request: z.output<typeof rollbackRequest>, by: Principal): Promise<RollbackAnswer>
  keys(): DeployKeys
  addKey(key: NewDeployKey, by: Principal): Promise<DeployKey>
  removeKey(id: string, by: Principal): Promise<void>
}

const journalName = ({ name, address }: Principal): string => `${name} (${address})`

export function createReceiver(options: {
  edgeId: string
  clock: Clock
  clockFloorMs: number
  generations: Generations
  /** Why nothing can be deployed here, in one sentence. */
  unavailable: string | undefined
  /** What runs, with every change made on the edge since. */
  current(): CheckedSite
  /** The maps that are shipped. */
  library: MapLibrary
  own: OwnKey
  enrolled: EnrolledKeys
  /** The trial that this start began. */
  trial: LiveTrial | undefined
  ports: ReceiverPorts
}): Receiver {
  const { edgeId, clock, generations, unavailable, current, library, own, enrolled, ports } = options
  const desk = createDesk(clock)
  let switching = false
  const watch = createTrialWatch({
    trial: options.trial,
    clock,
    ports,
    async end(why) {
      switching = true
      // A disk that takes nothing does not keep it from returning: the next opening ends a trial that nobody announces.
      await generations.giveUp(why, clock.nowMs()).catch(() => undefined)
      await ports.journal({ principal: 'service', outcome: 'returned', detail: why }).catch(() => undefined)
      restart(undefined, false)
    },
  })
  function restart(trial: LiveTrial | undefined, confirmMaps: boolean): void {
    switching = true
    desk.clear()
    ports.restart(trial, confirmMaps)
    ports.changed()
  }

  // Asked for every second while somebody looks on.
  let known: { readonly of: CheckedSite; readonly files: SiteFiles; readonly hash: string } | undefined
  function running(): { readonly files: SiteFiles; readonly hash: string } {
    const of = current()
    if (known?.of === of) return known
    // An edge that was never set up has no files.
    const files = of.files.size === 0 ? of.files : completeSiteFiles(of)
    known = { of, files, hash: hashSiteFiles(files) }
    return known
  }
  const nextVersion = (): number => generations.pointer()?.next ?? 2

  function configuration(files: SiteFiles, number: number | undefined): RunningConfiguration {
    return {
      edgeId,
      siteName: current().site.name,
      ...(number !== undefined && { number }),
      hash: hashSiteFiles(files),
      nextVersion: nextVersion(),
      files: Object.fromEntries(files),
    }
  }

  /** Nothing may be begun while something else is under way. */
  function assertOpen(by: Principal): void {
    if (unavailable !== undefined) throw new EdgeError('deployment.unavailable', unavailable)
    const trial = watch.now()
    if (trial)
      throw new EdgeError(
        'deployment.busy',
        `generation ${trial.generation} is on trial by ${trial.by} for another ${Math.ceil(trial.leftS)} s`,
      )
    if (switching) throw new EdgeError('deployment.busy', 'the service is about to restart with another generation')
    desk.assertFree(by)
  }

  function receive(signed: SignedBundle, by: Principal): Candidate {
    const bundle = verifyBundle(signed, {
      edgeId,
      nextVersion: nextVersion(),
      hash: running().hash,
      nowMs: clock.nowMs(),
      clockFloorMs: options.clockFloorMs,
      ownKeyId: own.keyId,
      publicKey: enrolled.publicKey,
    })
    // Everything it needs is in it: what is shipped with the service may change with the next update.
    const site = checkedBundle(bundle.files, { open: () => undefined, ids: library.ids })
    const changes = diffSites(current(), site)
    const raises = changes.filter(({ looser }) => looser).map(({ id, text }) => ({ kind: 'raise' as const, id, text }))
    const consents = [...raises, ...lostPoints(site, ports.goodPoints())]
    const content = desk.put(by, { bundle, site, changes, consents })
    ports.changed()
    return shownCandidate(content, desk, clock)
  }

  async function commit(request: z.output<typeof commitRequest>, by: Principal): Promise<CommitAnswer> {
    assertOpen(by)
    const content = desk.of(by)
    assertReady(content, request)
    const { bundle, site } = content
    if (bundle.manifest.version !== nextVersion() || bundle.manifest.prevHash !== running().hash)
      throw new EdgeError('bundle.outdated', 'what runs has changed since this candidate was sent')
    const { manifest, keyId } = bundle
    const id = randomUUID()
    const startedAtMs = clock.nowMs()
    const { countdownS } = request
    await ports.journal({
      principal: journalName(by),
      outcome: 'committed',
      detail: `generation ${manifest.version}: ${manifest.why}`,
      data: {
        by: manifest.by,
        hash: site.hash,
        keyId,
        countdownS,
        confirmed: request.confirmedRaises.join(' ').slice(0, 2000),
        waived: request.waived.join(' ').slice(0, 2000),
      },
    })
    const goodBefore = ports.goodPoints()
    const exceededBefore = new Set(ports.exceeded(undefined))
    const { site: strict } = stricterLimits(current().site, site.site, new Set(request.confirmedRaises))
    if (!generations.pointer())
      await generations.capture(running().files, {
        siteName: current().site.name,
        by: 'this edge',
        why: 'found on the edge',
        atMs: startedAtMs,
      })
    const generation = await generations.begin(
      bundle.files,
      { origin: 'deployed', siteName: manifest.siteName, by: manifest.by, why: manifest.why, atMs: startedAtMs, keyId },
      { id, by: by.name, startedAtMs, countdownS },
    )
    restart(
      {
        id,
        generation,
        returnsTo: generations.pointer()?.confirmed ?? generation,
        by: by.name,
        startedAtMs,
        countdownS,
        deadlineMs: clock.monotonicMs() + countdownS * 1000,
        goodBefore,
        waived: new Set(request.waived),
        strict,
        exceededBefore,
      },
      false,
    )
    return { generation, trialId: id, deadlineMs: startedAtMs + countdownS * 1000 }
  }

  async function rollback({ to, why }: z.output<typeof rollbackRequest>, by: Principal): Promise<RollbackAnswer> {
    if (unavailable !== undefined) throw new EdgeError('deployment.unavailable', unavailable)
    const pointer = generations.pointer()
    if (!pointer) throw new EdgeError('deployment.generation', 'nothing was deployed to this edge yet')
    if (switching) throw new EdgeError('deployment.busy', 'the service is about to restart with another generation')
    const target = to === undefined ? rollbackTarget(pointer) : pointer.generations.find(({ number }) => number === to)
    if (!target)
      throw new EdgeError(
        'deployment.generation',
        `there is no ${to === undefined ? 'older' : ''} generation ${to ?? ''}`,
      )
    if (target.state !== 'confirmed')
      throw new EdgeError('deployment.generation', `generation ${target.number} was never confirmed`)
    const files = await generations.files(target.number)
    checkedBundle(files, { open: () => undefined, ids: library.ids })
    const detail = `back to generation ${target.number}: ${why}`
    await ports.journal({ principal: journalName(by), outcome: 'rollback', detail })
    if (watch.now()) await generations.giveUp(`rolled back by ${by.name}`, clock.nowMs())
    watch.stop()
    const generation = await generations.add(files, {
      origin: 'rollback',
      siteName: target.siteName,
      by: by.name,
      why,
      atMs: clock.nowMs(),
      restores: target.number,
    })
    restart(undefined, true)
    return { generation, restores: target.number }
  }

  function status(by?: Principal): DeploymentStatus {
    const content = desk.now()
    const trial = watch.now()
    const report = content?.checks?.report()
    const holder = desk.holder()
    const pointer = generations.pointer()
    const active = listed(pointer).find((each) => each.active)
    const last = lastOutcome(pointer)
    const phase = switching
      ? 'switching'
      : trial
        ? 'trial'
        : report?.state === 'running'
          ? 'checking'
          : content
            ? 'candidate'
            : 'idle'
    const { points: _points, ...checks } = report ?? { points: [] }
    return {
      edgeId,
      siteName: current().site.name,
      phase,
      ...(active && { active }),
      hash: running().hash,
      nextVersion: nextVersion(),
      ...(holder && { holder: { ...holder, ...(by && { own: holder.name === by.name }) } }),
      ...(content && {
        candidate: { id: content.id, why: content.bundle.manifest.why, version: content.bundle.manifest.version },
      }),
      ...('checks' in checks && { checks }),
      ...(trial && { trial }),
      ...(last && { last }),
      ...(unavailable !== undefined && { unavailable }),
    }
  }

  function runChecks(by: Principal): CheckReport {
    const content = desk.of(by)
    content.checks?.stop()
    content.checks = startChecks({
      candidateId: content.id,
      candidate: content.site,
      running: current(),
      raises: content.consents.filter(({ kind }) => kind === 'raise').map(({ text }) => text),
      ports,
      clock,
      changed: ports.changed,
    })
    return content.checks.report()
  }

  return {
    status,
    running: () => configuration(running().files, generations.pointer()?.active),
    generation: async (number) => configuration(await generations.files(number), number),
    generations: () => listed(generations.pointer()).toReversed(),
    send(signed, by) {
      assertOpen(by)
      return receive(signed, by)
    },
    make({ why, prevHash, files }, by) {
      assertOpen(by)
      const whole = completeSiteFiles(checkedBundle(siteFilesFrom(files), library))
      const at = clock.nowMs()
      const dates = { notBeforeMs: at, notAfterMs: at }
      const made = {
        edgeId,
        siteName: current().site.name,
        version: nextVersion(),
        prevHash,
        ...dates,
        by: by.name,
        why,
      }
      return receive(makeBundle(made, whole, own), by)
    },
    candidate: (by) => shownCandidate(desk.of(by), desk, clock),
    discard(by) {
      desk.of(by)
      desk.clear()
      ports.changed()
    },
    startChecks: runChecks,
    checks: (by) => reportOf(desk.of(by)),
    stopChecks(by) {
      const content = desk.of(by)
      content.checks?.stop()
      return reportOf(content)
    },
    commit,
    async confirm(trialId, by) {
      const trial = watch.of(trialId)
      watch.reached()
      const closed = watch.look().find(({ state }) => state !== 'green')
      if (closed) throw new EdgeError('deployment.gates', closed.text)
      await ports.journal({
        principal: journalName(by),
        outcome: 'confirmed',
        detail: `generation ${trial.generation}`,
      })
      await generations.confirm(by.name, clock.nowMs())
      watch.stop()
      ports.ended()
      await ports.confirmMaps()
      ports.changed()
      return status(by)
    },
    async giveUp(trialId, by) {
      watch.of(trialId)
      await watch.end(`given up by ${by.name}`)
      return status(by)
    },
    async extend(trialId, countdownS, by) {
      const trial = watch.of(trialId)
      await ports.journal({
        principal: journalName(by),
        outcome: 'extended',
        detail: `generation ${trial.generation} for another ${countdownS} s`,
      })
      watch.extend(countdownS)
      ports.changed()
      return status(by)
    },
    rollback,
    keys: enrolled.list,
    async addKey(key, by) {
      await ports.journal({
        principal: journalName(by),
        outcome: 'key added',
        detail: `${key.owner}: ${key.publicKey}`,
      })
      return enrolled.add(key, by.name)
    },
    async removeKey(id, by) {
      await ports.journal({ principal: journalName(by), outcome: 'key removed', detail: id })
      await enrolled.remove(id)
    },
    async [Symbol.asyncDispose]() {
      desk.clear()
      watch.stop()
      await watch.ended
    },
  }
}
