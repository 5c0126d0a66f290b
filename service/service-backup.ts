import type { Principal } from '#contract/access.ts'
import { EdgeError } from '#contract/errors.ts'
import type { BackupSources } from './api/backup-sources.ts'
import { assertNoSite, stageRestore } from './backup/restore.ts'
import { makeBackup, openBackup } from './backup-files.ts'
import type { Options } from './config.ts'
import type { Clock } from './domain/clock.ts'
import type { Faults } from './runtime/faults.ts'
import type { EdgeIdentity } from './runtime/identity.ts'
import type { Journal } from './storage/types.ts'

const faultKey = 'backup.replaces'
const nameOf = ({ name, address }: Principal): string => `${name} (${address})`

/** Backup and replacement of the edge of this service, and the fault that stays until the old edge is known to be gone (S9). */
export function createServiceBackup(parts: {
  options: Pick<Options, 'root' | 'siteFile' | 'empty' | 'demo' | 'dataFolder' | 'configuration'>
  mapFolder: string
  identity: EdgeIdentity
  journal: Pick<Journal, 'appendDurable'>
  faults: Faults
  clock: Clock
  /** Restarts the service, so that what was restored counts. */
  restart(): void
}): BackupSources {
  const { options, mapFolder, identity, journal, faults, clock, restart } = parts
  const { root, siteFile, empty, demo, dataFolder, configuration } = options
  let restoring = false

  const replaces = identity.replaces()
  if (replaces)
    faults.raise(faultKey, {
      code: 'backup.unconfirmed',
      severity: 'warning',
      message: `control stays off: ${identity.obstacle() ?? ''}`,
      action: 'See that the old edge is switched off for good, then confirm it under Settings, Backup.',
    })

  function notRestorable(): string | undefined {
    if (demo) return 'the demo site is part of the program'
    if (!empty) return 'this edge has a site of its own; restore onto one that has none yet'
    return restoring ? 'a restore is under way' : undefined
  }

  const state: BackupSources['state'] = () => {
    const why = notRestorable()
    const present = identity.replaces()
    return {
      edgeId: identity.edgeId,
      ...(why !== undefined && { notRestorable: why }),
      ...(present && { replaces: present }),
    }
  }

  return {
    state,
    async make(passphrase, principal) {
      if (demo)
        throw new EdgeError('backup.not-empty', 'the demo site is part of the program: there is nothing to back up')
      await journal.appendDurable({ kind: 'backup', principal: nameOf(principal), detail: 'makes a backup' })
      const config = configuration?.generations.pointer() ? root : siteFile
      return makeBackup({ config, dataFolder, mapFolder, passphrase, createdAtMs: clock.nowMs() })
    },
    async restore({ file, passphrase }, principal) {
      const why = notRestorable()
      if (why !== undefined) throw new EdgeError('backup.not-empty', why)
      restoring = true
      try {
        await assertNoSite(root)
        const { restore, origin } = await openBackup(Buffer.from(file, 'base64'), passphrase, clock.nowMs())
        await journal.appendDurable({
          kind: 'backup',
          principal: nameOf(principal),
          detail: `restores ${origin.site} (edge ${origin.edgeId})`,
          data: { backupAtMs: origin.createdAtMs },
        })
        await stageRestore(dataFolder, restore)
        // The answer goes out first.
        setImmediate(restart)
        return { ...origin, message: 'the service restarts with it; sign in with the accounts of the old edge' }
      } catch (error) {
        restoring = false
        throw error
      }
    },
    async confirmReplacement({ reason }, principal) {
      if (!identity.replaces()) throw new EdgeError('backup.not-empty', 'this edge replaces no other one')
      await journal.appendDurable({
        kind: 'backup',
        principal: nameOf(principal),
        detail: `the old edge is gone: ${reason}`,
      })
      await identity.confirmReplacement()
      faults.clear(faultKey, `${principal.name} has said that the old edge is gone; control may be enabled`)
      return state()
    },
  }
}
