import { z } from 'zod'
import { type BusRead, busAnswer, busWritten, type BusWrite, busRead } from '#contract/bus.ts'

import { problem } from '#contract/api.ts'
import type { ArmedRequest } from '#contract/control.ts'
import { parseBusAddress } from '../drivers/modbus/address.ts'
import { type AskOptions, type BusUnit, costsOf, type ReadOnlyBus } from '../drivers/modbus/bus.ts'
import { type Answer, failed, type ReadRequest } from '../drivers/modbus/pdu.ts'
import { fromMessage } from '../runtime/bus-messages.ts'
import type { ManualOutcome } from '../runtime/guard.ts'
import type { Holder } from './holder.ts'
import { CommandFailure, exitCode } from './terminal.ts'

/** Only what is needed, so that a service of another version is understood too. */
const armedAnswer = z.object({ armed: z.boolean() })

/** Longer than a service may need for a request that waits its turn and is then not answered. */
const requestMs = 30_000
/** The least that the service takes for a look whether anybody answers. */
const leastProbeMs = 10

async function post(holder: Holder, path: string, body: BusRead | BusWrite, signal?: AbortSignal): Promise<Response> {
  const limit = AbortSignal.timeout(requestMs)
  return fetch(`${holder.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${holder.token}` },
    body: JSON.stringify(body),
    signal: signal ? AbortSignal.any([signal, limit]) : limit,
  })
}

/** The refusal of a request by the service, as the end of the command. */
async function refusalOf(response: Response, { url }: Holder): Promise<CommandFailure> {
  const { data } = problem.safeParse(await response.json().catch(() => undefined))
  const why = data?.type === 'api.token-wrong' ? `the token is not the one of the service at ${url}` : data?.detail
  return new CommandFailure(exitCode.refused, why ?? `the service at ${url} answers ${response.status}`)
}

/** A bus that the local service holds. Its units are asked by the service, in the gaps that control leaves. */
export function createRemoteBus(holder: Holder): ReadOnlyBus {
  const stop = new AbortController()
  let requests = 0
  let failures = 0

  async function ask(unitId: number, request: ReadRequest, { signal, probeMs }: AskOptions): Promise<Answer> {
    const looked = probeMs !== undefined && { probeMs: Math.max(leastProbeMs, Math.ceil(probeMs)) }
    const parsed = busRead.safeParse({ bus: holder.bus, unitId, ...looked, request })
    if (!parsed.success) return failed('refused', 'the service does not carry this request', false)
    let response: Response
    try {
      requests++
      response = await post(holder, '/api/v1/bus/read', parsed.data, signal ?? stop.signal)
    } catch (error) {
      failures++
      if (signal?.aborted || stop.signal.aborted) return failed('aborted', 'cancelled', true)
      return failed('closed', `the service at ${holder.url} does not answer: ${String(error)}`, true)
    }
    if (!response.ok) throw await refusalOf(response, holder)
    const answer = fromMessage(busAnswer.parse(await response.json()))
    if (answer.kind === 'failed') failures++
    return answer
  }

  return {
    name: holder.bus,
    access: 'read-only',
    costs: costsOf(parseBusAddress(holder.bus)),
    // What a device needs on the wire is the service's business.
    unit: (unitId): BusUnit => ({
      unitId,
      ask: (request, options = {}) => ask(unitId, request, options),
      preview: () => [],
      stats: () => ({ requests, failures, timeouts: 0, crcErrors: 0, exceptions: 0, late: 0, timeoutMs: requestMs }),
    }),
    stats: () => ({ state: 'open', opens: 1, queued: 0, requests, failures, discarded: 0 }),
    tap: () => () => undefined,
    watch: () => () => undefined,
    async [Symbol.asyncDispose]() {
      stop.abort()
    },
  }
}

/**
 * A write by a person, through the guard of the service that holds the bus. The person at the terminal has just agreed to it, which
 * arms for as long as it takes; a register needs --armed besides.
 */
export async function writeRemotely(holder: Holder, request: BusWrite): Promise<ManualOutcome> {
  if (request.write.kind === 'register' && !request.write.armed) return sendWrite(holder, request)
  const before = await askArmed(holder, 'GET')
  if (!before.armed) await askArmed(holder, 'POST', { minutes: 1, reason: 'a write from the command line' })
  try {
    return await sendWrite(holder, request)
  } finally {
    // What comes of it does not change what was written; it ends by itself after a minute.
    if (!before.armed) await askArmed(holder, 'DELETE').catch(() => undefined)
  }
}

async function askArmed(
  holder: Holder,
  method: 'GET' | 'POST' | 'DELETE',
  body?: ArmedRequest,
): Promise<{ armed: boolean }> {
  const response = await fetch(`${holder.url}/api/v1/armed`, {
    method,
    headers: {
      authorization: `Bearer ${holder.token}`,
      ...(body && { 'content-type': 'application/json' }),
    },
    ...(body && { body: JSON.stringify(body) }),
    redirect: 'error',
    signal: AbortSignal.timeout(requestMs),
  }).catch((error: unknown) => {
    const message = `the service at ${holder.url} did not answer; nothing was written`
    throw new CommandFailure(exitCode.noAnswer, message, { cause: error })
  })
  if (!response.ok) throw await refusalOf(response, holder)
  return armedAnswer.parse(await response.json())
}

async function sendWrite(holder: Holder, request: BusWrite): Promise<ManualOutcome> {
  const response = await post(holder, '/api/v1/bus/write', { ...request, bus: holder.bus }).catch((error: unknown) => {
    const message = `the service at ${holder.url} did not answer; whether the value was written is unknown`
    throw new CommandFailure(exitCode.noAnswer, message, { cause: error })
  })
  if (response.ok) {
    const { reason, cause, readBack, ...rest } = busWritten.parse(await response.json())
    return { ...rest, ...(reason && { reason }), ...(cause && { cause }), ...(readBack !== undefined && { readBack }) }
  }
  if (response.status !== 403) throw await refusalOf(response, holder)
  const { data } = problem.safeParse(await response.json().catch(() => undefined))
  return { outcome: 'refused', reason: data?.detail ?? 'the service refused it', frames: [] }
}
