import { hostname } from 'node:os'
import type { z } from 'zod'
import { problem } from '#contract/api.ts'
import type { KnownEdge } from '#contract/desktop.ts'
import { openKnownEdges } from '../runtime/known-edges.ts'
import type { EdgeManager } from '../trust/edges/edge-manager.ts'
import { version } from '../version.ts'
import { type Ask, NoAnswer, Refused } from './ask-service.ts'
import { CommandFailure, exitCode, type Terminal } from './terminal.ts'

const answerWithinMs = 60_000
const methods = ['GET', 'POST', 'PUT', 'DELETE'] as const

/** Asks an edge that this machine has paired with, over connections that are held against its pinned CA. */
export async function askPairedEdge(dataFolder: string, wanted: string): Promise<Ask> {
  const edges = openKnownEdges(dataFolder, version().builtAtMs)
  const found = (await edges.list()).find((edge) => isMeant(edge, wanted))
  if (!found)
    throw new CommandFailure(
      exitCode.refused,
      `this machine has not paired with ${wanted}; pair first: r-emsctl deploy pair ${wanted}`,
    )
  return (method, path, schema, body) => ask(edges, found.id, { method, path, schema, ...(body && { body }) })
}

const isMeant = ({ id, name, address }: KnownEdge, wanted: string): boolean =>
  [id, name, address, address.slice('https://'.length)].includes(wanted)

async function ask<S extends z.ZodType>(
  edges: EdgeManager,
  id: string,
  { method, path, schema, body }: { method: string; path: string; schema: S; body?: object },
): Promise<z.output<S>> {
  const known = methods.find((one) => one === method) ?? 'GET'
  const answer = await edges.ask(id, { method: known, path, withinMs: answerWithinMs, ...(body && { body }) })
  if (!answer.ok) {
    const text = `${answer.problem.message}\n${answer.problem.action}`
    throw answer.problem.reason === 'unreachable' ? new NoAnswer(text) : new Refused(text)
  }
  const { status, body: said } = answer.value
  if (status < 300) return schema.parse(status === 204 ? null : said)
  const refused = problem.safeParse(said).data
  throw new Refused(`${refused?.detail ?? refused?.title ?? `HTTP ${status}`}\n${refused?.action ?? ''}`)
}

/** Shows the fingerprint to compare, asks for the pairing code and pins the edge's CA. */
export async function pairEdge(dataFolder: string, address: string, terminal: Terminal): Promise<number> {
  const edges = openKnownEdges(dataFolder, version().builtAtMs)
  const contact = await edges.addByAddress(address)
  if (!contact.ok) throw new CommandFailure(exitCode.refused, `${contact.problem.message} ${contact.problem.action}`)
  const { contactId, name, caFingerprint, address: at } = contact.value
  terminal.out(`${name} at ${at}\nfingerprint of its CA: ${caFingerprint}\n`)
  const code = await terminal.ask('When the edge shows the same fingerprint, type its pairing code: ')
  if (code.trim() === '') throw new CommandFailure(exitCode.refused, 'nothing was paired')
  const paired = await edges.pair({
    contactId,
    code: code.trim(),
    clientName: `r-emsctl on ${hostname().slice(0, 40)}`,
  })
  if (!paired.ok) throw new CommandFailure(exitCode.refused, `${paired.problem.message} ${paired.problem.action}`)
  terminal.out(`paired with ${paired.value.name}; deploy with --to ${paired.value.address.slice('https://'.length)}\n`)
  return exitCode.done
}
