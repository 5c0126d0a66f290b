import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { EdgeError } from '#contract/errors.ts'
import { type LicenseKey, licenseKey, type LicenseSettings } from '#contract/license.ts'

/** Put in place by the build: true in a production build. */
declare const R_EMS_PRODUCTION: boolean | undefined

interface Development {
  readonly usage: string
  /** The command line without what only these builds understand, and whether a missing licence is to be overlooked. */
  takeBypass(args: readonly string[]): { readonly args: string[]; readonly bypass: boolean }
  /** Whether the settings of the edge overlook a missing licence. */
  isBypassed(settings: LicenseSettings): boolean
  /** Keys to verify licences with, besides those of the vendor: a JSON file named by R_EMS_LICENSE_KEYS. */
  licenseKeys(environment: NodeJS.ProcessEnv): Promise<readonly LicenseKey[]>
  readonly bypassed: string
  /** Environment variables that only these builds read. */
  readonly variables: readonly string[]
}

const bypassFlag = '--dev-allow-license-bypass'

/** What only builds for development have. A production build folds it to nothing: not even its words are in the bundle. */
export const development: Development | undefined =
  typeof R_EMS_PRODUCTION !== 'undefined' && R_EMS_PRODUCTION
    ? undefined
    : {
        usage: `  ${bypassFlag}  builds for development only: everything works without a licence\n`,
        takeBypass: (args) => ({ args: args.filter((arg) => arg !== bypassFlag), bypass: args.includes(bypassFlag) }),
        isBypassed: (settings) => 'allow_bypass' in settings && settings.allow_bypass === true,
        async licenseKeys(environment) {
          const file = environment['R_EMS_LICENSE_KEYS']
          if (file === undefined || file === '') return []
          try {
            return z.array(licenseKey).parse(JSON.parse(await readFile(file, 'utf8')))
          } catch (error) {
            throw new EdgeError('config.invalid', `R_EMS_LICENSE_KEYS: ${file} is no list of licence keys`, {
              cause: error,
            })
          }
        },
        bypassed: 'licences are bypassed: this build is for development',
        variables: ['R_EMS_LICENSE_KEYS'],
      }
