import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyBaseLogger, FastifyReply } from 'fastify'
import type { Problem } from '#contract/api.ts'
import { EdgeError, type ErrorCode, errorTable } from '#contract/errors.ts'
import { securityHeaders } from './security-headers.ts'

export const problemType = 'application/problem+json'

export type FieldError = NonNullable<Problem['errors']>[number]

/** A request whose fields do not fit the schema. */
export class InvalidRequest extends EdgeError {
  readonly errors: readonly FieldError[]

  constructor(errors: readonly FieldError[]) {
    super('api.invalid', errors.map(({ path, message }) => `${path}: ${message}`).join('; '))
    this.errors = errors
  }
}

/** Errors of the HTTP framework that are the client's doing. */
const frameworkCodes: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_BAD_URL: 'api.malformed',
  FST_ERR_MAX_PARAM_LENGTH: 'api.url-too-long',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'api.media-refused',
  FST_ERR_CTP_BODY_TOO_LARGE: 'api.too-large',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'api.malformed',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'api.malformed',
  FST_ERR_CTP_INVALID_JSON_BODY: 'api.malformed',
}

/** Codes whose message speaks of the request. The others may name folders and ports of this machine. */
const publicMessage =
  /^(api|armed|backup|bundle|bus|capture|check|control|deployment(?!\.store)|device|edge|handover|license|limits|metric|serial|setup|site|verify|workbench|write)\.|^access\.(?!store|damaged)|^trust\.(?!damaged|root-offline)/

export function problemOf(code: ErrorCode, detail?: string, errors?: readonly FieldError[]): Problem {
  const { status, action } = errorTable[code]
  return {
    type: code,
    title: STATUS_CODES[status] ?? 'Error',
    status,
    ...(detail !== undefined && { detail }),
    action,
    ...(errors && { errors: errors.slice(0, 50) }),
  }
}

/** What a client is told about an error. Stacks, paths and names of libraries stay in the log. */
export function explainError(error: unknown): Problem {
  if (error instanceof InvalidRequest) return problemOf(error.code, error.message, error.errors)
  if (error instanceof EdgeError)
    return problemOf(error.code, publicMessage.test(error.code) ? error.message : undefined)
  const { code, statusCode } = error instanceof Error ? (error as Error & { code?: unknown; statusCode?: unknown }) : {}
  if (typeof code === 'string' && Object.hasOwn(frameworkCodes, code))
    return problemOf(frameworkCodes[code] ?? 'api.malformed')
  // Such as a body with a key that would reach a prototype.
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) return problemOf('api.malformed')
  return problemOf('api.internal')
}

export function sendError(error: unknown, reply: FastifyReply, log: FastifyBaseLogger): FastifyReply {
  const problem = explainError(error)
  if (problem.type === 'api.internal') log.error({ err: error }, 'request failed')
  else log.debug({ code: problem.type, detail: problem.detail }, 'request refused')
  if (problem.status === 401) void reply.header('www-authenticate', 'Bearer')
  const retryAfterS = error instanceof EdgeError ? error.retryAfterS : undefined
  if (retryAfterS !== undefined || problem.status === 503) void reply.header('retry-after', String(retryAfterS ?? 1))
  return reply.code(problem.status).headers(securityHeaders).type(problemType).send(JSON.stringify(problem))
}

/** Answers what is not HTTP, or was sent too slowly: no request exists yet, so the bytes are written by hand. */
export function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const code: ErrorCode =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? 'api.headers-too-large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? 'api.timeout'
        : 'api.malformed'
  const problem = problemOf(code)
  const body = JSON.stringify(problem)
  const headers = {
    ...securityHeaders,
    connection: 'close',
    'content-type': problemType,
    'content-length': String(Buffer.byteLength(body)),
  }
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`HTTP/1.1 ${problem.status} ${problem.title}\r\n${head.join('')}\r\n${body}`)
  socket.destroySoon()
}
