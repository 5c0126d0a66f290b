import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import {
  backupRequest,
  backupState,
  maxBackupBytes,
  replacementRequest,
  restoreAnswer,
  restoreRequest,
} from '#contract/backup.ts'
import { principalOf } from '../access.ts'
import { answer, refusals } from '../openapi.ts'
import type { Sources } from '../sources.ts'

const stored = ['storage.busy', 'storage.full', 'storage.down'] as const
const binary = z.unknown().meta({ type: 'string', format: 'binary' })

/** Backup of this edge, and its replacement by another machine. */
export const backupRoutes: FastifyPluginCallbackZod<{ sources: Sources }> = (app, { sources }, done) => {
  const { backup } = sources
  app.get(
    '/api/v1/backup',
    {
      config: { access: 'viewer' },
      schema: {
        tags: ['service'],
        summary: 'Whether a backup can be restored here, and whether this edge replaces another one',
        response: { 200: answer('Backup and replacement', backupState), ...refusals() },
      },
    },
    () => backup.state(),
  )
  app.post(
    '/api/v1/backup',
    {
      config: { access: 'admin' },
      schema: {
        tags: ['service'],
        summary: 'A backup: confirmed site, maps, settings, secrets, certificates, accounts and licence, encrypted',
        description:
          'Whoever has the passphrase can become this edge. History and whether control is enabled are not in it.',
        body: backupRequest,
        response: {
          200: answer('The backup', binary, 'application/octet-stream'),
          ...refusals('api.invalid', 'api.too-large', 'backup.damaged', 'backup.not-empty', ...stored),
        },
      },
    },
    async (request, reply) =>
      reply.type('application/octet-stream').send(await backup.make(request.body.passphrase, principalOf(request))),
  )
  app.post(
    '/api/v1/backup/restore',
    {
      config: { access: 'admin' },
      bodyLimit: Math.ceil(maxBackupBytes * 1.4),
      schema: {
        tags: ['service'],
        summary: 'Makes this edge, which has no site yet, the one of a backup; the service restarts',
        description: 'Control stays off until somebody has confirmed that the old edge is gone.',
        body: restoreRequest,
        response: {
          200: answer('What was restored', restoreAnswer),
          ...refusals(
            'api.invalid',
            'api.too-large',
            'backup.invalid',
            'backup.newer',
            'backup.damaged',
            'backup.passphrase',
            'backup.not-empty',
            ...stored,
          ),
        },
      },
    },
    (request) => backup.restore(request.body, principalOf(request)),
  )
  app.post(
    '/api/v1/backup/replacement',
    {
      config: { access: 'installer' },
      schema: {
        tags: ['service'],
        summary: 'Confirms that the edge that this one replaces is gone: control may be enabled afterwards',
        body: replacementRequest,
        response: {
          200: answer('Backup and replacement', backupState),
          ...refusals('api.invalid', 'api.too-large', 'backup.not-empty', ...stored),
        },
      },
    },
    (request) => backup.confirmReplacement(request.body, principalOf(request)),
  )
  done()
}
