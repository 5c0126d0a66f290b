/** A bus as the service names it, in parts: how it is spoken, and where it is. */
export interface BusName {
  readonly kind: 'tcp' | 'rtutcp' | 'rtu' | 'other'
  readonly place: string
}

/** tcp://192.168.1.20:502 becomes TCP at 192.168.1.20:502; rtu:///dev/ttyUSB0 becomes serial at /dev/ttyUSB0. */
export function parseBus(bus: string): BusName {
  const [, scheme, rest] = /^(tcp|rtutcp|rtu):\/\/(.+)$/.exec(bus) ?? []
  if (rest === undefined) return { kind: 'other', place: bus }
  if (scheme === 'rtu') return { kind: 'rtu', place: rest.split('?')[0] ?? rest }
  return { kind: scheme === 'tcp' ? 'tcp' : 'rtutcp', place: rest }
}
