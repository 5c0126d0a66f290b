import type { Device } from '#contract/api.ts'
import type { WantedWrite } from '#contract/bus.ts'

/** The unit that is written to. */
export interface WriteTarget {
  readonly bus: string
  readonly unitId: number
  /** As the ledger names it: of the site, or its place. */
  readonly deviceId: string
  readonly name: string
  /** That its map declares; none where it has no map. */
  readonly commands: Device['commands']
}

/** The dialog for a command begins with this. */
export function commandStart({ map, commands }: Pick<Device, 'map' | 'commands'>): WantedWrite | undefined {
  const [first] = commands
  return (
    first && {
      kind: 'command',
      map,
      command: first.name as (WantedWrite & { kind: 'command' })['command'],
      value: 0,
    }
  )
}

/** The dialog for a register begins with what it reads, and lets nothing else through: limits are typed in. */
export function registerStart(address: number, word: number, map: string | undefined): WantedWrite {
  return {
    kind: 'register',
    armed: true,
    address,
    fn: 6,
    type: 'uint16',
    wordOrder: 'big',
    byteOrder: 'big',
    scale: 1,
    value: word,
    min: word,
    max: word,
    ...(map !== undefined && { map }),
  }
}
