import { scanRegisters } from '../../../commissioning/scan/scan-registers.ts'
import { parseBusAddress } from '../../../drivers/modbus/address.ts'
import { createReadOnlyBus } from '../../../drivers/modbus/bus.ts'
import type { PreparedWork } from '../jobs.ts'
import { busText, findPlace, readOnlyView } from '../places.ts'
import { onProgress, scanEnd } from '../scan-report.ts'
import type { Request, WorkOptions } from './work.ts'

/** Which registers a unit has. On a bus of the site the questions wait for the gaps that polling leaves. */
export async function prepareRegisters(request: Request<'registers'>, options: WorkOptions): Promise<PreparedWork> {
  const { clock, buses, leaseOf, polled, library, mapOf } = options
  const { unitId, fn, from, to } = request
  const address = parseBusAddress(request.bus)
  const { names, held } = await findPlace(address, buses)
  if (held) options.assertScannable(held.name)
  return {
    places: names,
    place: `${busText(address)} unit ${unitId}`,
    async run(context) {
      const { signal } = context
      const quirks = library().maps.find(({ id }) => id === mapOf(request.bus, unitId))?.map.quirks ?? {}
      const most = fn <= 2 ? quirks.maxReadBits : quirks.maxReadRegisters
      await using bus =
        held && !leaseOf(held.name) ? readOnlyView(held, polled(held.name)) : createReadOnlyBus({ address, clock })
      const result = await scanRegisters(
        {
          bus,
          unitId,
          fn,
          from,
          to,
          ...(most !== undefined && { mostRegisters: most }),
          ...(quirks.noScanRanges && { noScanRanges: quirks.noScanRanges }),
          ...(context.previous?.kind === 'registers' && { previous: context.previous }),
        },
        { clock, signal, onProgress: onProgress(context) },
      )
      return scanEnd(context, result)
    },
  }
}
