import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { EdgeError, type ErrorCode } from '#contract/errors.ts'
import { captureName, job, jobId, jobRequest, jobSummary } from '#contract/workbench.ts'
import { principalOf } from '../access.ts'
import { answer, nothing, refusals } from '../openapi.ts'
import type { Sources } from '../sources.ts'

const id = z.strictObject({ id: jobId })
/** Recorded files are large; nobody on a site has time for more. */
const largestCaptureBytes = 64 * 1024 * 1024

/** What can stand in the way of a job. */
const startRefusals = [
  'api.invalid',
  'api.too-large',
  'config.invalid',
  'workbench.busy',
  'workbench.refused',
  'workbench.folder',
] as const satisfies readonly ErrorCode[]

/** The jobs of the workbench: listening and scanning. They go on when nobody looks. */
export const workbenchJobRoutes: FastifyPluginCallbackZod<{ sources: Sources }> = (app, { sources }, done) => {
  const bench = sources.workbench
  const tags = ['workbench']
  const config = { access: 'installer' } as const
  app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, parsed) =>
    parsed(null, body),
  )
  app.post(
    '/api/v1/workbench/jobs',
    {
      config,
      schema: {
        tags,
        summary: 'Start a job',
        description:
          'One at a time per bus. It only reads. Progress comes over the live socket (`workbench`, `job:ID`), results as they ' +
          'are found; what is kept are plain files in the site folder.',
        body: jobRequest,
        response: { 201: answer('The job', jobSummary), ...refusals(...startRefusals) },
      },
    },
    async (request, reply) => reply.code(201).send(await bench.start(request.body, principalOf(request))),
  )
  app.get(
    '/api/v1/workbench/jobs/:id',
    {
      config,
      schema: {
        tags,
        summary: 'A job with what it has found so far',
        params: id,
        response: {
          200: answer('The job', job),
          ...refusals('api.invalid', 'workbench.unknown', 'workbench.folder'),
        },
      },
    },
    (request) => bench.job(request.params.id),
  )
  app.post(
    '/api/v1/workbench/jobs/:id/stop',
    {
      config: { access: 'installer', unlimited: true },
      schema: {
        tags,
        summary: 'Stop a job within one frame',
        params: id,
        response: { 200: answer('The job', jobSummary), ...refusals('api.invalid', 'workbench.unknown') },
      },
    },
    (request) => bench.stop(request.params.id),
  )
  app.post(
    '/api/v1/workbench/jobs/:id/resume',
    {
      config,
      schema: {
        tags,
        summary: 'Go on where a job ended early',
        params: id,
        response: { 200: answer('The job', jobSummary), ...refusals(...startRefusals, 'workbench.unknown') },
      },
    },
    (request) => bench.resume(request.params.id, principalOf(request)),
  )
  app.delete(
    '/api/v1/workbench/jobs/:id',
    {
      config,
      schema: {
        tags,
        summary: 'Remove a job and what it found',
        params: id,
        response: { 204: nothing, ...refusals('api.invalid', 'workbench.unknown', 'workbench.folder') },
      },
    },
    async (request, reply) => {
      await bench.remove(request.params.id)
      return reply.code(204).send(null)
    },
  )
  app.get(
    '/api/v1/workbench/jobs/:id/table',
    {
      config,
      schema: {
        tags,
        summary: 'What a job has found, as CSV',
        params: id,
        response: {
          200: answer('One row per unit, endpoint, register or block', z.string(), 'text/csv'),
          ...refusals('api.invalid', 'workbench.unknown', 'workbench.folder'),
        },
      },
    },
    async (request, reply) => {
      const name = `${request.params.id}.csv`
      return reply
        .type('text/csv; charset=utf-8')
        .header('content-disposition', `attachment; filename="${name}"`)
        .send(await bench.table(request.params.id))
    },
  )
  app.get(
    '/api/v1/workbench/jobs/:id/capture',
    {
      config,
      schema: {
        tags,
        summary: 'What a job has heard, as pcapng for Wireshark',
        params: id,
        response: {
          200: answer('The newest frames', z.any(), 'application/x-pcapng'),
          ...refusals('api.invalid', 'workbench.unknown', 'workbench.folder'),
        },
      },
    },
    async (request, reply) =>
      reply
        .type('application/x-pcapng')
        .header('content-disposition', `attachment; filename="${request.params.id}.pcapng"`)
        .send(Buffer.from(await bench.capture(request.params.id))),
  )
  app.post(
    '/api/v1/workbench/captures',
    {
      config,
      bodyLimit: largestCaptureBytes,
      schema: {
        tags,
        summary: 'Read a recorded file: pcap, pcapng or a log of hexadecimal bytes',
        description: 'The body is the file as application/octet-stream. It is kept, and replayed as a job.',
        querystring: z.strictObject({ name: captureName }),
        response: { 201: answer('The job', jobSummary), ...refusals(...startRefusals, 'capture.invalid') },
      },
    },
    async (request, reply) => {
      const { body } = request
      if (!Buffer.isBuffer(body) || body.length === 0)
        throw new EdgeError('capture.invalid', 'the body is not a file sent as application/octet-stream')
      return reply.code(201).send(await bench.replay(request.query.name, body, principalOf(request)))
    },
  )
  done()
}
