import { z } from 'zod'
import { networkScan, registerScan, scanCandidate, serialSettings, unitScan } from './workbench-scan.ts'
import { listenResult } from './workbench-listen.ts'

const ms = (title: string) => z.number().min(0).meta({ title, unit: 'ms' })
const sentence = z.string().max(1000)

/** The search for the settings of a line. Only what answered twice with a correct checksum counts as found. */
export const settingsSearch = z.strictObject({
  kind: z.literal('settings'),
  port: z.string(),
  found: serialSettings.nullable(),
  /** heard: from traffic that was there; asked: units answered. */
  by: z.enum(['heard', 'asked']).nullable(),
  /** In the order in which they were tried, the likeliest first. */
  tried: z.array(
    z.strictObject({
      settings: serialSettings,
      outcome: z.enum(['found', 'silent', 'damaged', 'not-tried', 'now']),
      text: sentence,
    }),
  ),
  elapsedMs: ms('Gone'),
  /** What was heard before the first question. */
  heard: sentence,
  /** Why it found nothing, or did not ask. */
  reason: sentence.nullable(),
  notes: z.array(sentence),
})
export type SettingsSearch = z.infer<typeof settingsSearch>

/** What units are, asked again and in full. */
export const identification = z.strictObject({
  kind: z.literal('identify'),
  bus: z.string(),
  units: z.array(
    z.strictObject({
      unitId: z.number().int().min(0).max(255),
      /** Why nobody is there; null when somebody is. */
      silent: sentence.nullable(),
      /** Likeliest first. */
      candidates: z.array(scanCandidate),
    }),
  ),
})
export type Identification = z.infer<typeof identification>

/** What a job has found so far. */
export const workbenchResult = z.discriminatedUnion('kind', [
  listenResult,
  settingsSearch,
  unitScan,
  networkScan,
  registerScan,
  identification,
])
export type WorkbenchResult = z.infer<typeof workbenchResult>
