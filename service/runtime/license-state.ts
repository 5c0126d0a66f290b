import {
  type LicenseFeature,
  licenseFeature,
  licenseLimit,
  type LicenseState,
  type LicenseSummary,
} from '#contract/license.ts'
import { daysLeft, exceededLimit, graceEndsAtMs, type Judgement } from '../license/judge-license.ts'
import type { FoundLicense } from '../license/sources.ts'
import type { LicensingOptions } from './licensing.ts'

/** A licence that was found, and how it stands. */
export interface LookedAt {
  readonly found: FoundLicense
  readonly judgement: Judgement
}

const words: Readonly<Record<LicenseFeature, string>> = {
  'economic-control': 'economic control',
  redundancy: 'redundancy',
  fleet: 'the fleet',
}

/** What is allowed and why, from the licences that were found, the best one first. */
export function licenseStateOf(
  { edgeId, floor, size, free, bypass }: Pick<LicensingOptions, 'edgeId' | 'floor' | 'size' | 'free' | 'bypass'>,
  looked: readonly LookedAt[],
): LicenseState {
  const { nowMs, believed } = floor.now()
  const [best, ...others] = looked
  const signed = best?.judgement.signed
  const limits = signed?.payload.limits ?? {}
  const used = size()
  return {
    standing: bypass !== undefined ? 'bypassed' : (best?.judgement.standing ?? 'none'),
    message: bypass ?? best?.judgement.message ?? `no licence is loaded${free === undefined ? '' : `: ${free}`}`,
    edgeId,
    ...(best && { source: best.found.source }),
    ...(signed && {
      license: summaryOf(signed),
      daysLeft: daysLeft(signed.payload, nowMs),
      graceEndsAtMs: graceEndsAtMs(signed.payload),
    }),
    clockBelieved: believed,
    features: licenseFeature.options.map((feature) => ({ feature, ...decide(feature) })),
    usage: licenseLimit.options.map((limit) => ({
      limit,
      used: used[limit],
      ...(limits[limit] !== undefined && { most: limits[limit] }),
    })),
    others: others.map(({ found: { source }, judgement: { standing, message } }) => ({ source, standing, message })),
  }

  function decide(feature: LicenseFeature): Omit<LicenseState['features'][number], 'feature'> {
    if (bypass !== undefined) return { allowed: true, because: 'bypassed', reason: bypass }
    if (feature === 'economic-control' && free !== undefined) return { allowed: true, because: 'free', reason: free }
    const needs = `${words[feature]} needs a licence`
    if (!best) return { allowed: false, because: 'none', reason: `${needs}, and none is loaded` }
    const { standing, message } = best.judgement
    if (!signed || (standing !== 'valid' && standing !== 'grace'))
      return { allowed: false, because: 'standing', reason: `${needs}: ${message}` }
    const { id, features } = signed.payload
    if (!features.includes(feature))
      return { allowed: false, because: 'not-included', reason: `${needs}, and licence ${id} does not include it` }
    const exceeded = exceededLimit(signed.payload, used)
    if (exceeded !== undefined) return { allowed: false, because: 'too-large', reason: `${needs}: ${exceeded}` }
    return { allowed: true, because: 'licensed', reason: message }
  }
}

function summaryOf({ payload, key }: NonNullable<Judgement['signed']>): LicenseSummary {
  const { id, owner, keyId, issuedAt, notBefore, expiresAt, edges, features } = payload
  return {
    id,
    owner,
    keyId,
    algorithm: key.algorithm,
    issuedAtMs: Date.parse(issuedAt),
    notBeforeMs: Date.parse(notBefore),
    expiresAtMs: Date.parse(expiresAt),
    ...(edges && { edges }),
    features,
  }
}
