import { isIP } from 'node:net'
import { EdgeError } from '#contract/errors.ts'

export interface TcpAddress {
  readonly kind: 'tcp' | 'rtutcp'
  readonly host: string
  readonly port: number
}

export interface SerialAddress {
  readonly kind: 'rtu'
  readonly path: string
  readonly baud: number
  readonly parity: 'none' | 'even' | 'odd'
  readonly stopBits: 1 | 2
}

/** Where a bus is reached. */
export type BusAddress = TcpAddress | SerialAddress

const parities = { N: 'none', E: 'even', O: 'odd' } as const

/**
 * Parses `tcp://HOST[:PORT]`, `rtutcp://HOST:PORT` or `rtu:///dev/PATH?baud=9600&parity=N&stopbits=1`.
 * A serial line without settings is 9600 8N1, by far the most frequent in the field.
 * Throws an EdgeError `config.invalid` that names the offending part and what is allowed.
 */
export function parseBusAddress(text: string): BusAddress {
  const [, scheme, rest] = /^([a-z]+):\/\/(.*)$/s.exec(text) ?? []
  if (scheme === 'tcp' || scheme === 'rtutcp') return parseTcp(text, scheme, rest!)
  if (scheme === 'rtu') return parseSerial(text, rest!)
  throw invalid(text, 'it must start with tcp://, rtutcp:// or rtu:///')
}

/** The address in its one canonical form: devices on the same bus have the same text. */
export function formatBusAddress(address: BusAddress): string {
  if (address.kind !== 'rtu') {
    const host = address.host.includes(':') ? `[${address.host}]` : address.host
    return `${address.kind}://${host}:${address.port}`
  }
  const parity = address.parity[0]!.toUpperCase()
  return `rtu:///${address.path.replace(/^\//, '')}?baud=${address.baud}&parity=${parity}&stopbits=${address.stopBits}`
}

function parseTcp(text: string, kind: 'tcp' | 'rtutcp', rest: string): TcpAddress {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::([^:]*))?$/s.exec(rest) ?? []
  const host = bracketed ?? plain
  if (host === undefined) throw invalid(text, 'an IPv6 address must stand in brackets, such as [fe80::1]:502')
  if (bracketed !== undefined && isIP(bracketed) !== 6) throw invalid(text, `"${bracketed}" is not an IPv6 address`)
  if (bracketed === undefined && !/^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(host))
    throw invalid(text, host === '' ? 'the host is missing' : `"${host}" is not a host name`)
  if (/^[\d.]+$/.test(host) && isIP(host) !== 4) throw invalid(text, `"${host}" is not an IPv4 address`)
  if (digits === undefined && kind === 'rtutcp') throw invalid(text, 'RTU over TCP has no usual port; add :PORT')
  const port = digits === undefined ? 502 : Number(digits)
  if (!/^\d{1,5}$/.test(digits ?? '502') || port < 1 || port > 65_535)
    throw invalid(text, `port "${digits}" is not between 1 and 65535`)
  return { kind, host: host.toLowerCase(), port }
}

function parseSerial(text: string, rest: string): SerialAddress {
  const [place = '', query, ...more] = rest.split('?')
  if (more.length > 0) throw invalid(text, 'settings follow one question mark and are joined by &')
  if (!/^\/[^\s/]/.test(place)) throw invalid(text, 'three slashes and a path follow rtu:, such as rtu:///dev/ttyUSB0')
  const settings = new Map<string, string>()
  for (const pair of query ? query.split('&') : []) {
    const [key = '', value = '', ...rest] = pair.split('=')
    if (rest.length > 0 || value === '') throw invalid(text, `"${pair}" is not of the form key=value`)
    if (key !== 'baud' && key !== 'parity' && key !== 'stopbits')
      throw invalid(text, `unknown setting "${key}"; allowed are baud, parity and stopbits`)
    if (settings.has(key)) throw invalid(text, `${key} is given twice`)
    settings.set(key, value)
  }
  const baudText = settings.get('baud') ?? '9600'
  const baud = Number(baudText)
  if (!/^\d+$/.test(baudText) || baud < 300 || baud > 1_000_000)
    throw invalid(text, `baud "${baudText}" is not between 300 and 1000000`)
  const parityText = (settings.get('parity') ?? 'N').toUpperCase()
  if (parityText !== 'N' && parityText !== 'E' && parityText !== 'O')
    throw invalid(text, `parity "${settings.get('parity')}" is not N, E or O`)
  const stopText = settings.get('stopbits') ?? '1'
  if (stopText !== '1' && stopText !== '2') throw invalid(text, `stopbits "${stopText}" is not 1 or 2`)
  const path = /^\/COM\d+$/i.test(place) ? place.slice(1) : place
  return { kind: 'rtu', path, baud, parity: parities[parityText], stopBits: stopText === '1' ? 1 : 2 }
}

function invalid(text: string, why: string): EdgeError {
  return new EdgeError('config.invalid', `bus address "${text}": ${why}`)
}
