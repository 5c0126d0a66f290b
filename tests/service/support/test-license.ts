import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LicensePayload } from '#contract/license.ts'
import { createLicenseKeys, issueLicense } from '../../../service/license/issue-license.ts'

/** A vendor of the tests. Builds for development learn its public key from a file; production builds do not look for one. */
const vendor = createLicenseKeys('service-tests')
const folder = mkdtempSync(join(tmpdir(), 'r-ems-license-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
const keysFile = join(folder, 'keys.json')
writeFileSync(keysFile, JSON.stringify([vendor.key]))

export const testLicense = (changes: Partial<LicensePayload> = {}): string =>
  issueLicense(
    {
      format: 'r-ems-license-1',
      id: 'TEST-1',
      owner: 'The tests',
      keyId: 'service-tests',
      issuedAt: '2020-01-01T00:00:00Z',
      notBefore: '2020-01-01T00:00:00Z',
      expiresAt: '2099-01-01T00:00:00Z',
      features: ['economic-control', 'redundancy', 'fleet'],
      ...changes,
    },
    vendor.privatePem,
  ).text

/** A service that tests start is licensed, as a customer's would be. */
export const licensed: NodeJS.ProcessEnv = { R_EMS_LICENSE_KEYS: keysFile, R_EMS_LICENSE: testLicense() }

/** The same vendor, and no licence. */
export const unlicensed: NodeJS.ProcessEnv = { R_EMS_LICENSE: '' }
