import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { handoverDraft, handoverReport, signedHandover, signedHandovers, signRequest } from '#contract/handover.ts'
import { principalOf } from '../access.ts'
import { answer, refusals } from '../openapi.ts'
import type { Sources } from '../sources.ts'

const fileParams = z.strictObject({
  file: z
    .string()
    .regex(/^\d{8}-\d{6}(-\d+)?\.(json|html|pdf)$/, 'ID.json, ID.html or ID.pdf')
    .meta({ title: 'File' }),
})
const contentTypes: Readonly<Record<string, string>> = {
  json: 'application/json',
  html: 'text/html; charset=utf-8',
  pdf: 'application/pdf',
}
/** Which no schema looks into. */
const binary = z.unknown().meta({ type: 'string', format: 'binary' })
const page = z.unknown().meta({ type: 'string' })
/** With a logo of 220 kB in base64. */
const draftBytes = 512_000
/** A report runs no script and loads nothing, wherever it is opened. */
const reportPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox"

/** The handover report: its draft, what it would say now, and what was signed. */
export const handoverRoutes: FastifyPluginCallbackZod<{ sources: Sources }> = (app, { sources }, done) => {
  const { handover } = sources
  const tags = ['handover']
  const installer = { access: 'installer' } as const
  const viewer = { access: 'viewer' } as const
  app.get(
    '/api/v1/handover/draft',
    {
      config: installer,
      schema: {
        tags,
        summary: 'What people have typed for the report',
        response: { 200: answer('The draft', handoverDraft), ...refusals() },
      },
    },
    () => handover.draft(),
  )
  app.put(
    '/api/v1/handover/draft',
    {
      config: installer,
      bodyLimit: draftBytes,
      schema: {
        tags,
        summary: 'Replace the draft; it names the revision that it was made on',
        body: handoverDraft,
        response: {
          200: answer('The draft with its new revision', handoverDraft),
          ...refusals('api.invalid', 'api.too-large', 'handover.changed', 'workbench.folder'),
        },
      },
    },
    (request) => handover.saveDraft(request.body),
  )
  app.get(
    '/api/v1/handover',
    {
      config: viewer,
      schema: {
        tags,
        summary: 'The report as it would be signed now',
        response: { 200: answer('The report', handoverReport), ...refusals() },
      },
    },
    (request) => handover.report(principalOf(request)),
  )
  app.get(
    '/api/v1/handover/preview',
    {
      config: viewer,
      schema: {
        tags,
        summary: 'The same as an HTML page without scripts',
        response: { 200: answer('The page', page, 'text/html'), ...refusals() },
      },
    },
    async (request, reply) => {
      const html = await handover.preview(principalOf(request))
      return reply.header('content-security-policy', reportPolicy).type('text/html; charset=utf-8').send(html)
    },
  )
  app.post(
    '/api/v1/handover/sign',
    {
      config: installer,
      schema: {
        tags,
        summary: 'Sign the report as it is now, with the key of the site',
        body: signRequest,
        response: {
          200: answer('The signed report', signedHandover),
          ...refusals('api.invalid', 'handover.open', 'workbench.folder', 'workbench.full'),
        },
      },
    },
    (request) => handover.sign(request.body, principalOf(request)),
  )
  app.get(
    '/api/v1/handover/signed',
    {
      config: viewer,
      schema: {
        tags,
        summary: 'Reports that were signed, newest first',
        response: { 200: answer('The reports', signedHandovers), ...refusals() },
      },
    },
    () => handover.signed(),
  )
  app.get(
    '/api/v1/handover/signed/:file',
    {
      config: viewer,
      schema: {
        tags,
        summary: 'A file of a signed report: JSON, HTML or PDF',
        params: fileParams,
        response: {
          200: answer('The file', binary, 'application/octet-stream'),
          ...refusals('api.invalid', 'workbench.unknown'),
        },
      },
    },
    async (request, reply) => {
      const { file } = request.params
      const bytes = await handover.file(file)
      return reply
        .header('content-security-policy', reportPolicy)
        .header('content-disposition', `attachment; filename="handover-${file}"`)
        .type(contentTypes[file.slice(file.lastIndexOf('.') + 1)] ?? 'application/octet-stream')
        .send(bytes)
    },
  )
  done()
}
