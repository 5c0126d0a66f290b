import type { IpcMainInvokeEvent, Session, WebContents } from 'electron'
import { readUrl } from '../service/trust/read-url.ts'

/** The only origin whose documents the app shows. */
export const appOrigin = 'app://r-ems'

/** Whether a URL belongs to the app's own documents. Parsed, because prefixes lie (app://r-ems.evil, app://r-ems@evil). */
export function isAppUrl(text: string): boolean {
  const url = readUrl(text)
  return url?.protocol === 'app:' && url.host === 'r-ems' && url.username === '' && url.password === ''
}

/** Whether a message comes from the top frame of the app's own document. */
export function isTrustedSender(event: Pick<IpcMainInvokeEvent, 'senderFrame'>): boolean {
  const frame = event.senderFrame
  return frame !== null && frame.parent === null && isAppUrl(frame.url)
}

/**
 * Chromium asks for these before a page may talk to 127.0.0.1 (Local Network Access, enforced since Chromium 142). The
 * service lives there, so the app's own document gets them; nothing else is ever granted.
 */
const granted = new Set(['loopback-network', 'local-network-access'])

export function isGranted(permission: string, requestingUrl: string): boolean {
  return granted.has(permission) && isAppUrl(requestingUrl)
}

export function hardenSession(session: Session): void {
  session.setPermissionRequestHandler((_contents, permission, callback, details) =>
    callback(isGranted(permission, details.requestingUrl)),
  )
  session.setPermissionCheckHandler((_contents, permission, requestingOrigin) =>
    isGranted(permission, requestingOrigin),
  )
  session.setDevicePermissionHandler(() => false)
}

/** Applied to every web contents the app ever makes: it stays on the app's own document and opens nothing. */
export function hardenContents(contents: WebContents): void {
  contents.on('will-frame-navigate', (event) => {
    if (!isAppUrl(event.url)) event.preventDefault()
  })
  contents.on('will-redirect', (event) => {
    if (!isAppUrl(event.url)) event.preventDefault()
  })
  contents.on('will-attach-webview', (event) => event.preventDefault())
  contents.setWindowOpenHandler(() => ({ action: 'deny' }))
}
