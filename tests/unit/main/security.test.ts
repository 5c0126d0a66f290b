import { describe, expect, it } from 'vitest'
import { isAppUrl, isGranted, isTrustedSender } from '../../../main/security.ts'

const foreign = [
  'app://r-ems.evil.example/',
  'app://r-ems@evil.example/',
  'app://evil@r-ems/',
  'app://r-ems:80/',
  'app://evil/?app://r-ems/',
  'app:r-ems',
  'https://r-ems/',
  'file:///r-ems/index.html',
  'data:text/html,app://r-ems/',
  'about:blank',
  'javascript:alert(1)//app://r-ems/',
  'http://127.0.0.1:8080/',
  '',
]

describe('the app’s own pages', () => {
  it.each(['app://r-ems/', 'app://r-ems/index.html', 'app://r-ems/#/bus/meter'])('are %s', (url) => {
    expect(isAppUrl(url)).toBe(true)
  })
  it.each(foreign)('are not %s', (url) => {
    expect(isAppUrl(url)).toBe(false)
  })
})

describe('a message from the window', () => {
  type Sender = Parameters<typeof isTrustedSender>[0]
  const frame = (url: string, parent: object | null = null) => ({ senderFrame: { url, parent } }) as Sender

  it('is trusted from the top frame of the app’s page', () => {
    expect(isTrustedSender(frame('app://r-ems/#/site'))).toBe(true)
  })
  it('is refused from any other page', () => {
    for (const url of foreign) expect(isTrustedSender(frame(url)), url).toBe(false)
  })
  it('is refused from a frame inside the page, whatever its address', () => {
    expect(isTrustedSender(frame('app://r-ems/', {}))).toBe(false)
  })
  it('is refused from a frame that is gone', () => {
    expect(isTrustedSender({ senderFrame: null })).toBe(false)
  })
})

describe('permissions', () => {
  it('let the app’s page reach the service on this machine', () => {
    expect(isGranted('loopback-network', 'app://r-ems/')).toBe(true)
    expect(isGranted('local-network-access', 'app://r-ems')).toBe(true)
  })
  it('are refused to every other page', () => {
    for (const url of foreign) expect(isGranted('loopback-network', url), url).toBe(false)
  })
  it.each([
    'media',
    'geolocation',
    'serial',
    'usb',
    'hid',
    'openExternal',
    'fileSystem',
    'notifications',
    'unknown',
    'constructor',
  ])('do not include %s', (permission) => {
    expect(isGranted(permission, 'app://r-ems/')).toBe(false)
  })
})
