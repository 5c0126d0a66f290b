import fastify from 'fastify'
import { describe, expect, test } from 'vitest'
import { type Role, role as roles } from '#contract/access.ts'
import { guardAccess } from '../../../service/api/access.ts'
import { createConnections } from '../../../service/api/connections.ts'
import { defaultLimits } from '../../../service/api/limits.ts'
import { ask, openTestAccess, send, startApi, type TestApi, token } from './start-api.ts'

/** The whole of what the service answers, and to whom. A route that is missing here fails the test. */
const table: Readonly<Record<string, 'public' | Role>> = {
  'GET /health': 'public',
  'GET /*': 'public',
  'POST /api/v1/session': 'public',
  'GET /api/v1/pair': 'public',
  'POST /api/v1/pair': 'public',
  'POST /api/v1/pair/admin': 'public',
  'GET /api/v1/trust/bundle': 'public',
  'GET /api/v1/session': 'viewer',
  'DELETE /api/v1/session': 'viewer',
  'PUT /api/v1/session/password': 'viewer',
  'POST /api/v1/session/live-ticket': 'viewer',
  'GET /api/v1/sessions': 'viewer',
  'DELETE /api/v1/sessions/:id': 'viewer',
  'GET /api/v1/health': 'viewer',
  'GET /api/v1/status': 'viewer',
  'GET /api/v1/power-flow': 'viewer',
  'GET /api/v1/grids': 'viewer',
  'GET /api/v1/cycles': 'viewer',
  'GET /api/v1/failsafe': 'viewer',
  'GET /api/v1/explain': 'viewer',
  'GET /api/v1/capture': 'installer',
  'GET /api/v1/write-rules': 'viewer',
  'GET /api/v1/controls': 'viewer',
  'GET /api/v1/armed': 'viewer',
  'GET /api/v1/limits': 'viewer',
  'GET /api/v1/backup': 'viewer',
  'POST /api/v1/backup': 'admin',
  'POST /api/v1/backup/restore': 'admin',
  'POST /api/v1/backup/replacement': 'installer',
  'GET /api/v1/license': 'viewer',
  'PUT /api/v1/license': 'installer',
  'DELETE /api/v1/license': 'installer',
  'GET /api/v1/verification': 'viewer',
  'GET /api/v1/devices/:id/plausibility': 'viewer',
  'POST /api/v1/verification/:deviceId/:kind/:name': 'installer',
  'DELETE /api/v1/verification/:deviceId/:kind/:name': 'installer',
  'GET /api/v1/devices': 'viewer',
  'GET /api/v1/devices/:id': 'viewer',
  'GET /api/v1/measurements': 'viewer',
  'GET /api/v1/events': 'viewer',
  'GET /api/v1/live': 'viewer',
  'GET /api/v1/trust': 'viewer',
  'GET /api/v1/openapi.json': 'viewer',
  'GET /metrics': 'viewer',
  'GET /docs': 'viewer',
  'GET /docs/*': 'viewer',
  'PUT /api/v1/control': 'operator',
  'POST /api/v1/controls/:deviceId/:command': 'operator',
  'DELETE /api/v1/controls/:deviceId/:command': 'operator',
  'POST /api/v1/armed': 'installer',
  'POST /api/v1/limits/preview': 'installer',
  'PUT /api/v1/limits': 'installer',
  'DELETE /api/v1/armed': 'installer',
  'POST /api/v1/bus/read': 'installer',
  'POST /api/v1/bus/write': 'installer',
  'POST /api/v1/bus/write/preview': 'installer',
  'GET /api/v1/bus/ledger': 'installer',
  'GET /api/v1/deployment': 'viewer',
  'GET /api/v1/deployment/running': 'installer',
  'GET /api/v1/deployment/generations': 'viewer',
  'GET /api/v1/deployment/generations/:number': 'installer',
  'POST /api/v1/deployment/candidate': 'installer',
  'POST /api/v1/deployment/candidate/files': 'installer',
  'GET /api/v1/deployment/candidate': 'installer',
  'DELETE /api/v1/deployment/candidate': 'installer',
  'POST /api/v1/deployment/candidate/checks': 'installer',
  'GET /api/v1/deployment/candidate/checks': 'installer',
  'DELETE /api/v1/deployment/candidate/checks': 'installer',
  'POST /api/v1/deployment/candidate/commit': 'installer',
  'POST /api/v1/deployment/trial/confirm': 'installer',
  'POST /api/v1/deployment/trial/return': 'installer',
  'POST /api/v1/deployment/trial/extend': 'installer',
  'POST /api/v1/deployment/rollback': 'installer',
  'GET /api/v1/deployment/keys': 'viewer',
  'POST /api/v1/deployment/keys': 'installer',
  'DELETE /api/v1/deployment/keys/:id': 'installer',
  'GET /api/v1/edges': 'installer',
  'GET /api/v1/edges/found': 'installer',
  'POST /api/v1/edges/contacts': 'installer',
  'POST /api/v1/edges/pair': 'installer',
  'DELETE /api/v1/edges/:id': 'installer',
  'GET /api/v1/edges/:id/deployment': 'installer',
  'GET /api/v1/edges/:id/deployment/*': 'installer',
  'POST /api/v1/edges/:id/deployment/*': 'installer',
  'DELETE /api/v1/edges/:id/deployment/*': 'installer',
  'GET /api/v1/workbench': 'installer',
  'GET /api/v1/workbench/health': 'installer',
  'POST /api/v1/workbench/health/fc08': 'installer',
  'GET /api/v1/workbench/ports': 'installer',
  'POST /api/v1/workbench/ports': 'installer',
  'DELETE /api/v1/workbench/ports': 'installer',
  'POST /api/v1/workbench/ports/latency': 'installer',
  'POST /api/v1/workbench/leases': 'installer',
  'PUT /api/v1/workbench/leases/:id': 'installer',
  'DELETE /api/v1/workbench/leases/:id': 'installer',
  'POST /api/v1/workbench/found': 'installer',
  'DELETE /api/v1/workbench/found': 'installer',
  'POST /api/v1/workbench/jobs': 'installer',
  'GET /api/v1/workbench/jobs/:id': 'installer',
  'DELETE /api/v1/workbench/jobs/:id': 'installer',
  'POST /api/v1/workbench/jobs/:id/stop': 'installer',
  'POST /api/v1/workbench/jobs/:id/resume': 'installer',
  'GET /api/v1/workbench/jobs/:id/table': 'installer',
  'GET /api/v1/workbench/jobs/:id/capture': 'installer',
  'POST /api/v1/workbench/captures': 'installer',
  'POST /api/v1/workbench/watches': 'installer',
  'GET /api/v1/workbench/watches/:id': 'installer',
  'PUT /api/v1/workbench/watches/:id': 'installer',
  'DELETE /api/v1/workbench/watches/:id': 'installer',
  'GET /api/v1/workbench/watches/:id/table': 'installer',
  'POST /api/v1/workbench/candidates': 'installer',
  'POST /api/v1/workbench/knobs': 'installer',
  'GET /api/v1/workbench/knobs/:id': 'installer',
  'POST /api/v1/workbench/knobs/:id/turns': 'installer',
  'DELETE /api/v1/workbench/knobs/:id': 'installer',
  'GET /api/v1/workbench/snapshots': 'installer',
  'POST /api/v1/workbench/snapshots': 'installer',
  'GET /api/v1/workbench/snapshots/:id': 'installer',
  'DELETE /api/v1/workbench/snapshots/:id': 'installer',
  'GET /api/v1/workbench/snapshots/:id/table': 'installer',
  'GET /api/v1/workbench/snapshots/:id/changes': 'installer',
  'GET /api/v1/workbench/frames': 'installer',
  'GET /api/v1/workbench/frames/buses': 'installer',
  'GET /api/v1/workbench/frames/capture': 'installer',
  'GET /api/v1/setup/forms': 'installer',
  'GET /api/v1/setup/answers': 'installer',
  'PUT /api/v1/setup/answers': 'installer',
  'DELETE /api/v1/setup/answers': 'installer',
  'POST /api/v1/setup/check': 'installer',
  'POST /api/v1/setup/reading': 'installer',
  'GET /api/v1/setup/files': 'installer',
  'POST /api/v1/setup/files': 'installer',
  'GET /api/v1/workbench/maps': 'installer',
  'POST /api/v1/workbench/map-imports': 'installer',
  'POST /api/v1/workbench/map-exports': 'installer',
  'GET /api/v1/workbench/maps/schema': 'installer',
  'POST /api/v1/workbench/maps/check': 'installer',
  'GET /api/v1/workbench/maps/values': 'installer',
  'POST /api/v1/workbench/maps/proposal': 'installer',
  'GET /api/v1/workbench/maps/:maker/:model': 'installer',
  'PUT /api/v1/workbench/maps/:maker/:model': 'installer',
  'DELETE /api/v1/workbench/maps/:maker/:model': 'installer',
  'GET /api/v1/workbench/maps/:maker/:model/earlier': 'installer',
  'GET /api/v1/workbench/maps/:maker/:model/earlier/:name': 'installer',
  'GET /api/v1/handover': 'viewer',
  'GET /api/v1/handover/preview': 'viewer',
  'GET /api/v1/handover/signed': 'viewer',
  'GET /api/v1/handover/signed/:file': 'viewer',
  'GET /api/v1/handover/draft': 'installer',
  'PUT /api/v1/handover/draft': 'installer',
  'POST /api/v1/handover/sign': 'installer',
  'GET /api/v1/checks': 'installer',
  'POST /api/v1/checks/runs': 'installer',
  'GET /api/v1/checks/runs/:id': 'installer',
  'PUT /api/v1/checks/runs/:id': 'installer',
  'POST /api/v1/checks/runs/:id/abort': 'installer',
  'POST /api/v1/checks/:checkId/acceptance': 'installer',
  'GET /api/v1/audit': 'installer',
  'GET /api/v1/audit/verification': 'installer',
  'POST /api/v1/session/codes': 'admin',
  'POST /api/v1/pair/window': 'admin',
  'GET /api/v1/users': 'admin',
  'POST /api/v1/users': 'admin',
  'PATCH /api/v1/users/:id': 'admin',
  'PUT /api/v1/users/:id/password': 'admin',
  'DELETE /api/v1/users/:id': 'admin',
  'GET /api/v1/tokens': 'admin',
  'POST /api/v1/tokens': 'admin',
  'DELETE /api/v1/tokens/:id': 'admin',
  'POST /api/v1/trust/rotation': 'admin',
  'GET /api/v1/trust/clients': 'admin',
  'POST /api/v1/trust/clients': 'admin',
  'DELETE /api/v1/trust/certificates/:serial': 'admin',
  'PUT /api/v1/trust/authorities/:name': 'admin',
  'DELETE /api/v1/trust/authorities/:name': 'admin',
}

const declaredBy = (api: TestApi): { method: string; url: string; access: string | undefined }[] =>
  api.routes
    .filter(({ method, url }) => method !== 'HEAD' && !/^\/docs\/./.test(url))
    .map(({ method, url, access }) => ({ method, url, access }))

async function tokenFor(api: TestApi, role: Role): Promise<string> {
  const made = await send(api, 'POST', '/api/v1/tokens', { purpose: `test of ${role}`, role })
  expect(made.status).toBe(201)
  return (made.json() as { token: string }).token
}

/** What a role was refused for, or undefined when it was let in. */
async function refusal(api: TestApi, method: string, url: string, as: string | null): Promise<string | undefined> {
  const body = method === 'GET' || method === 'DELETE' ? undefined : {}
  const answer = await send(api, method, url.replace(':id', 'nobody').replace('*', ''), body, { as })
  if (answer.status !== 401 && answer.status !== 403) return undefined
  return answer.problem().type
}

const unsignedJwt = (header: object): string =>
  `${[header, { sub: 'console', role: 'admin' }].map((part) => btoa(JSON.stringify(part))).join('.')}.`

describe('routes', () => {
  test('are exactly those of the table, each with its role', async () => {
    const api = await startApi()
    const { '/docs/*': _d, ...declared } = Object.fromEntries(
      declaredBy(api).map(({ method, url, access }) => [`${method} ${url}`, access]),
    )
    const { 'GET /docs/*': _w, ...wanted } = table
    expect(declared).toEqual(wanted)
    // HEAD and the files of the documentation follow their GET.
    for (const { method, url, access } of api.routes) {
      if (url.startsWith('/docs')) expect([url, access]).toEqual([url, 'viewer'])
      if (method === 'HEAD' && !url.startsWith('/docs')) expect([url, access]).toEqual([url, table[`GET ${url}`]])
    }
  })

  test('that are not public answer nothing to a stranger, whatever is shown', async () => {
    const api = await startApi({ limits: { strangerBurst: 10_000 } })
    const shown: Record<string, string>[] = [
      {},
      { authorization: 'Bearer' },
      { authorization: token },
      { authorization: `Basic ${btoa(`api:${token}`)}` },
      { authorization: `Bearer ${token}x` },
      { authorization: `Bearer ${token.toUpperCase()}` },
      // No signed tokens are known here, so none can be talked into another algorithm or key.
      { authorization: `Bearer ${unsignedJwt({ alg: 'none' })}` },
      { authorization: `Bearer ${unsignedJwt({ alg: 'HS256', kid: '../../dev/null' })}` },
      { cookie: `r-ems-${api.port}=${token}`, 'x-r-ems': '1', origin: api.url },
      { cookie: `r-ems-${api.port}=`, 'x-r-ems': '1', origin: api.url },
      { 'sec-websocket-protocol': `r-ems.live, ticket.${token}` },
      { authorization: '', cookie: `r-ems-${api.port}=${token}` },
    ]
    const closed = api.routes.filter(({ access }) => access !== 'public')
    expect(closed.length).toBeGreaterThan(40)
    for (const { method, url } of closed) {
      const path = url.replace(':id', 'meter').replace('*', '')
      for (const headers of shown) {
        const answer = await ask(api, path, { method, headers, as: null })
        expect([method, url, headers, answer.status]).toEqual([method, url, headers, 401])
        expect(answer.headers['www-authenticate']).toBe('Bearer')
        if (method !== 'HEAD')
          expect(answer.problem().type).toMatch(/^(api\.token-(missing|wrong)|access\.session-ended)$/)
      }
    }
    expect(api.sources.controlled).toEqual([])
  })

  test('that declare nothing keep the server from starting', async () => {
    const { opened } = await openTestAccess()
    const app = fastify()
    guardAccess(app, {
      access: opened.access,
      limits: defaultLimits,
      connections: createConnections(defaultLimits),
    })
    app.get('/open', { config: { access: 'public' } }, () => 'fine')
    app.get('/forgotten', () => 'secret')
    await expect(app.ready()).rejects.toThrow('GET /forgotten does not declare who may use it')
  })
})

describe.each(roles.options)('a %s', (held) => {
  test.each(Object.entries(table))('%s needs %s', async (route, needed) => {
    const { api, as } = await shared(held)
    const [method = '', url = ''] = route.split(' ')
    const allowed = needed === 'public' || roles.options.indexOf(held) >= roles.options.indexOf(needed)
    const refused = await refusal(api, method, url, as)
    if (allowed) expect(refused).not.toBe('access.role')
    else expect(refused).toBe('access.role')
    // A refusal for another reason, such as a password of a token, is none of the role.
    if (allowed && refused !== undefined) expect(['access.role', 'access.wrong']).toContain(refused)
  })
})

async function shared(held: Role): Promise<{ api: TestApi; as: string }> {
  const api = await startApi()
  return { api, as: await tokenFor(api, held) }
}

describe('ids of others', () => {
  test('are as unknown as none', async () => {
    const api = await startApi()
    const add = async (name: string): Promise<string> => {
      await send(api, 'POST', '/api/v1/users', { name, role: 'operator', password: `a long pass phrase of ${name}` })
      const answer = await send(
        api,
        'POST',
        '/api/v1/session',
        { kind: 'password', name, password: `a long pass phrase of ${name}`, bearer: true },
        { as: null },
      )
      return (answer.json() as { token: string }).token
    }
    const [anna, bert] = [await add('anna'), await add('bert')]
    const own = (await ask(api, '/api/v1/sessions', { as: bert })).json() as { sessions: { id: string }[] }
    expect(own.sessions).toHaveLength(1)
    const path = `/api/v1/sessions/${own.sessions[0]?.id}`
    const foreign = await ask(api, path, { method: 'DELETE', as: anna })
    const missing = await ask(api, '/api/v1/sessions/nobody', { method: 'DELETE', as: anna })
    expect(foreign.problem()).toEqual(missing.problem())
    expect(foreign.status).toBe(404)
    expect((await ask(api, '/api/v1/session', { as: bert })).status).toBe(200)
    for (const [method, url] of [
      ['DELETE', '/api/v1/users/nobody'],
      ['DELETE', '/api/v1/tokens/nobody'],
      ['DELETE', '/api/v1/users/__proto__'],
    ] as const)
      expect((await ask(api, url, { method })).problem().type).toBe('access.unknown')
  })
})
