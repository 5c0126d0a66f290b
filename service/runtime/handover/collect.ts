import type { Device } from '#contract/api.ts'
import type { CheckRun } from '#contract/checks.ts'
import {
  type HandoverBus,
  type HandoverDevice,
  type HandoverDraft,
  type HandoverPart,
  type HandoverReport,
  type HandoverWrite,
} from '#contract/handover.ts'
import type { Principal } from '#contract/access.ts'
import type { Proof, SiteDevice } from '#contract/site-device.ts'
import type { Site } from '#contract/site.ts'
import type { Sources } from '../../api/sources.ts'
import type { Clock } from '../../domain/clock.ts'

/** What the report is drawn from: the same answers that the screens get. */
export type ReportSources = Pick<
  Sources,
  'status' | 'health' | 'devices' | 'limits' | 'failsafe' | 'checks' | 'auditEntries' | 'verifyAudit'
>

export interface ReportParts {
  readonly sources: () => ReportSources
  readonly clock: Clock
  readonly edgeId: string
  readonly site: () => Site
  readonly siteHash: () => string
  readonly mapHashes: () => ReadonlyMap<string, string>
  readonly generation: () => { readonly generation?: number; readonly rollbackTo?: number }
  readonly buses: () => readonly Omit<HandoverBus, 'devices' | 'medianMs' | 'slowestMs'>[]
}

const mostWrites = 500
/** Journal entries that are looked at for writes, newest first. */
const mostPages = 20
const automatic = 'automatic control'
const identityPoints = ['vendor', 'model', 'serial', 'firmware'] as const

/** Everything that a report says now. */
export async function collectReport(parts: ReportParts, draft: HandoverDraft, by: Principal): Promise<HandoverReport> {
  const { clock, edgeId } = parts
  const sources = parts.sources()
  const site = parts.site()
  const status = sources.status()
  const hashes = parts.mapHashes()
  const devices = sources.devices().map((device) => deviceOf(device, site, hashes))
  const checks = sources.checks.list(by).checks
  const runs: CheckRun[] = []
  for (const { newest } of checks)
    if (newest && newest.verdict !== 'not-executed') runs.push(await sources.checks.run(newest.runId))
  const executed = new Set(runs.map(({ checkId }) => checkId))
  const { writes, leftOut } = await writesOf(sources)
  const audit = await sources.verifyAudit()
  const failsafe = sources.failsafe().devices
  const report: Omit<HandoverReport, 'parts'> = {
    format: 'r-ems-handover/1',
    createdAtMs: clock.nowMs(),
    timeZone: site.timeZone,
    draft,
    edge: { id: edgeId, version: status.version, mode: status.mode },
    site: { name: site.name, demo: status.demo },
    devices,
    buses: busesOf(parts.buses(), sources.devices()),
    settings: [...sources.limits().limits],
    runs,
    notExecuted: checks
      .filter(({ id }) => !executed.has(id))
      .map(({ id, title, reason, kind, subjectName, command }) => ({
        id,
        title,
        reason,
        kind,
        subjectName,
        ...(command && { command }),
      })),
    failsafe,
    writes,
    writesLeftOut: leftOut,
    configuration: {
      siteHash: parts.siteHash(),
      ...parts.generation(),
      maps: [...hashes].map(([id, hash]) => ({ id, hash })).toSorted((a, b) => a.id.localeCompare(b.id)),
      journal: audit.ok
        ? { seq: audit.headSeq, hash: audit.headHash, ok: true }
        : { seq: audit.seq, hash: '', ok: false },
    },
    faults: sources.health().faults,
    signatures: [],
  }
  return { ...report, parts: partsOf(report) }
}

function deviceOf(device: Device, site: Site, hashes: ReadonlyMap<string, string>): HandoverDevice {
  const { id, name, role, simulated, connection, unitId, vendor, model, serial, firmware, map, link, points } = device
  const configured = site.devices.find((one) => one.id === id)
  return {
    id,
    name,
    role,
    simulated,
    connection,
    unitId,
    ...(vendor && { vendor }),
    ...(model && { model }),
    ...(serial && { serial }),
    ...(firmware && { firmware }),
    readFrom: identityPoints.flatMap((point) => {
      const found = points.find((one) => one.name === point)
      if (found?.address === undefined || !found.reading?.raw) return []
      const raw = found.reading.raw.map((word) => word.toString(16).toUpperCase().padStart(4, '0')).join(' ')
      return [{ point, address: found.address, raw: raw.slice(0, 400) }]
    }),
    map,
    mapHash: hashes.get(map) ?? '',
    link: link.state,
    points: {
      total: points.length,
      // What the device itself says it has not is as good as it gets.
      good: points.filter(({ reading }) => reading?.quality === 'good' || reading?.absent).length,
    },
    verified: proofsOf(configured?.verified),
  }
}

function proofsOf(verified: SiteDevice['verified']): HandoverDevice['verified'] {
  const list = (kind: HandoverDevice['verified'][number]['kind'], proofs: readonly Proof[]) =>
    proofs.map((proof) =>
      typeof proof === 'string'
        ? { kind, of: proof }
        : { kind, of: proof.name, by: proof.by, atMs: Date.parse(proof.at), how: proof.how },
    )
  if (!verified) return []
  return [...list('sign', verified.signs), ...list('command', verified.commands), ...list('point', verified.points)]
}

function busesOf(buses: ReturnType<ReportParts['buses']>, devices: readonly Device[]): HandoverBus[] {
  return buses.map((bus) => {
    const there = devices.filter((device) => device.bus === bus.name)
    const times = there.flatMap(({ link }) => (link.latencyMs === undefined ? [] : [link.latencyMs]))
    const sorted = times.toSorted((a, b) => a - b)
    const median = sorted[Math.floor(sorted.length / 2)]
    const slowest = sorted.at(-1)
    return {
      ...bus,
      devices: there.length,
      ...(median !== undefined && { medianMs: median }),
      ...(slowest !== undefined && { slowestMs: slowest }),
    }
  })
}

async function writesOf(sources: ReportSources): Promise<{ writes: HandoverWrite[]; leftOut: number }> {
  const writes: HandoverWrite[] = []
  let leftOut = 0
  let before: number | undefined
  for (let page = 0; page < mostPages; page += 1) {
    const { entries } = await sources.auditEntries({
      kind: 'write',
      limit: 500,
      ...(before !== undefined && { before }),
    })
    for (const { seq, atMs, principal, deviceId, command, value, outcome, detail } of entries) {
      before = seq
      if (principal === automatic) continue
      if (writes.length === mostWrites) {
        leftOut += 1
        continue
      }
      writes.push({
        seq,
        atMs,
        principal,
        ...(deviceId && { deviceId }),
        ...(command && { command }),
        ...(value !== undefined && { value }),
        ...(outcome && { outcome }),
        ...(detail && { detail: detail.slice(0, 1000) }),
      })
    }
    if (entries.length < 500) break
  }
  return { writes, leftOut }
}

/** What is complete and what is not. A test that was not run leaves its part open. */
function partsOf(report: Omit<HandoverReport, 'parts'>): HandoverPart[] {
  const { draft, devices, buses, runs, notExecuted, failsafe, configuration, settings, faults } = report
  const { writes, writesLeftOut } = report
  const maps = new Set(devices.map(({ map }) => map))
  const hashed = new Set(configuration.maps.flatMap(({ id, hash }) => (hash === '' ? [] : [id])))
  const part = (id: HandoverPart['id'], done: number, total: number): HandoverPart => ({
    id,
    done,
    total,
    state: done === total ? 'ready' : 'open',
  })
  const typed = [draft.address, draft.customer, draft.company].filter((text) => text !== '').length
  const judged = runs.filter(({ verdict }) => verdict === 'passed' || verdict === 'accepted').length
  const left = draft.openPoints.length + faults.length
  return [
    part('site', typed + Math.min(1, draft.people.length), 4),
    part(
      'devices',
      devices.filter(({ serial, link }) => serial !== undefined && link === 'online').length,
      devices.length,
    ),
    part('buses', buses.filter(({ requests, failures }) => failures * 100 <= requests).length, buses.length),
    part('maps', [...maps].filter((id) => hashed.has(id)).length, maps.size),
    part('settings', settings.length, settings.length),
    part('checks', judged, runs.length + notExecuted.length),
    part('failsafe', failsafe.filter(({ proof }) => proof.state === 'proven').length, failsafe.length),
    part('writes', writes.length, writes.length + writesLeftOut),
    part('openPoints', 0, left),
    part('configuration', configuration.journal?.ok ? 1 : 0, 1),
  ]
}
