import { type IpcMain, type IpcMainInvokeEvent, safeStorage, type Certificate, type Session } from 'electron'
import { z } from 'zod'
import { type DesktopEdges, edgePairing } from '#contract/desktop.ts'
import { channels } from '../preload/channels.ts'
import { readUrl } from '../service/trust/read-url.ts'
import { isTrustedSender } from './security.ts'
import type { EdgeManager } from '../service/trust/edges/edge-manager.ts'
import type { KeyStore } from '../service/trust/edges/edge-store.ts'

const longestChain = 10
const accepted = 0
const refused = -2

/** Answers the page's calls of the connection manager. Only the app's own page is answered, and only in the right form. */
export function handleEdges(ipc: Pick<IpcMain, 'handle'>, edges: DesktopEdges): void {
  const handle = <S extends z.ZodType>(channel: string, schema: S, act: (input: z.output<S>) => Promise<unknown>) =>
    ipc.handle(channel, (event: IpcMainInvokeEvent, input: unknown) => {
      if (!isTrustedSender(event)) throw new Error('refused: not the app’s own page')
      return act(schema.parse(input))
    })
  handle(channels.edgesList, z.undefined(), () => edges.list())
  handle(channels.edgesDiscover, z.undefined(), () => edges.discover())
  handle(channels.edgesAddByAddress, z.string().max(300), (address) => edges.addByAddress(address))
  handle(channels.edgesPair, edgePairing, (pairing) => edges.pair(pairing))
  handle(channels.edgesRemove, z.uuid(), (id) => edges.remove(id))
  handle(channels.edgesConnect, z.uuid(), (id) => edges.connect(id))
}

/**
 * Keeps the page to the service on this machine and to connected edges. Their certificates are judged by what was pinned;
 * the system's CAs have no say.
 */
export function confineToEdges(session: Session, edges: Pick<EdgeManager, 'isConnected' | 'accepts'>): void {
  session.setCertificateVerifyProc(({ hostname, certificate }, callback) =>
    callback(edges.accepts(hostname.replace(/^\[|\]$/g, ''), chainOf(certificate)) ? accepted : refused),
  )
  const filter = { urls: ['http://*/*', 'https://*/*', 'ws://*/*', 'wss://*/*'] }
  session.webRequest.onBeforeRequest(filter, ({ url }, callback) => callback({ cancel: !mayAsk(url, edges) }))
}

/** Whether the page may send a request to a URL. */
export function mayAsk(text: string, edges: Pick<EdgeManager, 'isConnected'>): boolean {
  const url = readUrl(text)
  if (!url) return false
  const { protocol, hostname, port } = url
  if (protocol === 'http:' || protocol === 'ws:') return hostname === '127.0.0.1'
  return edges.isConnected(`https://${hostname}:${port === '' ? '443' : port}`)
}

/** The key store of the system, where it is one: without it, Electron would only obscure the text. */
export function systemKeyStore(): KeyStore {
  return {
    isSafe: () =>
      safeStorage.isEncryptionAvailable() &&
      (process.platform !== 'linux' || safeStorage.getSelectedStorageBackend() !== 'basic_text'),
    encrypt: (text) => safeStorage.encryptString(text),
    decrypt: (data) => safeStorage.decryptString(data),
  }
}

function chainOf(certificate: Certificate): string[] {
  const chain: string[] = []
  let next: Certificate | undefined = certificate
  while (next && chain.length < longestChain) {
    chain.push(next.data)
    next = next.issuerCert
  }
  return chain
}
