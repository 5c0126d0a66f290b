import { BrowserWindow, nativeTheme } from 'electron'
import { join } from 'node:path'
import { appOrigin } from './security.ts'

const reloadDelayMs = 1_000

/** The app's one window. It stays hidden until its first picture is drawn. */
export function createWindow({ developer }: { developer: boolean }): BrowserWindow {
  const window = new BrowserWindow({
    width: 1440,
    height: 900,
    minWidth: 960,
    minHeight: 600,
    show: false,
    autoHideMenuBar: true,
    backgroundColor: nativeTheme.shouldUseDarkColors ? '#15181c' : '#f4f5f6',
    webPreferences: {
      preload: join(import.meta.dirname, '../preload/index.cjs'),
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      allowRunningInsecureContent: false,
      experimentalFeatures: false,
      webviewTag: false,
      navigateOnDragDrop: false,
      spellcheck: false,
      devTools: developer,
    },
  })
  window.once('ready-to-show', () => window.show())
  // A crashed page is loaded again: the service runs on without it, so nothing is lost but the picture.
  window.webContents.on('render-process-gone', (_event, { reason }) => {
    if (reason === 'clean-exit') return
    setTimeout(() => {
      if (!window.isDestroyed()) window.webContents.reload()
    }, reloadDelayMs)
  })
  return window
}

/** Shows the app. What is missing is answered by the app's own scheme in words, so a failure to load is never a blank. */
export function loadApp(window: BrowserWindow): void {
  void window.loadURL(`${appOrigin}/`).catch(() => window.show())
}

export function focusWindow(window: BrowserWindow): void {
  if (window.isMinimized()) window.restore()
  window.show()
  window.focus()
}
