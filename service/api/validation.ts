import type { FastifySchemaCompiler } from 'fastify'
import { z } from 'zod'
import { type FieldError, InvalidRequest } from './problems.ts'

type Issue = z.core.$ZodIssue

/** Names used in field paths for the parts of a request. */
const partNames: Readonly<Record<string, string>> = { querystring: 'query', body: 'body', params: 'path' }

/** Checks a part of a request against its schema; unknown fields are errors. The handler gets the parsed value. */
export const requestValidator: FastifySchemaCompiler<z.core.$ZodType> =
  ({ schema, httpPart }) =>
  (data: unknown) => {
    const part = partNames[httpPart ?? ''] ?? 'request'
    const result = z.safeParse(schema, data)
    if (result.success) return { value: result.data }
    return { error: new InvalidRequest(fieldErrors(result.error.issues, schema, part)) }
  }

/** Which fields were refused, why, and what they may hold. */
export function fieldErrors(issues: readonly Issue[], schema: z.core.$ZodType, part: string): FieldError[] {
  return issues.flatMap((issue) => explain(issue, schema, part))
}

function explain(issue: Issue, schema: z.core.$ZodType, part: string): FieldError[] {
  const at = (extra: readonly PropertyKey[] = []): string => [part, ...issue.path, ...extra].map(String).join('.')
  if (issue.code === 'unrecognized_keys') {
    const allowed = issue.path.length === 0 && schema instanceof z.ZodObject ? Object.keys(schema.shape) : undefined
    return issue.keys
      .slice(0, 10)
      .map((key) => ({ path: at([key.slice(0, 60)]), message: 'unknown field', ...(allowed && { allowed }) }))
  }
  if (issue.code === 'invalid_value')
    return [{ path: at(), message: 'not one of the allowed values', allowed: issue.values.map(String) }]
  if (issue.code === 'invalid_type' && issue.input === undefined)
    return [{ path: at(), message: `expected ${issue.expected}` }]
  const allowed: unknown = issue.code === 'custom' ? issue.params?.['allowed'] : undefined
  return [{ path: at(), message: issue.message, ...(Array.isArray(allowed) && { allowed: allowed.map(String) }) }]
}
