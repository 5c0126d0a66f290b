import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { checkAcceptRequest, checkId, checkRun, checkRunId, checks, checkStartRequest } from '#contract/checks.ts'
import { principalOf } from '../access.ts'
import { answer, nothing, refusals } from '../openapi.ts'
import type { Sources } from '../sources.ts'

const runParameters = z.strictObject({ id: checkRunId })
const checkParameters = z.strictObject({ checkId })

/** Guided tests of the installation. Those that write need their person to be armed, and put back what they found. */
export const checkRoutes: FastifyPluginCallbackZod<{ sources: Sources }> = (app, { sources }, done) => {
  const bench = sources.checks
  const tags = ['checks']
  const config = { access: 'installer' } as const
  app.get(
    '/api/v1/checks',
    {
      config,
      schema: {
        tags,
        summary: 'All checks of this site: what they would write, their worst case, and their newest results',
        response: { 200: answer('The checks', checks), ...refusals() },
      },
    },
    (request) => bench.list(principalOf(request)),
  )
  app.post(
    '/api/v1/checks/runs',
    {
      config,
      schema: {
        tags,
        summary: 'Run a check',
        description:
          'One at a time. A check that writes ends when its person is no longer armed, or has not renewed the run for half a ' +
          'minute; what it changed is put back and read back in every case. Progress comes on the live topic `checks`.',
        body: checkStartRequest,
        response: {
          201: answer('The run', checkRun),
          ...refusals(
            'api.invalid',
            'api.too-large',
            'check.unknown',
            'check.busy',
            'check.refused',
            'workbench.folder',
          ),
        },
      },
    },
    async (request, reply) => reply.code(201).send(await bench.start(request.body, principalOf(request))),
  )
  app.get(
    '/api/v1/checks/runs/:id',
    {
      config,
      schema: {
        tags,
        summary: 'A run with its trace',
        params: runParameters,
        response: {
          200: answer('The run', checkRun),
          ...refusals('api.invalid', 'check.unknown', 'workbench.folder'),
        },
      },
    },
    (request) => bench.run(request.params.id),
  )
  app.put(
    '/api/v1/checks/runs/:id',
    {
      config,
      schema: {
        tags,
        summary: 'Say that somebody still watches a run',
        params: runParameters,
        response: { 204: nothing, ...refusals('api.invalid', 'check.unknown') },
      },
    },
    async (request, reply) => {
      bench.renew(request.params.id)
      return reply.code(204).send(null)
    },
  )
  app.post(
    '/api/v1/checks/runs/:id/abort',
    {
      config: { access: 'installer', unlimited: true },
      schema: {
        tags,
        summary: 'Abort a run; answers once everything is put back and read back',
        params: runParameters,
        response: {
          200: answer('The run', checkRun),
          ...refusals('api.invalid', 'check.unknown', 'workbench.folder'),
        },
      },
    },
    (request) => bench.abort(request.params.id, principalOf(request)),
  )
  app.post(
    '/api/v1/checks/:checkId/acceptance',
    {
      config,
      schema: {
        tags,
        summary: 'Take a check that has not passed as it is, with a reason',
        description: 'What was found stays; who accepted it and why stands beside it.',
        params: checkParameters,
        body: checkAcceptRequest,
        response: {
          200: answer('The run', checkRun),
          ...refusals(
            'api.invalid',
            'api.too-large',
            'check.unknown',
            'check.busy',
            'check.refused',
            'workbench.folder',
          ),
        },
      },
    },
    (request) => bench.accept(request.params.checkId, request.body, principalOf(request)),
  )
  done()
}
