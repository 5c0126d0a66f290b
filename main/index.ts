import { app, BrowserWindow, ipcMain, protocol, session } from 'electron'
import { join } from 'node:path'
import { channels } from '../preload/channels.ts'
import { browse } from '../service/trust/mdns.ts'
import { createAppHandler } from './app-protocol.ts'
import { builtAtMs } from './built-at.ts'
import { confineToEdges, handleEdges, systemKeyStore } from './edge-ipc.ts'
import { createEdgeManager } from '../service/trust/edges/edge-manager.ts'
import { openEdgeStore } from '../service/trust/edges/edge-store.ts'
import { installMenu } from './menu.ts'
import { serviceProgram } from './paths.ts'
import { hardenContents, hardenSession, isTrustedSender } from './security.ts'
import { superviseService } from './service.ts'
import { createServiceLog } from './service-log.ts'
import { createWindow, focusWindow, loadApp } from './window.ts'

const logBytes = 1_000_000
const browseMs = 2_000
const developer = !app.isPackaged

protocol.registerSchemesAsPrivileged([
  { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true } },
])
app.on('web-contents-created', (_event, contents) => hardenContents(contents))
app.on('window-all-closed', () => app.quit())

if (app.requestSingleInstanceLock()) {
  app.on('second-instance', () => {
    for (const window of BrowserWindow.getAllWindows()) focusWindow(window)
  })
  void app.whenReady().then(run)
} else {
  app.quit()
}

function run(): void {
  hardenSession(session.defaultSession)
  const edges = createEdgeManager({
    store: openEdgeStore(join(app.getPath('userData'), 'edges.json'), systemKeyStore()),
    nowMs: () => Date.now(),
    builtAtMs,
    browse: () => browse(AbortSignal.timeout(browseMs)),
  })
  confineToEdges(session.defaultSession, edges)
  handleEdges(ipcMain, edges)
  protocol.handle('app', createAppHandler(join(app.getAppPath(), 'out/renderer')))
  installMenu({ developer })
  // The window first: whatever fails after this is shown in it.
  const window = createWindow({ developer })
  const service = startService(window)
  ipcMain.handle(channels.service, (event) => {
    if (!isTrustedSender(event)) throw new Error('refused: not the app’s own page')
    return service.state()
  })
  loadApp(window)

  app.on('will-quit', (event) => {
    event.preventDefault()
    // Not quit(): inside this event it would be forgotten. All windows are closed by now, so exit() cuts nothing off.
    void service.stop().finally(() => app.exit())
  })
}

function startService(window: BrowserWindow) {
  const { node, folder, entry } = serviceProgram({
    packaged: app.isPackaged,
    appPath: app.getAppPath(),
    resourcesPath: process.resourcesPath,
    platform: process.platform,
    arch: process.arch,
  })
  const dataFolder = join(app.getPath('userData'), 'service')
  return superviseService({
    command: {
      program: node,
      args: [entry, 'run', '--demo', '--desktop', '--ready-json', '--port', '0', '--data-dir', dataFolder],
      cwd: folder,
    },
    log: createServiceLog(join(app.getPath('userData'), 'logs/service.log'), logBytes),
    onState: (state) => {
      if (!window.isDestroyed()) window.webContents.send(channels.serviceChanged, state)
    },
  })
}
