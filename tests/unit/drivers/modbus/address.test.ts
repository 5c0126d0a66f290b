import { describe, expect, test } from 'vitest'
import { EdgeError } from '#contract/errors.ts'
import { formatBusAddress, parseBusAddress } from '../../../../service/drivers/modbus/address.ts'

describe('parseBusAddress', () => {
  test.each([
    ['tcp://192.168.1.20', { kind: 'tcp', host: '192.168.1.20', port: 502 }],
    ['tcp://Inverter.local:1502', { kind: 'tcp', host: 'inverter.local', port: 1502 }],
    ['tcp://[fe80::1]:502', { kind: 'tcp', host: 'fe80::1', port: 502 }],
    ['rtutcp://10.0.0.9:8899', { kind: 'rtutcp', host: '10.0.0.9', port: 8899 }],
    ['rtu:///dev/ttyUSB0', { kind: 'rtu', path: '/dev/ttyUSB0', baud: 9600, parity: 'none', stopBits: 1 }],
    [
      'rtu:///dev/serial/by-id/usb-FTDI-if00?baud=19200&parity=E&stopbits=2',
      { kind: 'rtu', path: '/dev/serial/by-id/usb-FTDI-if00', baud: 19_200, parity: 'even', stopBits: 2 },
    ],
    ['rtu:///COM3?parity=o', { kind: 'rtu', path: 'COM3', baud: 9600, parity: 'odd', stopBits: 1 }],
  ])('%s', (text, expected) => {
    const address = parseBusAddress(text)
    expect(address).toEqual(expected)
    expect(parseBusAddress(formatBusAddress(address))).toEqual(address)
  })

  test.each([
    ['http://x', 'tcp://, rtutcp:// or rtu:///'],
    ['tcp://', 'host is missing'],
    ['tcp://300.1.1.1', 'not an IPv4 address'],
    ['tcp://fe80::1', 'brackets'],
    ['tcp://[zz]:1', 'not an IPv6 address'],
    ['tcp://a b', 'not a host name'],
    ['tcp://host:0', 'not between 1 and 65535'],
    ['tcp://host:70000', 'not between 1 and 65535'],
    ['tcp://host:', 'not between 1 and 65535'],
    ['rtutcp://host', 'add :PORT'],
    ['rtu://dev/ttyUSB0', 'three slashes'],
    ['rtu:///dev/ttyUSB0?baud=12', 'not between 300 and 1000000'],
    ['rtu:///dev/ttyUSB0?parity=X', 'not N, E or O'],
    ['rtu:///dev/ttyUSB0?stopbits=3', 'not 1 or 2'],
    ['rtu:///dev/ttyUSB0?speed=9600', 'unknown setting "speed"'],
    ['rtu:///dev/ttyUSB0?baud=9600&baud=9600', 'given twice'],
    ['rtu:///dev/ttyUSB0?baud', 'key=value'],
  ])('refuses %s', (text, why) => {
    expect(() => parseBusAddress(text)).toThrow(EdgeError)
    expect(() => parseBusAddress(text)).toThrow(why)
    expect(() => parseBusAddress(text)).toThrow(text)
  })
})
