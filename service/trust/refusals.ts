import type { CertificateRefusal, RefusalReason } from '#contract/trust.ts'

/** Whose certificate is refused: an edge's, seen by an app, or a client's, seen by an edge. */
export type Peer = 'server' | 'client'

type Words = Readonly<Record<RefusalReason, readonly [message: string, action: string]>>

const server: Words = {
  'clock-unknown': [
    'The clock of this computer is before the day this program was built, so that no certificate can be judged.',
    'Set the date and time of this computer, then try again.',
  ],
  unreadable: ['The certificate of the edge cannot be read.', 'Check that the address is that of an R-EMS edge.'],
  'self-signed': [
    'The certificate vouches for itself: no CA stands behind it.',
    'Check the address. If it is the right one, something on the way answers in the place of the edge.',
  ],
  'foreign-ca': [
    'The certificate comes from a CA that is not the one of this edge.',
    'Do not go on in an unknown network. If the edge was set up anew, remove it here and pair again on site.',
  ],
  changed: [
    'What answers here is not the edge that was paired, or its CA was replaced.',
    'Compare the fingerprint with the one the edge prints. If it was set up anew or exchanged, remove it here and pair again.',
  ],
  'missing-intermediate': [
    'The edge does not send the certificates between its own and its root.',
    'Import the full chain of the CA on the edge, then try again.',
  ],
  'weak-key': [
    'The certificate is too weak to be trusted.',
    'Issue a new one with ECDSA P-256, or RSA of 2048 bits or more.',
  ],
  'not-yet-valid': [
    'The certificate is not valid yet.',
    'Compare the clocks: set the one of this computer, or the one of the edge and let it renew its certificate.',
  ],
  expired: [
    'The certificate has expired.',
    'Compare the clocks. If both are right, restart the edge: it renews its certificate at its start.',
  ],
  'wrong-usage': [
    'The certificate was not made for a server.',
    'Issue one for server authentication; it must not be a CA and must not hold unknown critical extensions.',
  ],
  revoked: ['The certificate was withdrawn.', 'Do not go on. Ask who looks after the site why it was withdrawn.'],
  'wrong-name': [
    'The certificate is not valid for this address.',
    'Use one of the names or addresses it is valid for, or add this one on the edge.',
  ],
}

const client: Words = {
  'clock-unknown': [
    'The clock of this edge is before the day its program was built, so that no certificate can be judged.',
    'Set the clock of the edge, or sign in without a certificate.',
  ],
  unreadable: ['The client certificate cannot be read.', 'Issue a new one.'],
  'self-signed': [
    'The client certificate vouches for itself: no CA stands behind it.',
    'Use one that the CA of this site, or an imported one, has issued.',
  ],
  'foreign-ca': [
    'The client certificate comes from a CA that this edge does not trust.',
    'Use one that the CA of this site has issued, or import the other CA on the edge.',
  ],
  changed: ['The client certificate is not the one that was registered.', 'Register it again.'],
  'missing-intermediate': [
    'The certificates between the client certificate and its root are missing.',
    'Send the full chain, or import it on the edge.',
  ],
  'weak-key': [
    'The client certificate is too weak to be trusted.',
    'Issue a new one with ECDSA P-256, or RSA of 2048 bits or more.',
  ],
  'not-yet-valid': ['The client certificate is not valid yet.', 'Check the clock of the edge, and that of the CA.'],
  expired: [
    'The client certificate has expired.',
    'Issue a new one; check the clock of the edge if that is no surprise.',
  ],
  'wrong-usage': [
    'The certificate was not made for a client.',
    'Issue one for client authentication; it must not be a CA and must not hold unknown critical extensions.',
  ],
  revoked: ['The client certificate was withdrawn.', 'Ask who looks after the site for a new one.'],
  'wrong-name': [
    'The client certificate names no user of R-EMS.',
    'Issue one with the URI urn:r-ems:user:NAME as its alternative name.',
  ],
}

/** The words for a refusal; `detail` is one sentence of what was found. */
export function refusalOf(peer: Peer, reason: RefusalReason, detail?: string): CertificateRefusal {
  const [message, action] = (peer === 'server' ? server : client)[reason]
  return { reason, message: detail === undefined ? message : `${message} ${detail}`, action }
}
