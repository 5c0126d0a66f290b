import type { CertificateInfo } from '#contract/trust.ts'

const soonMs = 30 * 86_400_000

/** Whether a certificate can be relied on at a time; soon: it ends within 30 days and nobody renews it by itself. */
export function certificateState(
  { notBeforeMs, notAfterMs, renewAtMs }: Pick<CertificateInfo, 'notBeforeMs' | 'notAfterMs' | 'renewAtMs'>,
  nowMs: number,
): 'valid' | 'notYet' | 'soon' | 'expired' {
  if (nowMs >= notAfterMs) return 'expired'
  if (nowMs < notBeforeMs) return 'notYet'
  return renewAtMs === undefined && notAfterMs - nowMs < soonMs ? 'soon' : 'valid'
}
