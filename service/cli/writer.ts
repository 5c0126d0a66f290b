import { homedir } from 'node:os'
import { join } from 'node:path'
import type { BusWrite } from '#contract/bus.ts'
import { EdgeError } from '#contract/errors.ts'
import type { BusAddress } from '../drivers/modbus/address.ts'
import { type ArmedBus, createArmedBus, type ReadOnlyBus } from '../drivers/modbus/bus.ts'
import { entries } from '../entries.ts'
import { createBusAccess } from '../runtime/bus-access.ts'
import { createGuard, type ManualOutcome } from '../runtime/guard.ts'
import { systemClock } from '../runtime/system-clock.ts'
import { openStorage } from '../storage/storage.ts'
import { findHolder } from './holder.ts'
import type { Library } from './library.ts'
import { createRemoteBus, writeRemotely } from './remote-bus.ts'
import { CommandFailure, exitCode, type Terminal } from './terminal.ts'

/** A bus with the guard in front of its writes: that of the service which holds it, or one of our own. */
export interface Writer extends AsyncDisposable {
  readonly bus: ReadOnlyBus | ArmedBus
  write(request: BusWrite): Promise<ManualOutcome>
}

/** Refuses (exit code 5) when there is no journal to write into. */
export async function openWriter(address: BusAddress, library: Library, terminal: Terminal): Promise<Writer> {
  const holder = await findHolder(address, terminal.environment)
  if (holder) {
    const bus = createRemoteBus(holder)
    return {
      bus,
      write: (request) => writeRemotely(holder, request),
      [Symbol.asyncDispose]: () => bus[Symbol.asyncDispose](),
    }
  }
  await using opening = new AsyncDisposableStack()
  const folder = dataFolder(terminal.environment)
  const storage = opening.use(
    await openStorage({ folder, workerUrl: entries.storageWorker, clock: systemClock }).catch((error: unknown) => {
      if (!(error instanceof EdgeError)) throw error
      const message = `no write without a journal: ${error.message}\n${error.action}`
      throw new CommandFailure(exitCode.refused, message, { cause: error })
    }),
  )
  for (const { message } of storage.warnings) terminal.err(`${message}\n`)
  const bus = opening.use(createArmedBus({ address, clock: systemClock }))
  const { journal } = storage
  const guard = createGuard({
    mode: 'production',
    desktop: false,
    targets: new Map(),
    control: () => ({ enabled: false, dryRun: true, reason: 'the command line has no automatic control' }),
    journal: (record) => void journal.append(record),
    journalDurable: (record) => journal.appendDurable(record),
    controlled: () => false,
  })
  const access = createBusAccess({
    buses: new Map([[bus.name, bus]]),
    entries: [],
    guard,
    loadMap: library.load,
    sunspecModels: library.sunspecModels,
    clock: systemClock,
  })
  const resources = opening.move()
  return {
    bus,
    write: (request) => access.write(request, request.write.kind === 'command' || request.write.armed),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}

/** Where a person's own journal is kept. */
function dataFolder(environment: NodeJS.ProcessEnv): string {
  const state = environment['XDG_STATE_HOME'] ?? join(homedir(), '.local/state')
  return environment['R_EMS_DATA_DIR'] ?? join(state, 'r-ems')
}
