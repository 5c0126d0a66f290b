import { isIP } from 'node:net'
import { edgeAddress } from '#contract/desktop.ts'
import { readUrl } from '../read-url.ts'

const defaultPort = 8443

export interface EdgePlace {
  /** https://HOST:PORT */
  readonly address: string
  /** Without brackets. */
  readonly host: string
  readonly port: number
}

/** The address a person typed: https://HOST:PORT, HOST:PORT or HOST. Undefined when it is none. */
export function readEdgeAddress(text: string): EdgePlace | undefined {
  const trimmed = text.trim().toLowerCase()
  if (/^https?:\/\//.test(trimmed) && !trimmed.startsWith('https://')) return undefined
  const bare = trimmed.replace(/^https:\/\//, '').replace(/\/$/, '')
  const bracketed = isIP(bare) === 6 ? `[${bare}]` : bare
  // The parser turns 0x7f.1 and the like into what they are; 443 is left out as it is the default there.
  const url = readUrl(`https://${bracketed}`)
  if (!url) return undefined
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '')
    return undefined
  const port = url.port === '' ? (bracketed.endsWith(':443') ? 443 : defaultPort) : Number(url.port)
  return placeOf(`https://${url.hostname}:${port}`)
}

export function placeOf(address: string): EdgePlace | undefined {
  if (!edgeAddress.safeParse(address).success) return undefined
  const separator = address.lastIndexOf(':')
  const host = address.slice('https://'.length, separator).replace(/^\[|\]$/g, '')
  return { address, host, port: Number(address.slice(separator + 1)) }
}
