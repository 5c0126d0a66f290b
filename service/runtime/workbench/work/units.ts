import type { UnitScan } from '#contract/workbench-scan.ts'
import { scanLine } from '../../../commissioning/scan/scan-line.ts'
import { scanUnits } from '../../../commissioning/scan/scan-units.ts'
import { type BusAddress, parseBusAddress } from '../../../drivers/modbus/address.ts'
import { createReadOnlyBus } from '../../../drivers/modbus/bus.ts'
import type { JobContext, PreparedWork } from '../jobs.ts'
import { busText, findPlace, readOnlyView, type WorkPlace } from '../places.ts'
import { onProgress, scanEnd } from '../scan-report.ts'
import type { Request, WorkOptions } from './work.ts'

/**
 * Who answers on a line or behind an endpoint. On a bus that the service polls the questions go through its queue; a line
 * of our own is listened to first, and its settings are found where they are not given.
 */
export async function prepareUnits(request: Request<'units'>, options: WorkOptions): Promise<PreparedWork> {
  const address = parseBusAddress(request.bus)
  const place = await findPlace(address, options.buses)
  if (place.held) options.assertScannable(place.held.name)
  return {
    places: place.names,
    place: busText(address),
    async run(context) {
      const alone = !place.held || options.leaseOf(place.held.name) !== undefined
      const result =
        alone && address.kind === 'rtu'
          ? await scanOwnLine(request, address, options, context)
          : await scanThrough(place, alone, options, context)
      return scanEnd(context, result)
    },
  }
}

const previousOf = ({ previous }: JobContext): { previous?: UnitScan } =>
  previous?.kind === 'units' ? { previous } : {}

async function scanOwnLine(
  { bus, thorough }: Request<'units'>,
  { path, baud, parity, stopBits }: Extract<BusAddress, { kind: 'rtu' }>,
  { clock, library, adapterMs }: WorkOptions,
  context: JobContext,
): Promise<UnitScan> {
  const known = library()
  const latencyMs = await adapterMs(path)
  return scanLine(
    {
      path,
      thorough,
      library: known,
      firstIds: firstIdsOf(known),
      ...(bus.includes('?') && { settings: { baud, parity, stopBits } }),
      ...(latencyMs !== undefined && { adapterMs: latencyMs }),
      ...previousOf(context),
    },
    { clock, signal: context.signal, onProgress: onProgress(context) },
  )
}

async function scanThrough(
  { address, held }: WorkPlace,
  alone: boolean,
  { clock, library, polled }: WorkOptions,
  context: JobContext,
): Promise<UnitScan> {
  const known = library()
  await using bus = held && !alone ? readOnlyView(held, polled(held.name)) : createReadOnlyBus({ address, clock })
  // Awaited here, before the connection is closed.
  return await scanUnits(
    { bus, library: known, firstIds: firstIdsOf(known), ...previousOf(context) },
    { clock, signal: context.signal, onProgress: onProgress(context) },
  )
}

const firstIdsOf = ({ maps }: ReturnType<WorkOptions['library']>): number[] =>
  maps.flatMap(({ map }) => map.connection?.unitId ?? [])
