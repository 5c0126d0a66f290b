import { readFile, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { z } from 'zod'
import { EdgeError } from '#contract/errors.ts'
import { portPath, type WorkbenchPort } from '#contract/workbench.ts'
import type { LatencyOutcome, SerialAdapter } from '#contract/workbench-scan.ts'
import { lowerLatency } from '../../commissioning/ports.ts'
import { parseBusAddress } from '../../drivers/modbus/address.ts'
import { checkedYaml } from '../checked-yaml.ts'
import { createPlugged } from './plugged.ts'
import { isMissing, replaceFile, setAside } from './text-files.ts'

export interface Ports {
  list(): Promise<WorkbenchPort[]>
  /** Throws workbench.full or workbench.folder. */
  add(path: string): Promise<void>
  /** Throws workbench.unknown or workbench.folder. */
  remove(path: string): Promise<void>
  lowerLatency(path: string): Promise<LatencyOutcome>
}

const portsFile = z.strictObject({ ports: z.array(portPath).max(50) })
const most = 50

/** The serial ports of this machine, and those that a person has typed in: ports.yaml. */
export async function openPorts(options: {
  folder: string
  /** Names of the buses of the site. */
  busNames(): readonly string[]
  trouble(message: string): void
}): Promise<Ports> {
  const { busNames } = options
  const plugged = createPlugged()
  const file = join(options.folder, 'ports.yaml')
  let manual: readonly string[] = []
  try {
    manual = checkedYaml(portsFile, await readFile(file, 'utf8'), file, 'workbench.folder').ports
  } catch (error) {
    if (!isMissing(error)) await setAside(file, error, options.trouble)
  }

  async function keep(next: readonly string[]): Promise<void> {
    await replaceFile(file, `# Serial ports that were typed in.\n${stringify({ ports: next })}`)
    manual = next
  }

  async function holders(): Promise<ReadonlyMap<string, string>> {
    const held = new Map<string, string>()
    for (const name of busNames()) {
      const address = parseBusAddress(name)
      if (address.kind === 'rtu') held.set(await real(address.path), name)
    }
    return held
  }

  async function list(): Promise<WorkbenchPort[]> {
    const [adapters, held] = await Promise.all([plugged.adapters(), holders()])
    const known = new Map<string, WorkbenchPort>()
    for (const adapter of adapters) {
      const place = await real(adapter.path)
      known.set(place, { ...adapter, present: true, manual: false, heldAs: held.get(place) ?? null })
    }
    for (const path of manual) {
      const place = await real(path)
      const listed = known.get(place)
      if (listed) known.set(place, { ...listed, manual: true })
      else {
        const found = await plugged.other(path)
        known.set(place, {
          ...(found ?? absent(path)),
          path,
          present: found !== undefined,
          manual: true,
          heldAs: held.get(place) ?? null,
        })
      }
    }
    return [...known.values()]
  }

  return {
    list,
    async lowerLatency(path) {
      const known = (await list()).some((port) => port.path === path && port.present)
      if (!known) throw new EdgeError('workbench.unknown', `there is no port ${path}`)
      const outcome = await lowerLatency(path)
      plugged.forget()
      return outcome
    },
    async add(path) {
      if (manual.includes(path)) return
      if (manual.length >= most) throw new EdgeError('workbench.full', `${most} paths are kept already`)
      await keep([...manual, path])
    },
    async remove(path) {
      if (!manual.includes(path)) throw new EdgeError('workbench.unknown', `${path} was not typed in`)
      await keep(manual.filter((other) => other !== path))
    },
  }
}

const real = (path: string): Promise<string> => realpath(path).catch(() => path)

const absent = (path: string): SerialAdapter => ({
  path,
  byIdPath: null,
  kind: 'terminal',
  vendorId: null,
  productId: null,
  vendor: null,
  product: null,
  serial: null,
  driver: null,
  settings: null,
  latencyMs: null,
})
