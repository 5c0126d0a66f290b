import { createWriteStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Site } from '#contract/site.ts'
import type { CaptureRecorder } from '../../capture/recorder.ts'
import { type CaptureRecord, readCapture } from '../../capture/read-capture.ts'
import type { CheckedSite } from '../../configuration/check-site.ts'
import { parseSiteData } from '../../configuration/site-document.ts'
import type { ReplayFindings } from '../../deployment/checks.ts'
import type { Decision } from '../../control/types.ts'
import type { Clock } from '../../domain/clock.ts'
import type { SiteCommands } from '../../domain/site-model.ts'
import { type Controller, createController } from '../../simulation/controller.ts'
import { replay } from '../../simulation/replay.ts'
import { commandsOfSite } from '../device-view.ts'

const hourMs = 3_600_000
const weekMs = 7 * 24 * hourMs
/** Newest first, so that what time there is goes to what happened last. */
const sliceMs = 6 * hourMs
/** The service controls meanwhile: it gets every other few milliseconds, and the whole is bounded. */
const workMs = 4
const restMs = 6
const longestMs = 8_000

/** Maps of a site as the replay needs them. */
export function commandsOfChecked({ site, maps }: CheckedSite): SiteCommands {
  return commandsOfSite(
    site.devices.flatMap((config) => (maps.has(config.map) ? [{ config, map: maps.get(config.map)! }] : [])),
  )
}

/**
 * Runs the candidate on what control has seen in the last week, beside what runs now, and counts where it decides otherwise or
 * would exceed a limit. As much as fits into a few seconds, the newest first; undefined where nothing was recorded.
 */
export async function replayCandidate(options: {
  candidate: CheckedSite
  running: CheckedSite
  /** The site as the licence lets it act. */
  acting(site: Site): Site
  capture: Pick<CaptureRecorder, 'read'>
  folder: string
  clock: Clock
  signal: AbortSignal
  progress(share: number, text: string): void
}): Promise<ReplayFindings | undefined> {
  const { candidate, running, acting, capture, folder, clock, signal, progress } = options
  const file = join(folder, 'deployment-replay.jsonl.gz')
  const commands = commandsOfChecked(candidate)
  const present = createController(acting(running.site), commandsOfChecked(running))
  const nowMs = clock.nowMs()
  const startMs = clock.monotonicMs()
  const outOfTime = (): boolean => clock.monotonicMs() - startMs > longestMs
  let found: ReplayFindings | undefined
  let differingSteps = 0
  let firstDifference: string | undefined
  let violationsBefore = 0
  let violationsAfter = 0

  /** Takes the same step with what runs, to compare with: what was recorded may have been decided by yet another site. */
  const compared = (site: Site, of?: SiteCommands): Controller => {
    const controller = createController(site, of)
    const states = new Map<string, unknown>()
    return {
      initialState: controller.initialState,
      step(gridId, state, input) {
        const result = controller.step(gridId, state, input)
        if (result.violations.length > 0) violationsAfter += 1
        if (!running.site.grids.some(({ id }) => id === gridId)) return result
        const before = present.step(gridId, states.get(gridId) ?? present.initialState(gridId), input)
        states.set(gridId, before.state)
        if (before.violations.length > 0) violationsBefore += 1
        const difference = differenceOf(before.decisions, result.decisions)
        if (difference !== undefined) {
          differingSteps += 1
          firstDifference ??= `${new Date(input.atMs).toISOString()}, ${gridId}: ${difference}`.slice(0, 1000)
        }
        return result
      },
    }
  }

  async function* politely(records: AsyncIterable<CaptureRecord>): AsyncGenerator<CaptureRecord> {
    let sinceMs = clock.monotonicMs()
    for await (const record of records) {
      if (clock.monotonicMs() - sinceMs > workMs) {
        await clock.sleep(restMs, signal)
        if (outOfTime()) return
        sinceMs = clock.monotonicMs()
      }
      yield record
    }
  }

  try {
    for (let toMs = nowMs; toMs > nowMs - weekMs && !outOfTime(); toMs -= sliceMs) {
      signal.throwIfAborted()
      progress((nowMs - toMs) / weekMs, `replays ${new Date(toMs - sliceMs).toISOString().slice(0, 16)} UTC and after`)
      await pipeline(capture.read(toMs - sliceMs, toMs - 1), createWriteStream(file, { mode: 0o600 }), { signal })
      if ((await stat(file)).size === 0) continue
      const report = await replay({
        records: politely(readCapture(file)),
        parseSite: parseSiteData,
        candidate: { site: acting(candidate.site), commands },
        controller: compared,
      })
      if (report.steps === 0) continue
      found = {
        fromMs: Math.min(report.fromMs, found?.fromMs ?? Infinity),
        toMs: found?.toMs ?? report.toMs,
        steps: report.steps + (found?.steps ?? 0),
        differingSteps,
        ...(firstDifference !== undefined && { firstDifference }),
        violationsBefore,
        violationsAfter,
      }
    }
  } finally {
    await rm(file, { force: true })
  }
  return found
}

/** The first setpoint that the two do not share. */
function differenceOf(before: readonly Decision[], after: readonly Decision[]): string | undefined {
  const keyOf = ({ setpoint }: Decision): string => `${setpoint.deviceId} ${setpoint.command}`
  const was = new Map(before.map((decision) => [keyOf(decision), decision]))
  const is = new Map(after.map((decision) => [keyOf(decision), decision]))
  for (const key of new Set([...was.keys(), ...is.keys()])) {
    const [old, now] = [was.get(key)?.setpoint.value, is.get(key)?.setpoint.value]
    if (old !== now)
      return `${key}: ${now ?? 'nothing'} instead of ${old ?? 'nothing'} (${is.get(key)?.reasons[0]?.text ?? ''})`
  }
  return undefined
}
