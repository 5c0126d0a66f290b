import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { plausibility } from '#contract/plausibility.ts'
import { siteId } from '#contract/site-device.ts'
import { newProof, proofTarget, proofWithdrawal, verification } from '#contract/verification.ts'
import { principalOf } from '../access.ts'
import { answer, refusals } from '../openapi.ts'
import type { Sources } from '../sources.ts'

const path = '/api/v1/verification/:deviceId/:kind/:name'
const stored = ['storage.busy', 'storage.full', 'storage.down'] as const

/** What is proven on this site. Automatic control waits for what it needs of it (S12). */
export const verificationRoutes: FastifyPluginCallbackZod<{ sources: Sources }> = (app, { sources }, done) => {
  const tags = ['commissioning']
  app.get(
    '/api/v1/verification',
    {
      config: { access: 'viewer' },
      schema: {
        tags,
        summary: 'What is proven on this site, and what automatic control still waits for',
        response: { 200: answer('By device', verification), ...refusals() },
      },
    },
    () => sources.verification(),
  )
  app.get(
    '/api/v1/devices/:id/plausibility',
    {
      config: { access: 'viewer' },
      schema: {
        tags,
        summary: 'Whether what a device measures agrees with itself',
        description:
          'Sums of phases, power against voltage and current, energy against power, frequencies, the balance of the grid.',
        params: z.strictObject({ id: siteId }),
        response: {
          200: answer('Each check with its numbers', plausibility),
          ...refusals('api.invalid', 'device.unknown'),
        },
      },
    },
    (request) => sources.plausibility(request.params.id),
  )
  app.post(
    path,
    {
      config: { access: 'installer' },
      schema: {
        tags,
        summary: 'Mark a command, a sign or a point as verified for this site',
        description:
          'It is in the journal and in the site file, with who, when and how, before it holds: from the next cycle on, automatic ' +
          'control may rest on it.',
        params: proofTarget,
        body: newProof,
        response: {
          201: answer('All that is proven', verification),
          ...refusals(
            'api.invalid',
            'api.too-large',
            'device.unknown',
            'verify.unknown',
            'verify.twice',
            'site.changed',
            ...stored,
          ),
        },
      },
    },
    async (request, reply) =>
      reply.code(201).send(await sources.verify(request.params, request.body, principalOf(request))),
  )
  app.delete(
    path,
    {
      config: { access: 'installer' },
      schema: {
        tags,
        summary: 'Take it back',
        description: 'Automatic control stops using what rests on it with the next cycle.',
        params: proofTarget,
        querystring: proofWithdrawal,
        response: {
          200: answer('All that is proven', verification),
          ...refusals('api.invalid', 'device.unknown', 'verify.unknown', 'site.changed', ...stored),
        },
      },
    },
    (request) => sources.unverify(request.params, request.query, principalOf(request)),
  )
  done()
}
