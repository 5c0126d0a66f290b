import { createHash } from 'node:crypto'
import { readFile, readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

/**
 * What tells this machine from another one, as far as it can be read. Hashed: the identity of a machine is nobody else's business.
 * A copied memory card brings its machine ID along, so that board and network adapters are looked at too.
 */
export const machine = z.strictObject({
  machineId: z.string().optional(),
  board: z.string().optional(),
  adapters: z.array(z.string()).max(32),
})
export type Machine = z.infer<typeof machine>

const hashed = (text: string): string => createHash('sha256').update(`r-ems ${text.trim()}`).digest('hex').slice(0, 16)

async function firstOf(...files: string[]): Promise<string | undefined> {
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => '')
    // A board without a number says 0, or one character again and again.
    if (!/^(.?)\1*$/.test(text.replaceAll(/[^0-9a-z]/gi, ''))) return hashed(text.replaceAll('\0', ''))
  }
  return undefined
}

/** Addresses of adapters that are part of the machine; those that are plugged in or virtual come and go. */
async function adapters(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [])
  const found = await Promise.all(
    names.map(async (name) => {
      const device = await readlink(join(folder, name, 'device')).catch(() => undefined)
      const place = await readlink(join(folder, name)).catch(() => '')
      return device === undefined || place.includes('/usb') ? undefined : firstOf(join(folder, name, 'address'))
    }),
  )
  return found.filter((address) => address !== undefined).toSorted()
}

/** `root` is / but in tests. */
export async function thisMachine(root = '/'): Promise<Machine> {
  const machineId = await firstOf(join(root, 'etc/machine-id'), join(root, 'var/lib/dbus/machine-id'))
  const board = await firstOf(
    join(root, 'proc/device-tree/serial-number'),
    join(root, 'sys/class/dmi/id/product_uuid'),
    join(root, 'sys/class/dmi/id/board_serial'),
  )
  return {
    ...(machineId !== undefined && { machineId }),
    ...(board !== undefined && { board }),
    adapters: await adapters(join(root, 'sys/class/net')),
  }
}

/** What differs, in words, or undefined. What is not known on either side does not count. */
export function machineDiffers(before: Machine, now: Machine): string | undefined {
  const other = (a: string | undefined, b: string | undefined): boolean => a !== undefined && b !== undefined && a !== b
  if (other(before.board, now.board)) return 'another board'
  if (other(before.machineId, now.machineId)) return 'another machine ID'
  const both = before.adapters.length > 0 && now.adapters.length > 0
  if (both && !before.adapters.some((address) => now.adapters.includes(address))) return 'other network adapters'
  return undefined
}
