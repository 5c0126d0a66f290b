import type { SerialSettings } from '#contract/workbench-scan.ts'
import type { SerialAddress } from '../../drivers/modbus/address.ts'
import type { ReadOnlyBus } from '../../drivers/modbus/bus.ts'
import { characterMs } from '../../drivers/modbus/serial-port.ts'
import type { Clock } from '../../domain/clock.ts'
import { likelySettings, likelyUnitIds, settingsText } from './likely.ts'
import { createLineAsker } from './line-asker.ts'
import type { LineWatch } from './line-watch.ts'
import { deadMs, isPath, question } from './unit-sweep.ts'

export interface SettingsSweepOptions {
  readonly path: string
  readonly watch: LineWatch
  readonly createBus: (address: SerialAddress) => ReadOnlyBus
  readonly clock: Clock
  readonly signal: AbortSignal
  onProgress(done: number, total: number, leftMs: number, text: string): void
}

interface Effort {
  readonly requests: number
  /** The least that the same questions take, in ms. */
  readonly floorMs: number
}

export type SettingsFound =
  | ({ readonly found: true; readonly settings: SerialSettings; readonly unitId: number } & Effort)
  | ({ readonly found: false; readonly closed?: string } & Effort)

/** The facts behind a ranked sweep: eight settings times this many IDs end within half a minute. */
const idsPerSettings = 14
const waitMs = 200
const listenAgainMs = 300
/** Damaged bytes so often are somebody's talk, not the answer to a question at another rate. */
const mostDamaged = 3

/**
 * Finds the settings of a line on which nobody speaks, by asking: the likeliest ID at all settings first, then the others.
 * A damaged answer at the wrong rate can pass for a right one by chance, so that two are needed.
 */
export async function sweepSettings(options: SettingsSweepOptions): Promise<SettingsFound> {
  const { watch, clock, signal, path } = options
  const unitIds = likelyUnitIds.slice(0, idsPerSettings)
  const rounds = [unitIds.slice(0, 1), unitIds.slice(1)]
  const total = likelySettings.length * unitIds.length
  const costMs = (settings: SerialSettings): number => waitMs + deadMs(characterMs({ kind: 'rtu', path, ...settings }))
  const meanMs = likelySettings.reduce((sum, settings) => sum + costMs(settings), 0) / likelySettings.length
  let done = 0
  let requests = 0
  let floorMs = 0
  let damagedTimes = 0

  for (const round of rounds) {
    for (const settings of likelySettings) {
      await using bus = options.createBus({ kind: 'rtu', path, ...settings })
      const asker = createLineAsker({ bus, watch, clock, signal })
      for (const unitId of round) {
        options.onProgress(done, total, Math.round((total - done) * meanMs), settingsText(settings))
        done++
        const { answer, damaged } = await asker.look(unitId, question, waitMs)
        requests++
        floorMs += costMs(settings)
        if (watch.foreign !== undefined || signal.aborted) return { found: false, requests, floorMs }
        if (answer.kind === 'failed' && (answer.failure === 'closed' || answer.failure === 'refused'))
          return { found: false, closed: answer.reason, requests, floorMs }
        if (answer.kind !== 'failed') {
          const second = await asker.look(unitId, question, waitMs)
          requests++
          if (second.answer.kind === answer.kind && !isPath(answer))
            return { found: true, settings, unitId, requests, floorMs }
        }
        if (!damaged) continue
        if (++damagedTimes >= mostDamaged || !(await asker.listen(listenAgainMs))) watch.accuse()
        if (watch.foreign !== undefined) return { found: false, requests, floorMs }
      }
    }
  }
  return { found: false, requests, floorMs }
}
