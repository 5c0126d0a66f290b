import type { EdgeSources, ForwardedRequest } from '../../../service/api/edge-sources.ts'
import { EdgeError } from '#contract/errors.ts'

export const edgeId = '6f1c0c9e-8f0e-4d5e-9d55-0d8f3f1f2a10'

/** One paired edge that says back what it was asked. */
export function fakeEdges(): EdgeSources & { readonly asked: ForwardedRequest[] } {
  const asked: ForwardedRequest[] = []
  const problem = { reason: 'unreachable', message: 'Nobody answers at this address.', action: 'Check it.' } as const
  return {
    asked,
    list: async () => ({
      edges: [
        {
          id: edgeId,
          name: 'edge-07',
          address: 'https://127.0.0.1:8443',
          caFingerprints: [Array.from({ length: 32 }, () => 'AB').join(':')],
          token: 'stored',
        },
      ],
    }),
    found: async () => ({ edges: [] }),
    contact: async () => ({ ok: false, problem }),
    pair: async () => ({ ok: false, problem }),
    remove: async () => undefined,
    async forward(id, request) {
      if (id !== edgeId) throw new EdgeError('edge.unknown', 'this edge is not in the list')
      asked.push(request)
      if (request.path === 'trial/confirm')
        return { status: 409, body: { type: 'deployment.gates', title: 'Conflict', status: 409 } }
      return { status: 200, body: { asked: request.path } }
    },
  }
}
