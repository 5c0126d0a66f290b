import { EdgeError } from '#contract/errors.ts'
import { scanLine } from '../../../commissioning/scan/scan-line.ts'
import { parseBusAddress } from '../../../drivers/modbus/address.ts'
import type { PreparedWork } from '../jobs.ts'
import { busText, findPlace, needForItself } from '../places.ts'
import { onProgress, scanEnd } from '../scan-report.ts'
import type { Request, WorkOptions } from './work.ts'

/** Who answers on a line. A serial bus without settings: they are found first. */
export async function prepareUnits(request: Request<'units'>, options: WorkOptions): Promise<PreparedWork> {
  const { clock, library, adapterMs } = options
  const { bus, thorough } = request
  const address = parseBusAddress(bus)
  const place = await findPlace(address, options.buses)
  if (place.held) options.assertScannable(place.held.name)
  needForItself(place, options.leaseOf, 'a scan')
  if (address.kind !== 'rtu') throw new EdgeError('workbench.refused', 'soon')
  const { path, baud, parity, stopBits } = address
  return {
    places: place.names,
    place: busText(address),
    async run(context) {
      const known = library()
      const latencyMs = await adapterMs(path)
      const result = await scanLine(
        {
          path,
          thorough,
          library: known,
          firstIds: known.maps.flatMap(({ map }) => map.connection?.unitId ?? []),
          ...(bus.includes('?') && { settings: { baud, parity, stopBits } }),
          ...(latencyMs !== undefined && { adapterMs: latencyMs }),
          ...(context.previous?.kind === 'units' && { previous: context.previous }),
        },
        { clock, signal: context.signal, onProgress: onProgress(context) },
      )
      return scanEnd(context, result)
    },
  }
}
