/** A bus as the service names it, in parts: how it is spoken, and where it is. */
export interface BusName {
  readonly kind: 'tcp' | 'rtutcp' | 'rtu' | 'other'
  readonly place: string
  /** Of a serial line, such as "9600 8N1"; only where its name says them. */
  readonly settings?: string
}

/** tcp://192.168.1.20:502 becomes TCP at 192.168.1.20:502; rtu:///dev/ttyUSB0 becomes serial at /dev/ttyUSB0. */
export function parseBus(bus: string): BusName {
  const [, scheme, rest] = /^(tcp|rtutcp|rtu):\/\/(.+)$/.exec(bus) ?? []
  if (rest === undefined) return { kind: 'other', place: bus }
  if (scheme === 'rtu') return serialLine(rest)
  return { kind: scheme === 'tcp' ? 'tcp' : 'rtutcp', place: rest }
}

function serialLine(rest: string): BusName {
  const [place = rest, query] = rest.split('?')
  const given = new URLSearchParams(query)
  const baud = given.get('baud')
  if (baud === null) return { kind: 'rtu', place }
  return { kind: 'rtu', place, settings: `${baud} 8${given.get('parity') ?? 'N'}${given.get('stopbits') ?? '1'}` }
}
