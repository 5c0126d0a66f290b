import { readFile, stat } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import {
  type ApiToken,
  apiTokens,
  type AuditEntries,
  auditEntries,
  type AuditQuery,
  type AuditVerification,
  auditVerification,
  type CreatedApiToken,
  createdApiToken,
  type NewApiToken,
  type NewUser,
  pairWindow,
  type Principal,
  type Role,
  type User,
  user,
  users,
} from '#contract/access.ts'
import { problem } from '#contract/api.ts'
import { EdgeError } from '#contract/errors.ts'
import { openAccess } from '../access/access.ts'
import { consoleTokenFile } from '../access/console-token.ts'
import { parsePort, UsageError } from '../args.ts'
import { entries } from '../entries.ts'
import { systemClock } from '../runtime/system-clock.ts'
import { openStorage } from '../storage/storage.ts'

/** What can be done with the accounts and the journal of an edge, whether its service runs or not. */
export interface EdgeTarget extends AsyncDisposable {
  users(): Promise<readonly User[]>
  addUser(request: NewUser): Promise<User>
  setRole(id: string, role: Role): Promise<unknown>
  setPassword(id: string, password: string): Promise<unknown>
  removeUser(id: string): Promise<unknown>
  tokens(): Promise<readonly ApiToken[]>
  addToken(request: NewApiToken): Promise<CreatedApiToken>
  removeToken(id: string): Promise<unknown>
  /** The pairing code; it is accepted for 15 minutes from `from` on. */
  openPairing(newCode: boolean): Promise<{ readonly code: string; readonly from: 'now' | 'next start' }>
  auditEntries(query: AuditQuery): Promise<AuditEntries>
  verifyAudit(): Promise<AuditVerification>
}

/** The options that name an edge, for parseArgs. */
export const targetFlags = { url: { type: 'string' }, 'data-dir': { type: 'string' } } as const
export const targetUsage = `  --data-dir DIR   data folder of this edge (R_EMS_DATA_DIR; default /var/lib/r-ems)
  --url URL        address of its service when it runs (default: R_EMS_API_PORT or 8080 on this machine)
While the service is stopped, the command works on the data folder itself. While it runs, the command asks it, with the
token in R_EMS_API_TOKEN or the one in the data folder, which only its owner may read.
`

interface TargetValues {
  readonly url?: string | undefined
  readonly 'data-dir'?: string | undefined
}

function urlOf(values: TargetValues, environment: NodeJS.ProcessEnv): string {
  const port = parsePort(environment['R_EMS_API_PORT'] ?? '8080', 'R_EMS_API_PORT')
  const url = values.url ?? `http://127.0.0.1:${port}`
  if (!URL.canParse(url)) throw new UsageError(`--url: "${url}" is not an address`)
  return url
}

/** Finds out whether the service runs, and gets hold of the edge in the one way or the other. */
export async function openTarget(values: TargetValues, environment: NodeJS.ProcessEnv): Promise<EdgeTarget> {
  const folder = dataFolderOf(values, environment)
  const url = urlOf(values, environment)
  const token = environment['R_EMS_API_TOKEN']
  if (token) return remoteEdge(url, token)
  if (!(await isFolder(folder)))
    throw new EdgeError('storage.folder', `there is no data folder ${folder}; name it with --data-dir`)
  try {
    return await localEdge(folder)
  } catch (error) {
    if (!(error instanceof EdgeError) || error.code !== 'storage.busy') throw error
    return remoteEdge(url, await readToken(folder))
  }
}

export const dataFolderOf = (
  values: { readonly 'data-dir'?: string | undefined },
  environment: NodeJS.ProcessEnv,
): string => resolve(values['data-dir'] ?? environment['R_EMS_DATA_DIR'] ?? '/var/lib/r-ems')

const isFolder = (folder: string): Promise<boolean> =>
  stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  )

/** The token that the running service has left for whoever may read its data folder. */
export async function readToken(folder: string): Promise<string> {
  const file = join(folder, consoleTokenFile)
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (error) {
    throw new EdgeError('storage.folder', `${file} cannot be read: ${(error as Error).message}`, { cause: error })
  }
}

/** The service is stopped: works on its data folder. Rejects with storage.busy while it runs. */
async function localEdge(folder: string): Promise<EdgeTarget> {
  await using opening = new AsyncDisposableStack()
  const storage = opening.use(await openStorage({ folder, workerUrl: entries.storageWorker, clock: systemClock }))
  const opened = await openAccess({ folder, clock: systemClock, audit: storage.journal, presets: [], pairs: false })
  const access = opening.use(opened.access)
  const by: Principal = {
    kind: 'console',
    id: 'console',
    name: `r-emsctl, ${userInfo().username}`,
    role: 'admin',
    address: 'console',
  }
  const resources = opening.move()
  return {
    users: async () => access.users(),
    addUser: (request) => access.addUser(by, request),
    setRole: (id, role) => access.setRole(by, id, role),
    setPassword: (id, password) => access.setPassword(by, id, password),
    removeUser: (id) => access.removeUser(by, id),
    tokens: async () => access.tokens(),
    addToken: (request) => access.addToken(by, request),
    removeToken: (id) => access.removeToken(by, id),
    openPairing: async (newCode) => ({ code: await opened.openPairingAtStart(by, newCode), from: 'next start' }),
    async auditEntries(query) {
      const found = await storage.journal.entries(query)
      return auditEntries.parse({ entries: found })
    },
    async verifyAudit() {
      const result = await storage.journal.verify()
      return result.ok
        ? { ok: true, entries: result.entries, headSeq: result.head.seq, headHash: result.head.hash }
        : result
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}

/** A request to a running service, whose answer fits a schema. Rejects with NoAnswer or Refused. */
export type AskService = <S extends z.ZodType>(
  method: string,
  path: string,
  schema: S,
  body?: object,
) => Promise<z.output<S>>

/** Asks the service of an edge, which has to run. */
export async function openService(values: TargetValues, environment: NodeJS.ProcessEnv): Promise<AskService> {
  const url = urlOf(values, environment)
  return askerOf(url, environment['R_EMS_API_TOKEN'] || (await readToken(dataFolderOf(values, environment))))
}

function askerOf(url: string, token: string): AskService {
  return async (method, path, schema, body) => {
    let response: Response
    try {
      response = await fetch(new URL(path, url), {
        method,
        headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
        ...(body && { body: JSON.stringify(body) }),
        // A token is not carried on to another place.
        redirect: 'error',
        signal: AbortSignal.timeout(60_000),
      })
    } catch (error) {
      throw new NoAnswer(`no answer from ${url}. Name the address of the service with --url.`, { cause: error })
    }
    const answer: unknown = response.status === 204 ? null : await response.json().catch(() => undefined)
    if (response.ok) return schema.parse(answer)
    const refused = problem.safeParse(answer).data
    throw new Refused(`${refused?.detail ?? refused?.title ?? `HTTP ${response.status}`}\n${refused?.action ?? ''}`)
  }
}

/** The service runs: asks it. */
function remoteEdge(url: string, token: string): EdgeTarget {
  const ask = askerOf(url, token)
  const query = (values: object): string =>
    new URLSearchParams(
      Object.fromEntries(
        Object.entries(values).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)] as const])),
      ),
    ).toString()

  return {
    users: async () => (await ask('GET', '/api/v1/users', users)).users,
    addUser: (request) => ask('POST', '/api/v1/users', user, request),
    setRole: (id, role) => ask('PATCH', `/api/v1/users/${id}`, user, { role }),
    setPassword: (id, password) => ask('PUT', `/api/v1/users/${id}/password`, z.null(), { password }),
    removeUser: (id) => ask('DELETE', `/api/v1/users/${id}`, z.null()),
    tokens: async () => (await ask('GET', '/api/v1/tokens', apiTokens)).tokens,
    addToken: (request) => ask('POST', '/api/v1/tokens', createdApiToken, request),
    removeToken: (id) => ask('DELETE', `/api/v1/tokens/${id}`, z.null()),
    async openPairing(newCode) {
      const { code } = await ask('POST', '/api/v1/pair/window', pairWindow, { newCode })
      return { code, from: 'now' }
    },
    auditEntries: (wanted) => ask('GET', `/api/v1/audit?${query(wanted)}`, auditEntries),
    verifyAudit: () => ask('GET', '/api/v1/audit/verification', auditVerification),
    [Symbol.asyncDispose]: async () => undefined,
  }
}

/** Nobody answers at the address of the service. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
}

/** The service has refused, in its words. */
export class Refused extends Error {
  override readonly name = 'Refused'
}
