import { readdir, stat } from 'node:fs/promises'
import type { SerialAdapter } from '#contract/workbench-scan.ts'
import { adapterAt, listAdapters } from '../../commissioning/ports.ts'

/** What is known of the ports of this machine. */
export interface Plugged {
  adapters(): Promise<readonly SerialAdapter[]>
  /** A port that is not among them; undefined when there is none. */
  other(path: string): Promise<SerialAdapter | undefined>
  /** Something was set that the ports say of themselves. */
  forget(): void
}

/**
 * Whoever asks a port for its settings opens it, which switches its control lines: on some adapters those are the
 * transmitter. So each is asked once per time that it is plugged in, however often the list is shown.
 */
export function createPlugged(): Plugged {
  let known: { readonly names: string; readonly adapters: Promise<readonly SerialAdapter[]> } | undefined
  const others = new Map<string, { readonly mark: string; readonly adapter: Promise<SerialAdapter | undefined> }>()

  return {
    async adapters() {
      // Elsewhere than on Linux the system is asked, and no port is opened.
      if (process.platform !== 'linux') return listAdapters()
      const folders = ['/sys/class/tty', '/dev/serial/by-id']
      const found = await Promise.all(folders.map((folder) => readdir(folder).catch((): string[] => [])))
      const names = found.flat().toSorted().join(' ')
      if (known?.names !== names) known = { names, adapters: listAdapters() }
      return known.adapters
    },
    async other(path) {
      const entry = await stat(path).catch(() => undefined)
      if (!entry) {
        others.delete(path)
        return undefined
      }
      const mark = `${entry.dev} ${entry.ino} ${entry.rdev}`
      let one = others.get(path)
      if (one?.mark !== mark) others.set(path, (one = { mark, adapter: adapterAt(path) }))
      return one.adapter
    },
    forget() {
      known = undefined
      others.clear()
    },
  }
}
