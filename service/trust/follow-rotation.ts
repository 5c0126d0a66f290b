import { type Certificate, isSelfSigned, isSignedBy } from './certificate.ts'

/**
 * The roots to trust from now on, given what a peer offers that was just verified with `pinned`. A new root counts only
 * when a pinned one has signed its key; a pinned one that is not offered any more is retired. Never empty.
 */
export function followRotation(
  pinned: readonly Certificate[],
  offered: readonly Certificate[],
): readonly Certificate[] {
  const isVouchedFor = (root: Certificate): boolean =>
    pinned.some(({ fingerprint }) => fingerprint === root.fingerprint) ||
    offered.some(
      (cross) =>
        cross.ca &&
        cross.keyId === root.keyId &&
        cross.subject === root.subject &&
        pinned.some((old) => isSignedBy(cross, old)),
    )
  const seen = new Set<string>()
  const next = offered.filter((one) => {
    if (seen.has(one.fingerprint) || !one.ca || !isSelfSigned(one) || !isVouchedFor(one)) return false
    seen.add(one.fingerprint)
    return true
  })
  return next.length > 0 ? next : pinned
}
