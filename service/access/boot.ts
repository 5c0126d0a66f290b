import { readFileSync } from 'node:fs'
import { uptime } from 'node:os'

export interface Boot {
  /** Changes with every start of the machine. */
  readonly id: string
  readonly uptimeMs: number
}

/** Linux gives every boot an ID; elsewhere the time of the boot, to ten minutes, has to do. */
export function thisBoot(): Boot {
  const uptimeMs = uptime() * 1000
  try {
    return { id: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(), uptimeMs }
  } catch {
    return { id: `boot-${Math.round((Date.now() - uptimeMs) / 600_000)}`, uptimeMs }
  }
}
