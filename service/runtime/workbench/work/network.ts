import { ownRanges, parseRange } from '../../../commissioning/scan/address-range.ts'
import { listenForServices } from '../../../commissioning/scan/announced.ts'
import { scanNetwork } from '../../../commissioning/scan/scan-network.ts'
import { EdgeError } from '#contract/errors.ts'
import { parseBusAddress } from '../../../drivers/modbus/address.ts'
import { placesOf } from '../../../drivers/modbus/place.ts'
import type { PreparedWork } from '../jobs.ts'
import { onProgress, scanEnd } from '../scan-report.ts'
import type { Request, WorkOptions } from './work.ts'

/** Devices on a network. What the service itself is connected to is left out. */
export async function prepareNetwork(request: Request<'subnet'>, options: WorkOptions): Promise<PreparedWork> {
  const { clock, library, buses } = options
  const { range, ports, foreign } = request
  const ranges = range === undefined ? ownRanges() : [parseRange(range, { foreign })]
  if (ranges.length === 0) throw new EdgeError('workbench.refused', 'this machine is part of no network')
  return {
    // Two scans of networks at once would ask the same devices twice.
    places: ['network'],
    place: ranges.map(({ text }) => text).join(', '),
    async run(context) {
      const held = await Promise.all([...buses.keys()].map((name) => placesOf(parseBusAddress(name))))
      await using announcements = listenForServices(ranges)
      const result = await scanNetwork(
        {
          ranges,
          held: new Set(held.flat().map((place) => place.replace(' ', ':'))),
          library: library(),
          announcements,
          ...(ports && { ports }),
          ...(context.previous?.kind === 'network' && { previous: context.previous }),
        },
        { clock, signal: context.signal, onProgress: onProgress(context) },
      )
      return scanEnd(context, result)
    },
  }
}
