import type { SettingsSearch } from '#contract/workbench-results.ts'
import { likelySettings, settingsText } from '../../../commissioning/scan/likely.ts'
import { createLineWatch, type LineWatch } from '../../../commissioning/scan/line-watch.ts'
import { sweepSettings } from '../../../commissioning/scan/settings-sweep.ts'
import { createReadOnlyBus } from '../../../drivers/modbus/bus.ts'
import type { JobContext, JobEnd, PreparedWork } from '../jobs.ts'
import { needForItself, serialPlace } from '../places.ts'
import type { Request, WorkOptions } from './work.ts'

const listenMs = 2000

/** The settings of a line: listens first, then asks likely units under likely settings. */
export async function prepareSettings(request: Request<'settings'>, options: WorkOptions): Promise<PreparedWork> {
  const { port } = request
  const place = await serialPlace(port, options.buses)
  if (place.held) options.assertScannable(place.held.name)
  needForItself(place, options.leaseOf, 'a search for the settings')
  return { places: place.names, place: port, run: (context) => search(port, options, context) }
}

async function search(port: string, { clock }: WorkOptions, context: JobContext): Promise<JobEnd> {
  const { signal } = context
  const startMs = clock.monotonicMs()
  await using watch = createLineWatch(clock)
  let now: string | undefined
  const tried = new Set<string>()
  let found: SettingsSearch['found'] = null

  const resultOf = (reason: string | null): SettingsSearch => ({
    kind: 'settings',
    port,
    found,
    by: found ? 'asked' : null,
    tried: likelySettings.map((settings) => {
      const text = settingsText(settings)
      if (found && settingsText(found) === text)
        return { settings, outcome: 'found', text: 'two answers with a correct checksum' }
      if (text === now && !found && reason === null) return { settings, outcome: 'now', text: 'asking' }
      return tried.has(text)
        ? { settings, outcome: 'silent', text: 'nobody answered' }
        : { settings, outcome: 'not-tried', text: found ? 'not needed' : '' }
    }),
    elapsedMs: clock.monotonicMs() - startMs,
    heard: watch.foreign ?? `nothing heard for ${Math.round((clock.monotonicMs() - startMs) / 1000)} s`,
    reason,
    notes: [],
  })
  const end = (reason: string | null, action?: string): JobEnd => {
    const result = resultOf(reason)
    context.report({ result: () => result })
    if (found) return { state: 'done' }
    if (reason === null) return { state: 'stopped' }
    return { state: 'stopped', problem: { message: reason, ...(action !== undefined && { action }) } }
  }

  const heardSomebody = (what: string): JobEnd =>
    end(`${what}: somebody else talks on this line`, 'Listen instead: that finds the settings as well.')

  context.report({ progress: { phase: 'listen', total: listenMs, leftMs: listenMs, text: 'listening' } })
  await watch.open({ kind: 'rtu', path: port, ...likelySettings[0]! }, signal)
  await clock.sleep(listenMs, AbortSignal.any([signal, watch.signal])).catch(() => undefined)
  await watch.settle()
  if (watch.bytes > 0) watch.accuse(watch.bytes)
  if (watch.foreign !== undefined) return heardSomebody(watch.foreign)
  if (signal.aborted) return end(null)

  const swept = await sweepSettings({
    path: port,
    watch,
    clock,
    signal,
    createBus: (address) => createReadOnlyBus({ address, clock, openSerial: watch.openSerial }),
    onProgress(done, total, leftMs, text) {
      if (now !== undefined) tried.add(now)
      now = text
      context.report({ progress: { phase: 'settings', done, total, leftMs, text }, result: () => resultOf(null) })
    },
  })
  context.report({ requests: swept.requests })
  if (swept.found) {
    found = swept.settings
    return end(null)
  }
  const heard = foreignOf(watch)
  if (heard !== undefined) return heardSomebody(heard)
  if (signal.aborted) return end(null)
  if (swept.closed !== undefined) return end(swept.closed, 'Check the adapter, then start again.')
  return end(
    'nobody answers at any usual settings',
    'Check power and wiring; swap A and B and try again; or listen, in case another protocol is spoken.',
  )
}

/** What was heard by now; it changes while the search waits. */
const foreignOf = ({ foreign }: LineWatch): string | undefined => foreign
