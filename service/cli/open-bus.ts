import type { BusAddress } from '../drivers/modbus/address.ts'
import { createReadOnlyBus, type ReadOnlyBus } from '../drivers/modbus/bus.ts'
import { systemClock } from '../runtime/system-clock.ts'
import { findHolder } from './holder.ts'
import { createRemoteBus } from './remote-bus.ts'
import type { Terminal } from './terminal.ts'

/** A bus for reading: through the local service where it holds it, opened here otherwise. */
export async function openBus(address: BusAddress, { environment, signal }: Terminal): Promise<ReadOnlyBus> {
  const holder = await findHolder(address, environment)
  signal.throwIfAborted()
  return holder ? createRemoteBus(holder) : createReadOnlyBus({ address, clock: systemClock })
}
