import { join } from 'node:path'
import type { Principal } from '#contract/access.ts'
import { problem } from '#contract/api.ts'
import type { EdgeProblem } from '#contract/desktop.ts'
import { EdgeError, type ErrorCode } from '#contract/errors.ts'
import type { EdgeSources, ForwardedRequest } from '../api/edge-sources.ts'
import { checkSiteFiles } from '../configuration/check-site.ts'
import { bringFiles } from '../deployment/bring-files.ts'
import { type KeyFolder, openSigningKey } from '../deployment/keys.ts'
import type { Clock } from '../domain/clock.ts'
import type { MapLibrary } from '../pointmap/load.ts'
import { createEdgeManager, type EdgeManager } from '../trust/edges/edge-manager.ts'
import { type KeyStore, openEdgeStore } from '../trust/edges/edge-store.ts'
import { browse } from '../trust/mdns.ts'

const browseMs = 2_000
/** Reading every point of a large site takes its time; the countdown of a trial does not wait for it. */
const answerWithinMs = 60_000

/** edges.json is readable for its owner only, as the keys of a service are: there is no person whose key store could be asked. */
const ownFile: KeyStore = {
  isSafe: () => true,
  encrypt: (text) => Buffer.from(text),
  decrypt: (data) => data.toString(),
}

/** The edges that this machine has paired with, in its data folder. */
export function openKnownEdges(dataFolder: string, builtAtMs: number): EdgeManager {
  return createEdgeManager({
    store: openEdgeStore(join(dataFolder, 'edges.json'), ownFile),
    nowMs: () => Date.now(),
    builtAtMs,
    browse: () => browse(AbortSignal.timeout(browseMs)),
  })
}

/** What the API asks about other edges. Their certificates are judged anew with every question. */
export function createEdgeSources(options: {
  edges: EdgeManager
  /** How an edge lists this machine. */
  clientName: string
  clock: Clock
  /** Maps that a candidate need not bring itself. */
  library: MapLibrary
  keys: KeyFolder
  journal(by: Principal, detail: string): Promise<unknown>
}): EdgeSources {
  const { edges, clientName, clock, library, keys, journal } = options

  async function ask(id: string, { method, path, body }: ForwardedRequest): Promise<{ status: number; body: unknown }> {
    const answer = await edges.ask(id, {
      method,
      path: `/api/v1/deployment${path === '' ? '' : `/${path}`}`,
      withinMs: answerWithinMs,
      ...(body !== undefined && { body }),
    })
    if (!answer.ok) throw refusal(answer.problem)
    const { status, body: said } = answer.value
    // Passed on, it would mean that the person at this service is not signed in any more.
    if (status === 401)
      throw new EdgeError('edge.not-paired', 'the edge does not accept the token of this machine any more')
    if (status >= 400 && !problem.safeParse(said).success)
      throw new EdgeError('edge.refused', `the edge answers with status ${status}, and does not say why`)
    return answer.value
  }

  return {
    list: async () => ({ edges: [...(await edges.list())] }),
    found: async () => ({ edges: [...(await edges.discover())].slice(0, 200) }),
    async contact(address) {
      const answer = await edges.addByAddress(address)
      return answer.ok ? { ok: true, value: answer.value } : { ok: false, problem: answer.problem }
    },
    async pair({ contactId, code }, by) {
      const answer = await edges.pair({ contactId, code, clientName })
      if (!answer.ok) return { ok: false, problem: answer.problem }
      await journal(by, `paired with ${answer.value.name} at ${answer.value.address}`)
      return { ok: true, value: answer.value }
    },
    async remove(id, by) {
      await journal(by, `forgets the edge ${id}`)
      await edges.remove(id)
    },
    async forward(id, request, by) {
      if (request.method !== 'POST' || request.path !== 'candidate/files') return ask(id, request)
      return bringFiles((question) => ask(id, question), request.body, {
        check: (files) => checkSiteFiles(files, library),
        key: () => openSigningKey(keys),
        by: `${by.name} at ${clientName}`,
        owner: clientName,
        nowMs: clock.nowMs(),
      })
    },
  }
}

function refusal({ reason, message }: EdgeProblem): EdgeError {
  const codes: Partial<Record<EdgeProblem['reason'], ErrorCode>> = {
    unreachable: 'edge.silent',
    'unknown-edge': 'edge.unknown',
    'not-paired': 'edge.not-paired',
  }
  return new EdgeError(codes[reason] ?? 'edge.refused', message)
}
