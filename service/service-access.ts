import { openAccess } from './access/access.ts'
import { thisBoot } from './access/boot.ts'
import { createConsoleToken } from './access/console-token.ts'
import type { Carried } from './carried.ts'
import type { Options } from './config.ts'
import type { Clock } from './domain/clock.ts'
import type { Storage } from './storage/types.ts'

/** Opens the accounts of this edge, with the console's own token and the one that was preset. */
export async function openServiceAccess(
  { dataFolder, demo, presetToken }: Options,
  { storage, carried, clock }: { storage: Storage; carried: Carried; clock: Clock },
) {
  const consoleToken = (carried.consoleToken ??= await createConsoleToken(dataFolder))
  return openAccess({
    folder: dataFolder,
    clock,
    audit: storage.journal,
    boot: thisBoot(),
    presets: [
      { name: 'console', kind: 'console', secret: consoleToken },
      ...(presetToken === undefined ? [] : [{ name: 'automation', kind: 'token', secret: presetToken } as const]),
    ],
    pairs: !demo,
    sessions: carried.sessions,
  })
}
