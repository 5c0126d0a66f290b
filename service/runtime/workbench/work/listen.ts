import type { ListenResult } from '#contract/workbench-listen.ts'
import type { SerialSettings } from '#contract/workbench-scan.ts'
import { createCaptureSource } from '../../../commissioning/capture/capture-source.ts'
import { detectSettings } from '../../../commissioning/listen/detect-settings.ts'
import { createListening } from '../../../commissioning/listen/listening.ts'
import { createSerialSource } from '../../../commissioning/listen/serial-source.ts'
import type { ListenFrame, ListenSource } from '../../../commissioning/listen/types.ts'
import { createValueHistory, type ValueHistory } from '../../../commissioning/values/history.ts'
import { likelySettings, settingsText } from '../../../commissioning/scan/likely.ts'
import { heard } from '../heard.ts'
import type { JobContext, JobEnd, PreparedWork } from '../jobs.ts'
import { needForItself, serialPlace } from '../places.ts'
import type { Request, WorkOptions } from './work.ts'

/** Frames that are kept for the pcapng. */
const keptFrames = 20_000
const lookEveryMs = 250
/** So often what was heard goes to the disk. */
/** Jobs whose values stay in memory. */
const keptHistories = 4
const keepEveryMs = 10_000
const detectWithinMs = 30_000

/** A line that is only listened to; the settings are found from the traffic where they are not given. */
export async function prepareListen(request: Request<'listen'>, options: WorkOptions): Promise<PreparedWork> {
  const { clock, buses, leaseOf } = options
  const place = await serialPlace(request.port, buses)
  needForItself(place, leaseOf, 'listening')
  const openAt = (settings: SerialSettings): ListenSource =>
    createSerialSource({ address: { kind: 'rtu', path: request.port, ...settings }, clock })
  return {
    places: place.names,
    place: request.port,
    async run(context) {
      const endMs = clock.monotonicMs() + request.seconds * 1000
      const settings = request.settings ?? (await findSettings(request, openAt, options, context, endMs))
      if (!settings) return { state: 'stopped' }
      return hear(openAt(settings), settings, options, context, endMs)
    },
  }
}

/** A recorded file, in place of a line. */
export async function prepareReplay({ file }: Request<'replay'>, options: WorkOptions): Promise<PreparedWork> {
  const path = options.files.captureFile(file)
  return {
    places: [`file ${file}`],
    place: file,
    async run(context) {
      const source = { ...createCaptureSource(path), name: file }
      return hear(source, null, options, context, Number.POSITIVE_INFINITY)
    },
  }
}

/** Listens until somebody speaks under one of the usual settings. */
async function findSettings(
  { port }: Request<'listen'>,
  openAt: (settings: SerialSettings) => ListenSource,
  { clock }: WorkOptions,
  context: JobContext,
  endMs: number,
): Promise<SerialSettings | undefined> {
  const { signal } = context
  const total = likelySettings.length
  let summary = 'nothing heard yet'
  while (!signal.aborted && clock.monotonicMs() < endMs) {
    let done = 0
    const detected = await detectSettings({
      openAt,
      candidates: likelySettings,
      clock,
      signal,
      withinMs: Math.min(detectWithinMs, endMs - clock.monotonicMs()),
      trying(settings) {
        done = (done % total) + 1
        const text = `${settingsText(settings)}: ${summary}`
        context.report({ progress: { phase: 'settings', done, total, leftMs: null, text } })
      },
    })
    if (detected.found === 'settings') return detected.settings
    summary = detected.summary
    context.report({ progress: { text: `${port}: ${summary}` } })
  }
  return undefined
}

async function hear(
  source: ListenSource,
  settings: SerialSettings | null,
  { clock, library, files, captures, histories }: WorkOptions,
  context: JobContext,
  endMs: number,
): Promise<JobEnd> {
  const { id, signal } = context
  await using listening = createListening({ source, clock, library: library(), keptFrames })
  const history = createValueHistory()
  listening.onFrame((frame) => record(history, frame))
  histories.set(id, history)
  for (const oldest of [...histories.keys()].slice(0, -keptHistories)) histories.delete(oldest)
  const result = (): ListenResult => heard(listening.snapshot(), settings)
  const startMs = clock.monotonicMs()
  const total = Number.isFinite(endMs) ? Math.round(endMs - startMs) : 0
  let keptMs = startMs
  const keep = async (): Promise<void> => {
    keptMs = clock.monotonicMs()
    if (source.live) await files.saveCapture(`${id}.pcapng`, listening.pcapng())
  }
  const over = new AbortController()
  void listening.ended.then(() => over.abort())
  const stop = AbortSignal.any([signal, over.signal])
  captures.set(id, () => listening.pcapng())
  try {
    await listening.opened
    while (!stop.aborted && clock.monotonicMs() < endMs) {
      const nowMs = clock.monotonicMs()
      const done = Math.round(nowMs - startMs)
      const leftMs = total > 0 ? Math.max(0, total - done) : null
      const { summary } = listening.snapshot()
      context.report({ progress: { phase: 'listen', done, total, leftMs, text: summary }, result })
      if (nowMs - keptMs >= keepEveryMs) await keep()
      await clock.sleep(lookEveryMs, stop).catch(() => undefined)
    }
    await listening[Symbol.asyncDispose]()
    const last = result()
    context.report({ result: () => last, progress: { text: last.summary } })
    await keep()
    return endOf(last)
  } finally {
    captures.delete(id)
  }
}

/** Values that went over the bus: read by the client, or written by it. */
function record(history: ValueHistory, frame: ListenFrame): void {
  const { unitId, fc, address, values, written, role, endMs: atMs } = frame
  if (unitId === undefined || fc === undefined || role === 'exception') return
  const fn = fc === 5 || fc === 15 ? 1 : fc === 6 || fc === 16 || fc === 0x17 ? 3 : fc
  if (fn !== 1 && fn !== 2 && fn !== 3 && fn !== 4) return
  const writes = fc === 5 || fc === 6 || fc === 15 || fc === 16
  if (role === 'request' && writes && address !== undefined && values)
    history.record({ unitId, fn, address, words: values, atMs, written: true })
  if (role === 'request' && written)
    history.record({ unitId, fn, ...written, words: written.values, atMs, written: true })
  if (role === 'answer' && !writes && address !== undefined && values)
    history.record({ unitId, fn, address, words: values, atMs })
}

/** Listening that a person has ended is done; that a port has vanished is not its end. */
function endOf({ end, live, bytes }: ListenResult): JobEnd {
  if (!live && bytes === 0) {
    const message = end?.reason ?? 'there are no Modbus frames in it'
    return { state: 'failed', problem: { message, action: 'Choose a pcap, a pcapng or a log of hexadecimal bytes.' } }
  }
  if (end?.complete !== false) return { state: 'done' }
  const message = end.reason ?? 'it ended early'
  if (!live) return { state: 'done', problem: { message, action: 'What could be read is shown.' } }
  return { state: 'stopped', problem: { message, action: 'Plug the adapter in again, then start again.' } }
}
