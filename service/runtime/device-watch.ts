import type { LinkState } from '#contract/api.ts'
import type { SiteDevice } from '#contract/site-device.ts'
import type { Device } from '../drivers/driver.ts'
import type { Faults } from './faults.ts'

/** Turns changes of the link state into faults and events; repetitions stay silent. */
export function createDeviceWatch(
  devices: readonly { device: Device; config: SiteDevice }[],
  faults: Faults,
  /** A device that was silent answers again. */
  returned: (deviceId: string) => void,
): () => void {
  const last = new Map<string, LinkState>()
  const away = new Set<string>()
  return () => {
    for (const { device, config } of devices) {
      const { state, reason } = device.link()
      if (last.get(device.id) === state) continue
      last.set(device.id, state)
      const key = `device.${device.id}`
      if (state === 'silent') {
        away.add(device.id)
        faults.raise(key, {
          code: 'device.silent',
          severity: 'error',
          message: `${config.name} does not answer${reason ? `: ${reason}` : ''}`,
          action: `Check power, cable and address (${config.connection}, unit ${config.unitId}).`,
          deviceId: device.id,
        })
      } else if (state === 'online') {
        faults.clear(key, `${config.name} answers again`)
        if (away.delete(device.id)) returned(device.id)
      }
    }
  }
}
