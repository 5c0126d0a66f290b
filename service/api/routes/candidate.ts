import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { candidate, candidateFiles, checkReport, mostBundleBytes, signedBundle } from '#contract/deployment.ts'
import { principalOf } from '../access.ts'
import { answer, nothing, refusals } from '../openapi.ts'
import type { Sources } from '../sources.ts'

const path = '/api/v1/deployment/candidate'
const tags = ['deployment']
const config = { access: 'installer' } as const
const received = [
  'api.invalid',
  'api.too-large',
  'deployment.busy',
  'deployment.unavailable',
  'bundle.outdated',
  'bundle.forbidden',
  'bundle.invalid',
  'config.invalid',
] as const
const held = ['deployment.none', 'deployment.busy'] as const

/** The one configuration that is being looked at on this edge; see contract/deployment. */
export const candidateRoutes: FastifyPluginCallbackZod<{ sources: Sources }> = (app, { sources }, done) => {
  const { deployment } = sources
  app.post(
    path,
    {
      config,
      bodyLimit: mostBundleBytes,
      schema: {
        tags,
        summary: 'Takes a signed bundle as the candidate',
        description: 'Holds the deployment for whoever sent it, until it is committed or let go, or for 30 minutes.',
        body: signedBundle,
        response: {
          200: answer('The candidate, compared with what runs', candidate),
          ...refusals(
            ...received,
            'bundle.malformed',
            'bundle.altered',
            'bundle.untrusted',
            'bundle.foreign',
            'bundle.expired',
          ),
        },
      },
    },
    (request) => deployment.send(request.body, principalOf(request)),
  )
  app.post(
    `${path}/files`,
    {
      config,
      bodyLimit: mostBundleBytes,
      schema: {
        tags,
        summary: 'Makes a candidate of files; the edge signs it itself',
        body: candidateFiles,
        response: {
          200: answer('The candidate, compared with what runs', candidate),
          ...refusals(...received, 'config.not-found'),
        },
      },
    },
    (request) => deployment.make(request.body, principalOf(request)),
  )
  app.get(
    path,
    {
      config,
      schema: {
        tags,
        summary: 'The candidate',
        response: { 200: answer('The candidate', candidate), ...refusals(...held) },
      },
    },
    (request) => deployment.candidate(principalOf(request)),
  )
  app.delete(
    path,
    {
      config,
      schema: {
        tags,
        summary: 'Lets the candidate go',
        response: { 204: nothing, ...refusals(...held) },
      },
    },
    async (request, reply) => {
      deployment.discard(principalOf(request))
      return reply.code(204).send(null)
    },
  )
  app.post(
    `${path}/checks`,
    {
      config,
      schema: {
        tags,
        summary: 'Checks the candidate on the edge; nothing is written to a device',
        response: { 200: answer('The checks as they begin', checkReport), ...refusals(...held) },
      },
    },
    (request) => deployment.startChecks(principalOf(request)),
  )
  app.get(
    `${path}/checks`,
    {
      config,
      schema: {
        tags,
        summary: 'What the checks have found so far',
        response: { 200: answer('The checks', checkReport), ...refusals(...held) },
      },
    },
    (request) => deployment.checks(principalOf(request)),
  )
  app.delete(
    `${path}/checks`,
    {
      config,
      schema: {
        tags,
        summary: 'Stops the checks; what was found stays',
        response: { 200: answer('The checks', checkReport), ...refusals(...held) },
      },
    },
    (request) => deployment.stopChecks(principalOf(request)),
  )
  done()
}
