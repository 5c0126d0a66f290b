import type { z } from 'zod'
import type { Candidate, CheckReport, commitRequest } from '#contract/deployment.ts'
import { EdgeError } from '#contract/errors.ts'
import { type CheckedSite, checkSiteFiles } from '../configuration/check-site.ts'
import type { SiteFiles } from '../configuration/site-files.ts'
import type { Clock } from '../domain/clock.ts'
import type { MapLibrary } from '../pointmap/load.ts'
import type { Desk, OnDesk } from './desk.ts'
import { isWaived } from './gates.ts'

/** A candidate as it is shown. */
export function shownCandidate({ id, bundle, site, changes, consents }: OnDesk, desk: Desk, clock: Clock): Candidate {
  const { manifest, keyId, bundleHash } = bundle
  const holder = desk.holder() ?? { name: '', sinceMs: clock.nowMs() }
  const expiresAtMs = desk.untilMs()
  return { id, manifest, bundleHash, hash: site.hash, keyId, holder, expiresAtMs, changes, consents: [...consents] }
}

/** Throws what is missing before a candidate can be committed: deployment.none, deployment.checks or deployment.consent. */
export function assertReady({ id, checks, consents }: OnDesk, request: z.output<typeof commitRequest>): void {
  const report = checks?.report()
  if (request.candidateId !== id) throw new EdgeError('deployment.none', 'this candidate was replaced by another one')
  if (!report || report.state === 'running' || report.state === 'cancelled')
    throw new EdgeError('deployment.checks', 'the checks on the edge have not been completed')
  const failed = report.checks.find(({ state }) => state === 'failed')
  if (failed && !request.despiteChecks) throw new EdgeError('deployment.checks', failed.text)
  const waived = new Set(request.waived)
  const missing = consents.filter(({ kind, id: named }) =>
    kind === 'raise' ? !request.confirmedRaises.includes(named) : !isWaived(waived, named),
  )
  if (missing.length > 0)
    throw new EdgeError(
      'deployment.consent',
      `not agreed to by name: ${missing.map((each) => each.id).join(', ')}`.slice(0, 900),
    )
}

/** What the checks of a candidate have found so far. Throws deployment.none when they were not started. */
export function reportOf({ checks }: OnDesk): CheckReport {
  const report = checks?.report()
  if (!report) throw new EdgeError('deployment.none', 'the checks were not started')
  return report
}

/** Files that are a site. Throws bundle.invalid with file:line:column: the names are those in the bundle, not of this machine. */
export function checkedBundle(files: SiteFiles, library: MapLibrary): CheckedSite {
  try {
    return checkSiteFiles(files, library)
  } catch (error) {
    if (!(error instanceof EdgeError)) throw error
    throw new EdgeError('bundle.invalid', error.message, { cause: error })
  }
}
