import { createAudit } from './access/audit.ts'
import type { Options } from './config.ts'
import type { Clock } from './domain/clock.ts'
import type { Network } from './network.ts'
import type { Faults } from './runtime/faults.ts'
import type { Storage } from './storage/types.ts'

/** The service on the network, where it is asked for: its libraries are loaded only then. */
export async function openServiceNetwork(
  { network, dataFolder }: Pick<Options, 'network' | 'dataFolder'>,
  parts: {
    readonly storage: Pick<Storage, 'journal'>
    readonly builtAtMs: number
    readonly clock: Clock
    readonly faults: Faults
    readonly resources: AsyncDisposableStack
  },
): Promise<Network | undefined> {
  if (!network) return undefined
  const { storage, builtAtMs, clock, faults, resources } = parts
  const { openNetwork } = await import('./network.ts')
  const audit = createAudit(storage.journal, clock)
  const opened = await openNetwork({ options: network, dataFolder, builtAtMs, clock, faults, audit })
  return opened && resources.use(opened)
}
