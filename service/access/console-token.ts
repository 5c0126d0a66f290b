import { join } from 'node:path'
import { EdgeError } from '#contract/errors.ts'
import { replaceFile } from './accounts-file.ts'
import { tokenPrefix } from './identity.ts'
import { newSecret } from './secrets.ts'

export const consoleTokenFile = 'api-token'

/**
 * Makes the token of whoever may read the data folder, new at each start, in `folder`/api-token (mode 0600): r-emsctl acts
 * with it at the machine itself, and a copy in an old backup is worth nothing. Rejects with access.store.
 */
export async function createConsoleToken(folder: string): Promise<string> {
  const token = `${tokenPrefix}${newSecret()}`
  await replaceFile(join(folder, consoleTokenFile), `${token}\n`)
  return token
}

/** A token set from outside, for automation. Throws api.token-invalid without showing it. */
export function checkedPreset(token: string): string {
  if (/^[\x21-\x7e]{16,512}$/.test(token)) return token
  throw new EdgeError('api.token-invalid', 'R_EMS_API_TOKEN needs 16 to 512 visible characters without spaces')
}
