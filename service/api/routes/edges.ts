import type { FastifyReply } from 'fastify'
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { mostBundleBytes } from '#contract/deployment.ts'
import {
  contactAnswer,
  deploymentPath,
  edgeContactRequest,
  edgePairRequest,
  foundEdges,
  knownEdges,
  pairedAnswer,
} from '#contract/edges.ts'
import { principalOf } from '../access.ts'
import { answer, nothing, refusals } from '../openapi.ts'
import type { ForwardedRequest } from '../edge-sources.ts'
import type { Sources } from '../sources.ts'

const params = z.strictObject({ id: z.uuid().meta({ title: 'Edge' }) })
const deeper = params.extend({ '*': deploymentPath })
const anything = z.unknown().meta({ description: 'As the edge answers to the same question' })

/** Refusals of the edge are passed on as they are; the compiler knows only of 200. */
const passOn = (reply: FastifyReply, status: number, body: unknown): FastifyReply =>
  reply.status(status).send(body ?? null)

/** Other edges that this service has paired with, and their deployment as if it were its own. */
export const edgeRoutes: FastifyPluginCallbackZod<{ sources: Sources }> = (app, { sources }, done) => {
  const { edges } = sources
  const tags = ['edges']
  const config = { access: 'installer' } as const
  app.get(
    '/api/v1/edges',
    {
      config,
      schema: {
        tags,
        summary: 'Edges that this service has paired with',
        response: { 200: answer('The edges', knownEdges), ...refusals() },
      },
    },
    () => edges.list(),
  )
  app.get(
    '/api/v1/edges/found',
    {
      config,
      schema: {
        tags,
        summary: 'Edges that announce themselves on the local network; takes two seconds',
        response: { 200: answer('What they claim', foundEdges), ...refusals() },
      },
    },
    () => edges.found(),
  )
  app.post(
    '/api/v1/edges/contacts',
    {
      config,
      schema: {
        tags,
        summary: 'First contact: the fingerprint to compare. Nothing but the TLS greeting is sent',
        body: edgeContactRequest,
        response: { 200: answer('The contact, or why there is none', contactAnswer), ...refusals('api.invalid') },
      },
    },
    (request) => edges.contact(request.body.address),
  )
  app.post(
    '/api/v1/edges/pair',
    {
      config,
      schema: {
        tags,
        summary: 'Send the pairing code to the edge of a contact and pin its CA',
        body: edgePairRequest,
        response: { 200: answer('The edge, or why not', pairedAnswer), ...refusals('api.invalid') },
      },
    },
    (request) => edges.pair(request.body, principalOf(request)),
  )
  app.delete(
    '/api/v1/edges/:id',
    {
      config,
      schema: {
        tags,
        summary: 'Forget an edge, its CA and its token',
        params,
        response: { 204: nothing, ...refusals('api.invalid') },
      },
    },
    async (request, reply) => {
      await edges.remove(request.params.id, principalOf(request))
      return reply.status(204).send(null)
    },
  )

  const forwarded = {
    tags,
    response: {
      200: answer('What the edge answers', anything),
      ...refusals(
        'api.invalid',
        'api.too-large',
        'edge.unknown',
        'edge.not-paired',
        'edge.silent',
        'edge.refused',
        'access.role',
        'config.invalid',
        'deployment.busy',
      ),
    },
  }
  const bodies = { config, bodyLimit: mostBundleBytes }
  app.get(
    '/api/v1/edges/:id/deployment',
    { config, schema: { ...forwarded, summary: 'The deployment of another edge', params } },
    async (request, reply) => {
      const { status, body } = await edges.forward(request.params.id, { method: 'GET', path: '' }, principalOf(request))
      return passOn(reply, status, body)
    },
  )
  for (const method of ['GET', 'POST', 'DELETE'] as const) {
    app.route({
      method,
      url: '/api/v1/edges/:id/deployment/*',
      ...bodies,
      schema: { ...forwarded, summary: 'A question to the deployment of another edge', params: deeper },
      handler: async (request, reply) => {
        const { id, '*': path } = request.params
        const asked: ForwardedRequest = { method, path, ...(request.body !== undefined && { body: request.body }) }
        const { status, body } = await edges.forward(id, asked, principalOf(request))
        return passOn(reply, status, body)
      },
    })
  }
  done()
}
