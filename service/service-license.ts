import type { FastifyBaseLogger } from 'fastify'
import type { SiteEvent } from '#contract/api.ts'
import type { LicenseState } from '#contract/license.ts'
import type { Options } from './config.ts'
import type { Clock } from './domain/clock.ts'
import { openClockFloor } from './license/clock-floor.ts'
import { noticeDays } from './license/judge-license.ts'
import type { Faults } from './runtime/faults.ts'
import { createLicensedEconomics, type LicensedEconomics } from './runtime/licensed-economics.ts'
import { type Licensing, openLicensing } from './runtime/licensing.ts'
import type { EdgeIdentity } from './runtime/identity.ts'
import type { Journal } from './storage/types.ts'

const faultKey = 'license'

/** The licences of this service, and its site with or without economics. `licensing.onChange` is for whoever runs the site. */
export async function openLicensedSite(
  parts: Parameters<typeof openServiceLicense>[0] &
    Pick<Parameters<typeof createLicensedEconomics>[0], 'commands' | 'use'>,
): Promise<{ readonly licensing: Licensing; readonly economics: LicensedEconomics } & AsyncDisposable> {
  const { options, commands, use } = parts
  const licensing = await openServiceLicense(parts)
  const economics = createLicensedEconomics({
    site: options.site,
    commands,
    obstacle: () => licensing.obstacle('economic-control'),
    use,
  })
  return { licensing, economics, [Symbol.asyncDispose]: () => licensing[Symbol.asyncDispose]() }
}

/** Opens the licences of this service, says at the start how they stand, and keeps one fault while something is to be done. */
async function openServiceLicense(parts: {
  options: Options
  identity: Pick<EdgeIdentity, 'edgeId'>
  clock: Clock
  builtAtMs: number
  faults: Faults
  journal: Pick<Journal, 'appendDurable'>
  addEvent(event: Omit<SiteEvent, 'id'>): unknown
  log: FastifyBaseLogger
}): Promise<Licensing> {
  const { options, identity, clock, builtAtMs, faults, journal, addEvent, log } = parts
  const { site, dataFolder, license, licenseKeys, licenseBypass } = options
  const free = freeBecause(options)
  const licensing = await openLicensing({
    places: {
      dataFolder,
      ...(license.path !== undefined && { file: license.path }),
      configFolder: options.root,
      environmentName: license.environment,
      environment: process.env,
    },
    keys: licenseKeys,
    edgeId: identity.edgeId,
    clock,
    floor: await openClockFloor(dataFolder, clock, builtAtMs),
    size: () => ({
      devices: site.devices.length,
      chargePoints: site.devices.filter(({ role }) => role === 'charger').length,
      grids: site.grids.length,
    }),
    free,
    bypass: licenseBypass,
    journalDurable: (record) => journal.appendDurable(record),
  })
  const state = licensing.state()
  if (licenseBypass !== undefined) log.error({ standing: state.standing }, licenseBypass)
  if (free === undefined || state.standing !== 'none')
    addEvent({ atMs: clock.nowMs(), severity: 'info', code: 'license.checked', message: state.message })

  let told: string | undefined
  function show(now: LicenseState): void {
    const fault = faultOf(now, free)
    if (fault?.message === told) return
    if (told !== undefined) faults.clear(faultKey, now.message)
    if (fault) faults.raise(faultKey, fault)
    told = fault?.message
  }
  show(state)
  licensing.onChange(show)
  return licensing
}

/** Why economic control needs no licence, or undefined. */
function freeBecause({ site, mode, desktop }: Options): string | undefined {
  if (desktop) return 'commissioning with the app needs none'
  if (mode !== 'production') return `${mode} mode needs none`
  const decides = site.economics.peakImportW !== undefined || site.devices.some(({ battery }) => battery)
  return decides ? undefined : 'this site has no battery and no peak for it to decide over'
}

function faultOf(state: LicenseState, free: string | undefined): Parameters<Faults['raise']>[1] | undefined {
  const { standing, message, daysLeft = 0, license, features } = state
  if (standing === 'bypassed')
    return { code: 'license.bypassed', severity: 'warning', message, action: 'Never run a site with this build.' }
  if (free !== undefined) return undefined
  const refused = features.find(({ feature, allowed }) => feature === 'economic-control' && !allowed)
  if (refused)
    return {
      code: 'license.missing',
      severity: 'warning',
      message: `economic control is off: ${refused.reason}`,
      action: 'Load a licence under Settings, Licence. Limits, safety control and everything else go on without it.',
    }
  const renew = 'Ask for a renewal and load it under Settings, Licence; it counts at once.'
  if (standing === 'grace') return { code: 'license.ended', severity: 'warning', message, action: renew }
  if (license && daysLeft < noticeDays)
    return {
      code: 'license.ends',
      severity: 'warning',
      message: `licence ${license.id} ends on ${new Date(license.expiresAtMs).toISOString().slice(0, 10)}`,
      action: renew,
    }
  return undefined
}
