import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import {
  commitAnswer,
  commitRequest,
  deployKey,
  deployKeys,
  deploymentStatus,
  extendRequest,
  generationNumber,
  generations,
  keyId,
  newDeployKey,
  rollbackAnswer,
  rollbackRequest,
  runningConfiguration,
  trialRequest,
} from '#contract/deployment.ts'
import { principalOf } from '../access.ts'
import { answer, nothing, refusals } from '../openapi.ts'
import type { Sources } from '../sources.ts'

const path = '/api/v1/deployment'
const tags = ['deployment']
const stored = ['storage.busy', 'storage.full', 'storage.down', 'deployment.store'] as const
const number = z.strictObject({ number: z.coerce.number().pipe(generationNumber) })
const key = z.strictObject({ id: keyId })

/** What runs on this edge, how it got there, and the trial that is under way; see contract/deployment. */
export const deploymentRoutes: FastifyPluginCallbackZod<{ sources: Sources }> = (app, { sources }, done) => {
  const { deployment } = sources
  app.get(
    path,
    {
      config: { access: 'viewer' },
      schema: {
        tags,
        summary: 'What runs, who is deploying, and the trial with its gates',
        response: { 200: answer('Present state', deploymentStatus), ...refusals() },
      },
    },
    (request) => deployment.status(principalOf(request)),
  )
  app.get(
    `${path}/running`,
    {
      config: { access: 'installer' },
      schema: {
        tags,
        summary: 'The files that run, and what the next bundle has to be bound to',
        response: { 200: answer('Running configuration', runningConfiguration), ...refusals() },
      },
    },
    () => deployment.running(),
  )
  app.get(
    `${path}/generations`,
    {
      config: { access: 'viewer' },
      schema: {
        tags,
        summary: 'The newest 50 generations: who, when, why, and what became of them',
        response: { 200: answer('Newest first', generations), ...refusals() },
      },
    },
    () => ({ generations: deployment.generations() }),
  )
  app.get(
    `${path}/generations/:number`,
    {
      config: { access: 'installer' },
      schema: {
        tags,
        summary: 'The files of a generation',
        params: number,
        response: {
          200: answer('Its configuration', runningConfiguration),
          ...refusals('api.invalid', 'deployment.generation'),
        },
      },
    },
    (request) => deployment.generation(request.params.number),
  )
  app.post(
    `${path}/candidate/commit`,
    {
      config: { access: 'installer' },
      schema: {
        tags,
        summary: 'Starts the service anew with the candidate, on trial',
        description:
          'Everything in `consents` of the candidate has to be named. The answer comes before the restart. Unless it is confirmed ' +
          'over a new connection while every gate is green, the former generation runs again after the countdown.',
        body: commitRequest,
        response: {
          200: answer('The trial', commitAnswer),
          ...refusals(
            'api.invalid',
            'deployment.none',
            'deployment.busy',
            'deployment.checks',
            'deployment.consent',
            'deployment.unavailable',
            'bundle.outdated',
            ...stored,
          ),
        },
      },
    },
    (request) => deployment.commit(request.body, principalOf(request)),
  )
  app.post(
    `${path}/trial/confirm`,
    {
      config: { access: 'installer' },
      schema: {
        tags,
        summary: 'Makes the trial permanent, when every gate is green',
        body: trialRequest,
        response: {
          200: answer('What runs now', deploymentStatus),
          ...refusals('api.invalid', 'deployment.trial', 'deployment.gates', ...stored),
        },
      },
    },
    (request) => deployment.confirm(request.body.trialId, principalOf(request)),
  )
  app.post(
    `${path}/trial/return`,
    {
      config: { access: 'installer', unlimited: true },
      schema: {
        tags,
        summary: 'Runs the former generation again, now',
        body: trialRequest,
        response: {
          200: answer('Before the restart', deploymentStatus),
          ...refusals('api.invalid', 'deployment.trial'),
        },
      },
    },
    (request) => deployment.giveUp(request.body.trialId, principalOf(request)),
  )
  app.post(
    `${path}/trial/extend`,
    {
      config: { access: 'installer' },
      schema: {
        tags,
        summary: 'Begins the countdown anew',
        body: extendRequest,
        response: {
          200: answer('The trial', deploymentStatus),
          ...refusals('api.invalid', 'deployment.trial', ...stored),
        },
      },
    },
    (request) => deployment.extend(request.body.trialId, request.body.countdownS, principalOf(request)),
  )
  app.post(
    `${path}/rollback`,
    {
      config: { access: 'installer', unlimited: true },
      schema: {
        tags,
        summary: 'Goes back to an older generation, as a new one',
        body: rollbackRequest,
        response: {
          200: answer('The new generation', rollbackAnswer),
          ...refusals('api.invalid', 'deployment.generation', 'deployment.busy', 'deployment.unavailable', ...stored),
        },
      },
    },
    (request) => deployment.rollback(request.body, principalOf(request)),
  )
  app.get(
    `${path}/keys`,
    {
      config: { access: 'viewer' },
      schema: {
        tags,
        summary: 'Whose bundles this edge accepts',
        response: { 200: answer('The keys', deployKeys), ...refusals() },
      },
    },
    () => deployment.keys(),
  )
  app.post(
    `${path}/keys`,
    {
      config: { access: 'installer' },
      schema: {
        tags,
        summary: 'Accepts bundles that are signed with a key from now on',
        body: newDeployKey,
        response: { 200: answer('The key', deployKey), ...refusals('api.invalid', 'deployment.key', ...stored) },
      },
    },
    (request) => deployment.addKey(request.body, principalOf(request)),
  )
  app.delete(
    `${path}/keys/:id`,
    {
      config: { access: 'installer' },
      schema: {
        tags,
        summary: 'Accepts them no more',
        params: key,
        response: { 204: nothing, ...refusals('api.invalid', 'deployment.key', ...stored) },
      },
    },
    async (request, reply) => {
      await deployment.removeKey(request.params.id, principalOf(request))
      return reply.code(204).send(null)
    },
  )
  done()
}
