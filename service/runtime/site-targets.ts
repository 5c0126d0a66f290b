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

/** The device as the guard sees it; its map may be replaced while the service runs. */
export function targetOf(entry: SiteDeviceEntry, site: Site, mapsConfirmed: () => string | undefined): WriteTarget {
  // What is verified stands in the site file, which does not change while this runs.
  const known = new Map<string, string | undefined>()
  const unproven = (command: string): string | undefined => {
    if (!known.has(command)) known.set(command, unverified(site, entry.config, command))
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
