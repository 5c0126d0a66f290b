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
  edges: {
    list: () => ipcRenderer.invoke(channels.edgesList),
    discover: () => ipcRenderer.invoke(channels.edgesDiscover),
    addByAddress: (address) => ipcRenderer.invoke(channels.edgesAddByAddress, address),
    pair: (pairing) => ipcRenderer.invoke(channels.edgesPair, pairing),
    remove: (id) => ipcRenderer.invoke(channels.edgesRemove, id),
    connect: (id) => ipcRenderer.invoke(channels.edgesConnect, id),
  },
}

contextBridge.exposeInMainWorld('desktop', desktop)
