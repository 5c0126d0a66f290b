import type { Clock } from '../../domain/clock.ts'
import { formatBusAddress, type SerialAddress } from '../../drivers/modbus/address.ts'
import { openSerialStream, type OpenSerial } from '../../drivers/modbus/serial-port.ts'
import type { StreamEvents } from '../../drivers/modbus/wire.ts'
import type { ListenSource, SourceEnd } from './types.ts'

export interface SerialSourceOptions {
  readonly address: SerialAddress
  readonly clock: Clock
  /** Default: a real port. */
  readonly openSerial?: OpenSerial
}

/** All that listening may do with a port. */
interface Ear {
  close(): void
}

/** A serial port that is only listened to: what it could be written with is dropped before anybody gets it. */
export function createSerialSource({
  address,
  clock,
  openSerial = openSerialStream,
}: SerialSourceOptions): ListenSource {
  const openEar = async (events: StreamEvents, signal: AbortSignal): Promise<Ear> => {
    const { close } = await openSerial(address, events, signal)
    return { close }
  }
  return {
    name: formatBusAddress(address),
    live: true,
    async run(sink, signal) {
      const end = Promise.withResolvers<SourceEnd>()
      const stopped = (): void => end.resolve({ complete: true })
      signal.addEventListener('abort', stopped, { once: true })
      try {
        const ear = await openEar(
          {
            data: (bytes) => sink.chunk({ atMs: clock.nowMs(), bytes, framing: 'rtu' }),
            closed: (reason) => end.resolve({ complete: false, reason }),
          },
          signal,
        )
        sink.opened?.()
        const how = await end.promise
        ear.close()
        return how
      } catch (error) {
        if (signal.aborted) return { complete: true }
        throw error
      } finally {
        signal.removeEventListener('abort', stopped)
      }
    },
  }
}
