import type { Identification } from '#contract/workbench-results.ts'
import { identifyCandidates } from '../../../commissioning/scan/identify-units.ts'
import { parseBusAddress } from '../../../drivers/modbus/address.ts'
import { createReadOnlyBus } from '../../../drivers/modbus/bus.ts'
import type { PreparedWork } from '../jobs.ts'
import { busText, findPlace, readOnlyView } from '../places.ts'
import type { Request, WorkOptions } from './work.ts'

/** What units are. On a bus of the site the questions wait for the gaps that control leaves. */
export async function prepareIdentify(request: Request<'identify'>, options: WorkOptions): Promise<PreparedWork> {
  const { clock, buses, leaseOf, library, polled } = options
  const address = parseBusAddress(request.bus)
  const { names, held } = await findPlace(address, buses)
  return {
    places: names,
    place: busText(address),
    async run(context) {
      const { signal } = context
      await using bus =
        held && !leaseOf(held.name) ? readOnlyView(held, polled(held.name)) : createReadOnlyBus({ address, clock })
      const known = library()
      const units: Identification['units'] = []
      const total = request.unitIds.length
      for (const [done, unitId] of request.unitIds.entries()) {
        if (signal.aborted) break
        context.report({ progress: { phase: 'identify', done, total, text: `unit ${unitId}` } })
        const candidates = await identifyCandidates(bus, unitId, known, { clock, signal })
        if (candidates) units.push({ unitId, silent: null, candidates })
        else if (!signal.aborted) units.push({ unitId, silent: 'it does not answer', candidates: [] })
        context.report({
          result: () => ({ kind: 'identify', bus: request.bus, units: [...units] }),
          requests: bus.stats().requests,
        })
      }
      return { state: signal.aborted ? 'stopped' : 'done' }
    },
  }
}
