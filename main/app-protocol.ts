import { readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { isAppUrl } from './security.ts'

/**
 * What a page of the app may load and talk to: its own files, services on this machine, and edges over TLS. Which edges is
 * not known when the page is loaded: every request to one that is not connected is cancelled by the session.
 */
export const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "font-src 'self'",
  'connect-src http://127.0.0.1:* ws://127.0.0.1:* https: wss:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Also the list of what is served at all: an unknown kind of file is not found. */
const mediaTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml; charset=utf-8',
  '.woff2': 'font/woff2',
}

const segment = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/

/**
 * The file below `root` that a URL of the app names; undefined when it names none. Every segment is checked before the
 * path is made, so that no encoding of "..", of a separator or of a drive can leave the folder.
 */
export function resolveAppFile(root: string, requestUrl: string): string | undefined {
  if (!isAppUrl(requestUrl)) return undefined
  const segments = new URL(requestUrl).pathname.split('/').slice(1)
  // Screens have their address after #: there is one page.
  if (segments.length === 1 && segments[0] === '') return join(root, 'index.html')
  const last = segments.at(-1) ?? ''
  if (!segments.every((name) => segment.test(name)) || !Object.hasOwn(mediaTypes, extname(last))) return undefined
  return join(root, ...segments)
}

/** Answers requests to app://r-ems with the files of the renderer build in `root`. */
export function createAppHandler(root: string): (request: Request) => Promise<Response> {
  return async (request) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return plain(405, 'Only GET.')
    const file = resolveAppFile(root, request.url)
    if (file === undefined) return plain(404, 'There is no such file in the app.')
    try {
      return new Response(new Uint8Array(await readFile(file)), {
        headers: headers(mediaTypes[extname(file)] ?? 'application/octet-stream'),
      })
    } catch {
      if (file !== join(root, 'index.html')) return plain(404, 'There is no such file in the app.')
      return plain(500, `The files of the user interface are missing (${file}). Install the app again.`)
    }
  }
}

function plain(status: number, text: string): Response {
  return new Response(text, { status, headers: headers('text/plain; charset=utf-8') })
}

function headers(mediaType: string): Record<string, string> {
  return {
    'content-type': mediaType,
    'content-security-policy': contentSecurityPolicy,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
  }
}
