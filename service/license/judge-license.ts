import type { LicenseKey, LicenseLimit, LicensePayload, LicenseStanding } from '#contract/license.ts'
import { readLicense } from './read-license.ts'

const dayMs = 86_400_000

/** What a licence allowed goes on for so long after its end. */
export const graceDays = 14
/** Its end is announced so long before. */
export const noticeDays = 30

/** Where and when a licence is looked at. */
export interface Circumstances {
  readonly keys: readonly LicenseKey[]
  readonly edgeId: string
  /** Of a clock that is believed. */
  readonly nowMs: number
}

export interface Judgement {
  readonly standing: Exclude<LicenseStanding, 'none' | 'bypassed'>
  /** One sentence. */
  readonly message: string
  /** Of a licence whose signature is good. */
  readonly signed?: { readonly payload: LicensePayload; readonly key: LicenseKey }
}

/** How a licence stands on this edge now. Never throws. */
export function judgeLicense(text: string, { keys, edgeId, nowMs }: Circumstances): Judgement {
  let signed: ReturnType<typeof readLicense>
  try {
    signed = readLicense(text, keys)
  } catch (error) {
    return { standing: 'refused', message: error instanceof Error ? error.message : String(error) }
  }
  const { payload, key } = signed
  const judged = (standing: Judgement['standing'], message: string): Judgement => ({ standing, message, signed })
  if (payload.edges && !payload.edges.includes(edgeId))
    return judged('refused', `licence ${payload.id} is bound to another edge; this one is ${edgeId}`)
  if (key.algorithm === 'hmac-sha256' && nowMs >= Date.parse(key.acceptedUntil))
    return judged(
      'refused',
      `licence ${payload.id} has the older form, which counted until ${dayOf(key.acceptedUntil)}`,
    )
  if (nowMs < Date.parse(payload.notBefore))
    return judged('not-yet', `licence ${payload.id} is valid from ${dayOf(payload.notBefore)} on`)
  const endMs = Date.parse(payload.expiresAt)
  if (nowMs < endMs) return judged('valid', `licence ${payload.id} is valid until ${dayOf(payload.expiresAt)}`)
  const graceEndMs = endMs + graceDays * dayMs
  if (nowMs < graceEndMs)
    return judged(
      'grace',
      `licence ${payload.id} ended on ${dayOf(payload.expiresAt)}; what it allows goes on until ${dayOf(graceEndMs)}`,
    )
  return judged('ended', `licence ${payload.id} ended on ${dayOf(payload.expiresAt)}`)
}

/** Whole days until it ends. */
export const daysLeft = ({ expiresAt }: LicensePayload, nowMs: number): number =>
  Math.max(0, Math.floor((Date.parse(expiresAt) - nowMs) / dayMs))

export const graceEndsAtMs = ({ expiresAt }: LicensePayload): number => Date.parse(expiresAt) + graceDays * dayMs

/** The next time at which it stands differently, or Infinity. */
export function nextChangeMs({ notBefore, expiresAt }: LicensePayload, nowMs: number): number {
  const end = Date.parse(expiresAt)
  const times = [Date.parse(notBefore), end - noticeDays * dayMs, end, end + graceDays * dayMs]
  return Math.min(Infinity, ...times.filter((at) => at > nowMs))
}

/** The first limit that the site exceeds, as a sentence, or undefined. */
export function exceededLimit(
  { id, limits = {} }: LicensePayload,
  site: Readonly<Record<LicenseLimit, number>>,
): string | undefined {
  const words: Readonly<Record<LicenseLimit, string>> = {
    devices: 'devices',
    chargePoints: 'charge points',
    grids: 'grids',
  }
  for (const limit of ['devices', 'chargePoints', 'grids'] as const) {
    const most = limits[limit]
    if (most !== undefined && site[limit] > most)
      return `licence ${id} is for ${most} ${words[limit]}, and the site has ${site[limit]}`
  }
  return undefined
}

const dayOf = (time: string | number): string => new Date(time).toISOString().slice(0, 10)
