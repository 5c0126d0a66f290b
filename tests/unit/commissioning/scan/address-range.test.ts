import { describe, expect, it } from 'vitest'
import { hostsOf, ownRanges, parseRange } from '../../../../service/commissioning/scan/address-range.ts'

const networks = [
  { cidr: '127.0.0.1/8', internal: true },
  { cidr: '192.168.7.20/24', internal: false },
  { cidr: '10.20.30.40/16', internal: false },
]

describe('a range of addresses', () => {
  it.each([
    ['192.168.7.0/24', 254, '192.168.7.1', '192.168.7.254'],
    ['192.168.7.77/24', 254, '192.168.7.1', '192.168.7.254'],
    ['192.168.7.77', 1, '192.168.7.77', '192.168.7.77'],
    ['10.20.1.8/29', 6, '10.20.1.9', '10.20.1.14'],
    ['127.0.0.8/31', 2, '127.0.0.8', '127.0.0.9'],
  ])('%s has the right addresses', (text, count, first, last) => {
    const hosts = hostsOf([parseRange(text, { networks })])
    expect([hosts.length, hosts[0], hosts.at(-1)]).toEqual([count, first, last])
  })

  it.each([
    ['10.0.0.0/8', /10\.0\.0\.0\/8 has 16777216 addresses, and a scan takes at most 256/],
    ['0.0.0.0/0', /has 4294967296 addresses/],
    ['192.168.7.0/23', /192\.168\.6\.0\/23 has 512 addresses/],
    ['172.16.5.0/24', /not on a network of this machine \(192\.168\.7\.0\/24, 10\.20\.0\.0\/16\)/],
    ['192.168.7.0/33', /is not a range/],
    ['192.168.7.300', /is not a range/],
    ['192.168.7', /is not a range/],
    ['fe80::1/64', /is not a range/],
    ['', /is not a range/],
    ['192.168.7.0/-1', /is not a range/],
  ])('%s is refused in one sentence', (text, message) => {
    expect(() => parseRange(text, { networks })).toThrow(message)
  })

  it('of another network is taken when that is wanted', () => {
    expect(parseRange('172.16.5.9/24', { networks, foreign: true }).text).toBe('172.16.5.0/24')
  })

  it('is by default what is around this machine', () => {
    expect(ownRanges(networks).map(({ text }) => text)).toEqual(['192.168.7.0/24', '10.20.30.0/24'])
  })
})
