import { describe, expect, it } from 'vitest'
import { roleIncludes } from '#contract/access-names.ts'
import type { KnownEdge } from '#contract/desktop.ts'
import { explain } from '../../../renderer/client/explain.ts'
import { RequestError } from '../../../renderer/client/http.ts'
import { certificateState } from '../../../renderer/screens/access/certificate-state.ts'
import { clientName } from '../../../renderer/screens/access/client-name.ts'
import { newEdges } from '../../../renderer/screens/access/found-edges.ts'

describe('what went wrong, in words', () => {
  it('is the service’s own sentence with what to do', () => {
    const error = new RequestError(401, {
      type: 'access.wrong',
      detail: 'the name or the password is wrong',
      action: 'Check the name and the password, then try again.',
    })
    expect(explain(error, 'silence')).toEqual({
      message: 'The name or the password is wrong.',
      action: 'Check the name and the password, then try again.',
    })
  })
  it('names the fields that were refused, without where they are in the request', () => {
    const errors = [{ path: 'body.name', message: 'a letter first' }]
    const error = new RequestError(400, { type: 'api.invalid', detail: 'x', action: 'See /docs.', errors })
    expect(explain(error, 'silence')).toEqual({ message: 'Name: a letter first.', action: undefined })
  })
  it('is silence when nobody answered, and the status when somebody else did', () => {
    expect(explain(new TypeError('Failed to fetch'), 'silence').message).toBe('silence')
    expect(explain(new RequestError(502, undefined), 'silence').message).toBe('HTTP 502.')
  })
})

it('orders roles: each may do what those before it may', () => {
  expect(roleIncludes('admin', 'viewer')).toBe(true)
  expect(roleIncludes('operator', 'operator')).toBe(true)
  expect(roleIncludes('operator', 'installer')).toBe(false)
})

it.each([
  [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari',
    'Chrome, Windows',
  ],
  ['Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:150.0) Gecko/20100101 Firefox/150.0', 'Firefox, Windows'],
  [
    'Mozilla/5.0 (iPad; CPU OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Safari/604.1',
    'Safari, iPad',
  ],
  [
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) r-ems/0.1.0 Chrome/150.0 Electron/45',
    'R-EMS app, Linux',
  ],
  ['curl/8.5.0', 'curl'],
  ['unknown', undefined],
])('calls %s %s', (userAgent, name) => expect(clientName(userAgent)).toBe(name))

describe('state of a certificate', () => {
  const dayMs = 86_400_000
  const certificate = { notBeforeMs: 10 * dayMs, notAfterMs: 100 * dayMs }
  it.each([
    [9, 'notYet'],
    [10, 'valid'],
    [69, 'valid'],
    [71, 'soon'],
    [100, 'expired'],
  ] as const)('on day %i is %s', (day, state) => expect(certificateState(certificate, day * dayMs)).toBe(state))
  it('does not end soon when it is renewed by itself', () =>
    expect(certificateState({ ...certificate, renewAtMs: 70 * dayMs }, 99 * dayMs)).toBe('valid'))
})

it('offers announced edges once, without those that are known', () => {
  const known: KnownEdge = {
    id: '0b8f1e1e-8a54-4c0e-9a5d-0f2f3f1d8a01',
    name: 'a',
    address: 'https://a.local:8443',
    caFingerprints: [],
    token: 'stored',
  }
  const b = { name: 'b', address: 'https://b.local:8443' }
  const claimsToBeA = { name: 'a', address: 'https://c.local:8443', id: known.id }
  const found = [{ name: 'a', address: known.address, id: known.id }, b, { ...b }, claimsToBeA]
  expect(newEdges(found, [known])).toEqual([b, claimsToBeA])
})
