import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import {
  setupChange,
  setupCheck,
  setupDraft,
  setupForms,
  setupPreview,
  setupReading,
  setupReadingRequest,
  setupState,
  setupWrite,
  setupWritten,
} from '#contract/setup.ts'
import { principalOf } from '../access.ts'
import { answer, refusals } from '../openapi.ts'
import type { Sources } from '../sources.ts'

/** Above the largest answers that are kept. */
const bodyLimit = 2_000_000

/** The setup wizard: answers, what is still to be done about them, and the files that follow from them. */
export const setupRoutes: FastifyPluginCallbackZod<{ sources: Sources }> = (app, { sources }, done) => {
  const { setup } = sources
  const tags = ['setup']
  const config = { access: 'installer' } as const
  app.get(
    '/api/v1/setup/forms',
    {
      config,
      schema: {
        tags,
        summary: 'The fields that the wizard asks, and the point maps that a device can be given',
        response: { 200: answer('The forms', setupForms), ...refusals() },
      },
    },
    () => setup.forms(),
  )
  app.get(
    '/api/v1/setup/answers',
    {
      config,
      schema: {
        tags,
        summary: 'The answers so far, with what is open, wrong or suggested',
        description: 'Without answers, those that the running site stands for.',
        response: { 200: answer('The answers', setupState), ...refusals('workbench.folder') },
      },
    },
    () => setup.state(),
  )
  app.put(
    '/api/v1/setup/answers',
    {
      config,
      bodyLimit,
      schema: {
        tags,
        summary: 'Keep answers, complete or not',
        body: setupChange,
        response: {
          200: answer('The answers', setupState),
          ...refusals('api.invalid', 'api.too-large', 'setup.changed', 'workbench.folder'),
        },
      },
    },
    (request) => setup.change(request.body, principalOf(request)),
  )
  app.delete(
    '/api/v1/setup/answers',
    {
      config,
      schema: {
        tags,
        summary: 'Forget the answers; what runs stays as it is',
        response: { 200: answer('The answers of the running site', setupState), ...refusals('workbench.folder') },
      },
    },
    () => setup.discard(),
  )
  app.post(
    '/api/v1/setup/check',
    {
      config,
      bodyLimit,
      schema: {
        tags,
        summary: 'What is open, wrong or suggested in answers, without keeping them',
        body: z.strictObject({ answers: setupDraft }),
        response: { 200: answer('The check', setupCheck), ...refusals('api.invalid', 'api.too-large') },
      },
    },
    (request) => setup.check(request.body.answers),
  )
  app.post(
    '/api/v1/setup/reading',
    {
      config,
      schema: {
        tags,
        summary: 'Read a device once, to see whether it is the right one',
        description:
          'On a bus that the service polls, in its gaps; else over a connection that is closed again. Nothing is written.',
        body: setupReadingRequest,
        response: {
          200: answer('Its values', setupReading),
          ...refusals('api.invalid', 'api.too-large', 'setup.invalid'),
        },
      },
    },
    (request) => setup.read(request.body),
  )
  app.get(
    '/api/v1/setup/files',
    {
      config,
      schema: {
        tags,
        summary: 'The files that follow from the answers, and what they change',
        response: {
          200: answer('The files', setupPreview),
          ...refusals('setup.open', 'setup.invalid', 'workbench.folder'),
        },
      },
    },
    () => setup.preview(),
  )
  app.post(
    '/api/v1/setup/files',
    {
      config,
      schema: {
        tags,
        summary: 'Write the files',
        description:
          'Where no site runs, they become the site and the service starts anew with it. Else they are a draft beside it: ' +
          'nothing that runs changes before it is deployed.',
        body: setupWrite,
        response: {
          200: answer('What was written', setupWritten),
          ...refusals(
            'api.invalid',
            'api.too-large',
            'setup.open',
            'setup.invalid',
            'setup.changed',
            'workbench.folder',
          ),
        },
      },
    },
    (request) => setup.write(request.body.revision, principalOf(request)),
  )
  done()
}
