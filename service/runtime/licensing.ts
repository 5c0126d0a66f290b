import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Principal } from '#contract/access.ts'
import { EdgeError } from '#contract/errors.ts'
import type { LicenseFeature, LicenseKey, LicenseLimit, LicenseStanding, LicenseState } from '#contract/license.ts'
import type { Clock } from '../domain/clock.ts'
import type { ClockFloor } from '../license/clock-floor.ts'
import { type Judgement, judgeLicense, nextChangeMs } from '../license/judge-license.ts'
import { findLicenses, type LicensePlaces, uploadedName, withoutLineEnd } from '../license/sources.ts'
import { writePrivateFile } from '../license/private-file.ts'
import { licenseStateOf, type LookedAt } from './license-state.ts'

/** What this edge may do beyond what is free, looked at again whenever that may have changed. Never stops safety control (S8). */
export interface Licensing extends AsyncDisposable {
  state(): LicenseState
  /** Why a feature is refused at present, or undefined. */
  obstacle(feature: LicenseFeature): string | undefined
  /** Keeps a licence and uses it at once. Rejects with license.refused; nothing has changed then. */
  load(text: string, principal: Principal): Promise<LicenseState>
  /** Forgets the one that the app has loaded. */
  unload(principal: Principal): Promise<LicenseState>
  /** Calls back after each change of what is allowed or said. */
  onChange(listener: (state: LicenseState) => void): void
}

export interface LicensingOptions {
  readonly places: LicensePlaces
  readonly keys: readonly LicenseKey[]
  readonly edgeId: string
  readonly clock: Clock
  readonly floor: ClockFloor
  /** How large the site is. */
  readonly size: () => Readonly<Record<LicenseLimit, number>>
  /** Why economic control needs no licence here, such as in simulation; undefined where it does. */
  readonly free: string | undefined
  /** Why everything is allowed without a licence; never in a production build. */
  readonly bypass: string | undefined
  journalDurable(record: { kind: 'license'; principal: string; detail: string }): Promise<unknown>
}

/** Files are looked at again so often: one that was put beside the configuration counts without a restart. */
const lookEveryMs = 3_600_000

const rank: Readonly<Record<LicenseStanding, number>> = {
  valid: 0,
  grace: 1,
  'not-yet': 2,
  ended: 3,
  refused: 4,
  none: 5,
  bypassed: 5,
}

const nameOf = ({ name, address }: Principal): string => `${name} (${address})`

export async function openLicensing(options: LicensingOptions): Promise<Licensing> {
  const { places, keys, edgeId, clock, floor, journalDurable } = options
  const listeners = new Set<(state: LicenseState) => void>()
  const end = new AbortController()
  const uploaded = join(places.dataFolder, uploadedName)
  let looked: readonly LookedAt[] = []
  let told = ''

  const judge = (text: string): Judgement => judgeLicense(text, { keys, edgeId, nowMs: floor.now().nowMs })

  const state = (): LicenseState => licenseStateOf(options, looked)

  function tell(): LicenseState {
    const now = state()
    const text = JSON.stringify(now)
    if (text !== told) for (const listener of listeners) listener(now)
    told = text
    return now
  }

  async function look(): Promise<LicenseState> {
    const all = (await findLicenses(places)).map((found): LookedAt => {
      const { problem, text } = found
      return { found, judgement: problem === undefined ? judge(text) : { standing: 'refused', message: problem } }
    })
    // Sorting is stable: of equal ones, the first place counts.
    looked = all.toSorted((a, b) => rank[a.judgement.standing] - rank[b.judgement.standing])
    return tell()
  }

  async function keepLooking(): Promise<void> {
    const { signal } = end
    while (!signal.aborted) {
      const { nowMs } = floor.now()
      const payload = looked[0]?.judgement.signed?.payload
      const changeMs = payload ? nextChangeMs(payload, nowMs) : Infinity
      await clock.sleep(Math.min(lookEveryMs, Math.max(1, changeMs - nowMs)), signal)
      await floor.remember()
      await look()
    }
  }

  await look()
  const looking = keepLooking().catch(() => undefined)

  return {
    state,
    obstacle: (feature) => state().features.find((one) => one.feature === feature && !one.allowed)?.reason,
    async load(text, principal) {
      const line = withoutLineEnd(text)
      const { standing, message, signed } = judge(line)
      if (!signed || (standing !== 'valid' && standing !== 'grace')) throw new EdgeError('license.refused', message)
      const { id, owner } = signed.payload
      await journalDurable({ kind: 'license', principal: nameOf(principal), detail: `loads licence ${id} of ${owner}` })
      await writePrivateFile(uploaded, `${line}\n`)
      return look()
    },
    async unload(principal) {
      await journalDurable({ kind: 'license', principal: nameOf(principal), detail: 'removes the loaded licence' })
      await rm(uploaded, { force: true })
      return look()
    },
    onChange: (listener) => void listeners.add(listener),
    async [Symbol.asyncDispose]() {
      end.abort()
      await looking
    },
  }
}
