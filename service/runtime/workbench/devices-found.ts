import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { EdgeError } from '#contract/errors.ts'
import { type AcceptedDevice, type FoundDevice, foundDevices } from '#contract/workbench.ts'
import { checkedYaml } from '../checked-yaml.ts'
import { isMissing, replaceFile, setAside } from './text-files.ts'

/** Units that a person accepted as devices of the site: devices-found.yaml, for people and for git. */
export interface DevicesFound {
  list(): readonly AcceptedDevice[]
  /** Replaces what was accepted for the same unit. Throws workbench.full or workbench.folder. */
  accept(device: FoundDevice, by: string, atMs: number): Promise<void>
  /** Throws workbench.unknown. */
  forget(bus: string, unitId: number): Promise<void>
}

const most = 2000

/** A file that was edited into something else is set aside, so that nothing in it is lost. */
export async function openDevicesFound(folder: string, trouble: (message: string) => void): Promise<DevicesFound> {
  const file = join(folder, 'devices-found.yaml')
  let devices: readonly AcceptedDevice[] = []
  try {
    devices = checkedYaml(foundDevices, await readFile(file, 'utf8'), file, 'workbench.folder').devices
  } catch (error) {
    if (!isMissing(error)) await setAside(file, error, trouble)
  }
  let saving: Promise<unknown> = Promise.resolve()

  function change(update: () => readonly AcceptedDevice[]): Promise<void> {
    const saved = saving.then(async () => {
      const sorted = update().toSorted((a, b) => a.bus.localeCompare(b.bus) || a.unitId - b.unitId)
      const text = stringify(foundDevices.parse({ devices: sorted }))
      await replaceFile(file, `# Devices found with the workbench and accepted by a person.\n${text}`)
      devices = sorted
      return undefined
    })
    saving = saved.catch(() => undefined)
    return saved
  }

  const others = (bus: string, unitId: number): AcceptedDevice[] =>
    devices.filter((device) => device.bus !== bus || device.unitId !== unitId)

  return {
    list: () => devices,
    accept: (device, by, atMs) =>
      change(() => {
        const rest = others(device.bus, device.unitId)
        if (rest.length >= most) throw new EdgeError('workbench.full', `${most} devices are kept already`)
        return [...rest, { ...device, acceptedAt: new Date(atMs).toISOString(), acceptedBy: by }]
      }),
    forget: (bus, unitId) =>
      change(() => {
        const rest = others(bus, unitId)
        if (rest.length === devices.length) throw new EdgeError('workbench.unknown', `unit ${unitId} was not accepted`)
        return rest
      }),
  }
}
