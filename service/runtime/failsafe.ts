import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { type FailsafeEntry, failsafeProof } from '#contract/control.ts'
import type { MapCommand } from '#contract/point-map.ts'
import { renewalMs } from './renewal.ts'
import { replaceFile } from './workbench/text-files.ts'

/**
 * failsafe-proofs.json in the data folder: which device was seen to fall back, keyed by device and command, with the hash of the map
 * that it was proven with. Another map is not proven.
 */
const fileName = 'failsafe-proofs.json'
const proofs = z.record(z.string(), z.strictObject({ mapHash: z.string(), proof: failsafeProof }))
type Proofs = z.infer<typeof proofs>

export const proofKey = (deviceId: string, command: string): string => `${deviceId} ${command}`

/** What was proven; nothing when there is no file, or none that can be read. */
export function loadProofs(folder: string): Proofs {
  try {
    return proofs.parse(JSON.parse(readFileSync(join(folder, fileName), 'utf8')))
  } catch {
    return {}
  }
}

/** Keeps what was seen, beside what was seen before. Throws workbench.folder. */
export async function saveProof(
  folder: string,
  key: string,
  proof: Extract<z.infer<typeof failsafeProof>, { state: 'proven' }>,
  mapHash: string,
): Promise<void> {
  const known: Proofs = { ...loadProofs(folder), [key]: { mapHash, proof } }
  await replaceFile(join(folder, fileName), `${JSON.stringify(known, undefined, 2)}\n`)
}

export interface FailsafeDevice {
  readonly id: string
  readonly name: string
  readonly mapHash: string
  readonly commands: ReadonlyMap<string, MapCommand>
}

/** What each device does with each of its setpoints when R-EMS stops, as its map says. */
export function failsafeOf(
  devices: readonly FailsafeDevice[],
  known: Proofs,
  valueNow: (deviceId: string, command: string) => number | undefined,
): FailsafeEntry[] {
  return devices.flatMap(({ id, name, mapHash, commands }) =>
    [...commands].map(([command, declared]): FailsafeEntry => {
      const { expiry, unit, title = command } = declared
      const value = valueNow(id, command)
      const renewedEveryMs = renewalMs(declared)
      const proven = known[proofKey(id, command)]
      return {
        deviceId: id,
        deviceName: name,
        command,
        title,
        unit,
        kind: expiry.kind,
        ...(expiry.kind !== 'none' && { afterS: expiry.seconds }),
        fallback: fallbackOf(declared),
        ...(value !== undefined && { valueNow: value }),
        ...(Number.isFinite(renewedEveryMs) && { renewedEveryS: renewedEveryMs / 1000 }),
        text: sentence(declared, value),
        proof: proven?.mapHash === mapHash ? proven.proof : { state: 'not-proven' },
      }
    }),
  )
}

function fallbackOf({ expiry, safeValue, unit }: MapCommand): string {
  if (expiry.kind !== 'none') return expiry.fallback
  return safeValue === 'release'
    ? 'it keeps what it was told last; only values that are safe for ever are written'
    : `it keeps what it was told last; only values as safe as ${safeValue} ${unit} are written`
}

function sentence(command: MapCommand, value: number | undefined): string {
  const { expiry, unit } = command
  const now = value === undefined ? '' : `${Math.round(value * 10) / 10} ${unit}`.trim()
  if (expiry.kind === 'none') return `If R-EMS stops: ${now === '' ? '' : `${now} for ever; `}${fallbackOf(command)}.`
  const until = now === '' ? '' : `${now} for at most ${expiry.seconds} s, then `
  return `If R-EMS stops: ${until}${expiry.fallback}${now === '' ? ` after at most ${expiry.seconds} s` : ''}.`
}
