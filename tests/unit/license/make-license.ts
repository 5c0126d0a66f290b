import { createPrivateKey, sign } from 'node:crypto'
import type { LicensePayload } from '#contract/license.ts'
import { createLicenseKeys, issueLicense } from '../../../service/license/issue-license.ts'

/** A vendor of the tests: its private key is made anew in every run. */
export const vendor = createLicenseKeys('test-key')

export const edgeId = '5b0d7c1e-51f2-4a53-9c57-0b6d2d1f3a10'

export const content: LicensePayload = {
  format: 'r-ems-license-1',
  id: 'HALDEN-0042',
  owner: 'Halden Energy Services',
  keyId: 'test-key',
  issuedAt: '2026-01-01T00:00:00Z',
  notBefore: '2026-01-01T00:00:00Z',
  expiresAt: '2027-11-22T00:00:00Z',
  edges: [edgeId],
  features: ['economic-control', 'fleet'],
  limits: { devices: 25, chargePoints: 12, grids: 2 },
}

/** A time at which `content` is valid. */
export const duringMs = Date.parse('2026-11-21T12:00:00Z')

export const license = (changes: Partial<LicensePayload> = {}): string =>
  issueLicense({ ...content, ...changes }, vendor.privatePem).text

/** Any bytes with a good signature of the vendor: what only the vendor could do wrong. */
export function signedBytes(bytes: string | Uint8Array): string {
  const raw = Buffer.from(bytes)
  const signature = sign(null, raw, createPrivateKey(vendor.privatePem))
  return `${raw.toString('base64')}.${signature.toString('base64')}`
}
