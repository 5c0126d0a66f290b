import type { Desktop, ServiceState } from '#contract/desktop.ts'
import { contextBridge, ipcRenderer, type IpcRendererEvent } from 'electron'
import { channels } from './channels.ts'

const desktop: Desktop = {
  versions: { electron: process.versions.electron, chrome: process.versions.chrome },
  service: () => ipcRenderer.invoke(channels.service),
  onService(listener) {
    // The event carries the sender with all its abilities: it stays on this side.
    const forward = (_event: IpcRendererEvent, state: ServiceState) => listener(state)
    ipcRenderer.on(channels.serviceChanged, forward)
    return () => ipcRenderer.off(channels.serviceChanged, forward)
  },
}

contextBridge.exposeInMainWorld('desktop', desktop)
