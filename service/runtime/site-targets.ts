import type { Device as DeviceView } from '#contract/api.ts'
import type { ArmedState } from '#contract/control.ts'
import type { Site } from '#contract/site.ts'
import type { Clock } from '../domain/clock.ts'
import { commandsOf } from './device-view.ts'
import type { Guard, WriteTarget } from './guard.ts'
import { unsafeForEver } from './held-for-ever.ts'
import type { OutputTarget } from './outputs.ts'
import type { SiteDeviceEntry } from './site-runtime.ts'
import { unverified } from './verified.ts'

/** The device as the guard sees it; its map, and what is verified for the site, may change while the service runs. */
export function targetOf(
  entry: SiteDeviceEntry,
  siteNow: () => Site,
  mapsConfirmed: () => string | undefined,
): WriteTarget {
  // Asked for every setpoint in every cycle, and the same as long as the site is.
  const known = new Map<string, string | undefined>()
  let knownOf: Site | undefined
  const unproven = (command: string): string | undefined => {
    const site = siteNow()
    if (site !== knownOf) known.clear()
    knownOf = site
    if (!known.has(command)) {
      const device = site.devices.find(({ id }) => id === entry.config.id) ?? entry.config
      known.set(command, unverified(site, device, command))
    }
    return known.get(command)
  }
  return {
    device: entry.device,
    simulated: entry.simulated,
    get commands() {
      return commandsOf(entry.map)
    },
    unverified: (command) => unproven(command) ?? mapsConfirmed(),
    unsafeForEver(command, value) {
      const declared = commandsOf(entry.map).get(command)
      return declared && unsafeForEver(command, declared, value, entry.config)
    },
  }
}

export function outputTargetOf(entry: SiteDeviceEntry, clock: Clock): OutputTarget {
  const { config, device } = entry
  return {
    name: config.name,
    role: config.role,
    command: (name) => commandsOf(entry.map).get(name),
    measured(point, notOlderThanMs) {
      const reading = device.readings().get(point)
      const usable = reading?.quality === 'good' && clock.monotonicMs() - reading.monotonicMs <= notOlderThanMs
      return usable && typeof reading.value === 'number' ? reading.value : undefined
    },
  }
}

export function manualTargetsOf(entry: SiteDeviceEntry, view: DeviceView, guard: Guard): ArmedState['targets'] {
  const { id, name } = entry.config
  const reason = guard.notByHand(id, entry.simulated)
  return view.commands.map(({ name: command, ...declared }) => ({
    deviceId: id,
    deviceName: name,
    command,
    ...declared,
    allowed: reason === undefined,
    ...(reason !== undefined && { reason }),
  }))
}
