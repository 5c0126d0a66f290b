import { EdgeError } from '#contract/errors.ts'
import { safeSetpoint } from '../../control/limits.ts'
import type { ArmedBus } from '../../drivers/modbus/bus.ts'
import type { SunspecModels } from '../../pointmap/sunspec/models.ts'
import { bindMap } from '../bind-map.ts'
import type { Guard } from '../guard.ts'
import type { Outputs, WrittenCommand } from '../outputs.ts'
import type { SiteDeviceEntry } from '../site-runtime.ts'
import { readRelease } from './release-state.ts'

const anyValue = { tier: 'safety', rule: 'lease', text: 'the bus is lent' } as const
const unlimited = { min: -Infinity, max: Infinity, minRule: anyValue, maxRule: anyValue }

export interface Relinquish {
  /**
   * Stops control of these devices and gives it back, proven by reading back. Resolves to the devices that had been
   * written to. Throws workbench.refused, with control going on as before, when a device is not proven to be safe.
   */
  give(deviceIds: readonly string[], reason: string): Promise<readonly string[]>
  takeBack(deviceIds: readonly string[]): void
}

/** Brings devices to a state in which they can be left alone. */
export function createRelinquish(options: {
  entries: readonly SiteDeviceEntry[]
  buses: ReadonlyMap<string, ArmedBus>
  guard: Pick<Guard, 'write' | 'release'>
  outputs: Pick<Outputs, 'pause' | 'unpause'>
  sunspecModels(): SunspecModels
}): Relinquish {
  const { entries, buses, guard, outputs, sunspecModels } = options

  /** Why a device is not known to be safe, or undefined. */
  async function settle({ deviceId, command }: WrittenCommand, reason: string): Promise<string | undefined> {
    const entry = entries.find(({ config }) => config.id === deviceId)
    const declared = entry?.map.map.commands[command]
    if (!entry || !declared) return `${deviceId} has no command ${command} any more`
    const { safeValue, release = [] } = declared
    if (safeValue !== 'release') {
      const setpoint = safeSetpoint(deviceId, command, safeValue, true, unlimited)
      const { outcome, reason: why } = await guard.write(setpoint, reason, false)
      // In dry run nothing was ever sent.
      if (outcome === 'recorded') return undefined
      if (outcome !== 'confirmed')
        return `${deviceId} was not read back at ${safeValue} ${declared.unit}: ${why ?? outcome}`
    }
    if (release.length === 0) return undefined
    const { outcome, reason: why } = await guard.release(deviceId, command, reason)
    if (outcome === 'confirmed') return undefined
    if (outcome !== 'written') return `${deviceId} was not released: ${why ?? outcome}`
    return readBack(entry, command)
  }

  /** Reads what a release has written; registers that cannot be computed beforehand are left to the device's answer. */
  async function readBack(entry: SiteDeviceEntry, command: string): Promise<string | undefined> {
    const unit = buses.get(entry.bus)?.unit(entry.config.unitId)
    if (!unit) return `${entry.config.id} is on no bus`
    const bound = await bindMap(entry.map, unit, sunspecModels())
    const { problem } = await readRelease(bound, unit, command)
    return problem === undefined ? undefined : `${entry.config.id} was released, but ${problem}`
  }

  return {
    async give(deviceIds, reason) {
      const written = await outputs.pause(deviceIds, reason)
      const problems = await Promise.all(written.map((one) => settle(one, reason)))
      const problem = problems.find((text) => text !== undefined)
      if (problem !== undefined) {
        outputs.unpause(deviceIds)
        throw new EdgeError('workbench.refused', `the bus stays with control: ${problem}`)
      }
      return [...new Set(written.map(({ deviceId }) => deviceId))]
    },
    takeBack: (deviceIds) => outputs.unpause(deviceIds),
  }
}
