import type { Principal } from '#contract/access.ts'
import type { ContactAnswer, EdgePairRequest, FoundEdges, KnownEdges, PairedAnswer } from '#contract/edges.ts'

/** A question to another edge's deployment. */
export interface ForwardedRequest {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Behind /api/v1/deployment; empty for that itself. */
  readonly path: string
  readonly body?: unknown
}

/** Other edges, as the API asks about them. */
export interface EdgeSources {
  list(): Promise<KnownEdges>
  found(): Promise<FoundEdges>
  contact(address: string): Promise<ContactAnswer>
  pair(request: EdgePairRequest, by: Principal): Promise<PairedAnswer>
  remove(id: string, by: Principal): Promise<void>
  /** What the edge answers, whatever its status. Rejects with edge.unknown, edge.not-paired, edge.silent or edge.refused. */
  forward(id: string, request: ForwardedRequest, by: Principal): Promise<{ status: number; body: unknown }>
}
