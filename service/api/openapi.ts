import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { z } from 'zod'
import * as contract from '#contract/api.ts'
import * as accessContract from '#contract/access.ts'
import * as controlContract from '#contract/control.ts'
import { type ErrorCode, errorTable } from '#contract/errors.ts'
import { deviceSummary, liveMessage, liveRequest } from '#contract/live.ts'
import * as workbenchContract from '#contract/workbench.ts'
import * as mapContract from '#contract/map-editor.ts'
import * as registerContract from '#contract/workbench-registers.ts'
import { problemType } from './problems.ts'
import { documentationPolicy } from './security-headers.ts'

/** Schemas that have a name of their own in the document. */
const components = {
  Problem: contract.problem,
  Fault: contract.fault,
  Health: contract.health,
  Status: contract.status,
  CycleStats: contract.cycleStats,
  ControlState: contract.controlState,
  ControlRequest: contract.controlRequest,
  Device: contract.device,
  DeviceSummary: deviceSummary,
  Devices: contract.devices,
  PowerFlow: contract.powerFlow,
  Measurements: contract.measurements,
  SiteEvent: contract.siteEvent,
  Events: contract.events,
  Principal: accessContract.principal,
  Session: accessContract.session,
  User: accessContract.user,
  ApiToken: accessContract.apiToken,
  AuditEntry: accessContract.auditEntry,
  ControlWish: controlContract.controlWish,
  ArmedState: controlContract.armedState,
  GridCycle: controlContract.gridCycle,
  GridState: controlContract.gridState,
  Explanation: controlContract.explanation,
  WriteRule: controlContract.writeRule,
  Workbench: workbenchContract.workbench,
  WorkbenchPort: workbenchContract.workbenchPort,
  JobRequest: workbenchContract.jobRequest,
  JobSummary: workbenchContract.jobSummary,
  Job: workbenchContract.job,
  Lease: workbenchContract.lease,
  AcceptedDevice: workbenchContract.acceptedDevice,
  RegisterWatch: registerContract.registerWatch,
  WatchUpdate: registerContract.watchUpdate,
  RegisterSnapshot: registerContract.registerSnapshot,
  MapSummary: mapContract.mapSummary,
  MapDocument: mapContract.mapDocument,
  MapChecked: mapContract.mapChecked,
  MapValues: mapContract.mapValues,
  LiveRequest: liveRequest,
  LiveMessage: liveMessage,
}
for (const [id, schema] of Object.entries(components)) z.globalRegistry.add(schema, { ...schema.meta(), id })

/** Refusals that any request can meet. */
const everywhere = [
  'api.too-many',
  'api.timeout',
  'api.headers-too-large',
  'api.malformed',
  'api.origin-refused',
  'api.url-too-long',
  'api.media-refused',
  'api.host-refused',
  'api.internal',
] as const satisfies readonly ErrorCode[]

/** Refusals of routes that are not public. */
const guarded = [
  'api.token-missing',
  'api.token-wrong',
  'access.session-ended',
  'access.role',
] as const satisfies readonly ErrorCode[]

interface Answer<S extends z.ZodType> {
  readonly description: string
  readonly content: Readonly<Record<string, { readonly schema: S }>>
}

export function answer<S extends z.ZodType>(description: string, schema: S, type = 'application/json'): Answer<S> {
  return { description, content: { [type]: { schema } } }
}

/** An answer without a body. */
export const nothing = z.null().meta({ description: 'Done; there is nothing to say' })

type Refusals = Record<number, Answer<typeof contract.problem>>

/** The refusals of a route by status, as problem documents; those that every guarded route has come by themselves. */
export const refusals = (...codes: ErrorCode[]): Refusals => publicRefusals(...guarded, ...codes)

/** The same for a public route. */
export function publicRefusals(...codes: ErrorCode[]): Refusals {
  const byStatus: Refusals = {}
  for (const [status, group] of Map.groupBy(new Set([...everywhere, ...codes]), (code) => errorTable[code].status)) {
    const description = group.map((code) => `\`${code}\`: ${errorTable[code].action}`).join('\n\n')
    byStatus[status] = answer(description, contract.problem, problemType)
  }
  return byStatus
}

/** OpenAPI 3.1 at /api/v1/openapi.json, and a page to browse it at /docs. Must be installed before the routes. */
export async function installDocumentation(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'R-EMS edge service',
        version,
        description:
          'Powers in W: grid > 0 is import, battery > 0 is discharge, pv and load are never negative, and ' +
          'grid + pv + battery = load. An absent value was not measured. Every refusal is a problem document (RFC 9457).',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/' }],
      tags: [
        { name: 'site', description: 'The site as a whole' },
        { name: 'devices', description: 'Devices and their points' },
        { name: 'workbench', description: 'Getting to know a bus and its devices; reads only' },
        { name: 'setup', description: 'The setup wizard: from answers to the files of a site' },
        { name: 'checks', description: 'Guided tests of the installation' },
        { name: 'handover', description: 'The handover report' },
        { name: 'history', description: 'What was recorded' },
        { name: 'control', description: 'What changes something' },
        { name: 'access', description: 'Who may do what' },
        { name: 'service', description: 'The service itself' },
      ],
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', description: 'An API token, or the token of a session' },
          session: {
            type: 'apiKey',
            in: 'cookie',
            name: 'r-ems-PORT',
            description: 'The cookie of POST /api/v1/session',
          },
        },
      },
      security: [{ token: [] }, { session: [] }],
    },
    transform: jsonSchemaTransform,
    transformObject: (document) => prune(jsonSchemaTransformObject(document)),
  })
  await app.register(async (scope) => {
    scope.addHook('onRoute', (route) => {
      route.config = { ...route.config, access: 'viewer' }
    })
    await scope.register(swaggerUi, {
      routePrefix: '/docs',
      staticCSP: documentationPolicy,
      theme: { title: 'R-EMS API' },
      uiConfig: { layout: 'BaseLayout', docExpansion: 'list', defaultModelsExpandDepth: 0 },
    })
  })
}

/** The document as text; made once, when all routes are known. */
export function installDocumentRoute(app: FastifyInstance): void {
  let text = ''
  app.addHook('onReady', (done) => {
    text = JSON.stringify(app.swagger())
    done()
  })
  app.get(
    '/api/v1/openapi.json',
    {
      config: { access: 'viewer' },
      schema: {
        tags: ['service'],
        summary: 'This document',
        response: { 200: answer('An OpenAPI 3.1 document', z.looseObject({ openapi: z.string() })), ...refusals() },
      },
    },
    (_request, reply) => reply.type('application/json').send(text),
  )
}

type Document = ReturnType<typeof jsonSchemaTransformObject>

/** Each schema comes in an input and an output form; drops those that no route leads to. */
function prune(document: Document): Document {
  if (!('components' in document) || !document.components?.schemas) return document
  const { schemas } = document.components
  const used = new Set<string>()
  const visit = (part: unknown): void => {
    for (const [, name = ''] of JSON.stringify(part).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      if (used.has(name)) continue
      used.add(name)
      visit(schemas[name] ?? {})
    }
  }
  visit(document.paths)
  for (const name of Object.keys(schemas)) if (!used.has(name)) delete schemas[name]
  return document
}
