import { join } from 'node:path'
import { z } from 'zod'
import { problem } from '#contract/api.ts'
import { parsePort } from '../args.ts'
import { type BusAddress, formatBusAddress, parseBusAddress } from '../drivers/modbus/address.ts'
import { samePlace } from '../drivers/modbus/place.ts'
import { entries } from '../entries.ts'
import { readToken } from './edge-target.ts'
import { CommandFailure, exitCode } from './terminal.ts'

/** The local service as the holder of a bus. */
export interface Holder {
  /** Without a slash at the end. */
  readonly url: string
  /** The bus by the name that the service knows it by. */
  readonly bus: string
  readonly token: string
}

const answerWithinMs = 3000

/** Only what is needed, so that a service of another version is understood too. */
const heldBuses = z.object({ devices: z.array(z.object({ bus: z.string() })) })

/**
 * Asks the service on this machine whether it holds the bus. Throws a refusal when it does but cannot be used: the bus
 * is never opened beside it.
 */
export async function findHolder(address: BusAddress, environment: NodeJS.ProcessEnv): Promise<Holder | undefined> {
  const port = parsePort(environment['R_EMS_API_PORT'] ?? '8080', 'R_EMS_API_PORT')
  if (port === 0) return undefined
  const url = `http://127.0.0.1:${port}`
  const answer = await askDevices(url, await tokensFor(environment))
  // Nobody, or another program, has the port.
  if (!answer) return undefined
  const bus = await firstSamePlace(address, [...new Set(answer.buses)])
  if (bus === undefined) return undefined
  const wanted = formatBusAddress(address)
  if (
    address.kind === 'rtu' &&
    bus !== wanted &&
    parseBusAddress(bus).kind === 'rtu' &&
    settings(bus) !== settings(wanted)
  )
    throw new CommandFailure(exitCode.refused, `the service at ${url} holds this port with other settings: ${bus}`)
  return { url, bus, token: answer.token }
}

/** Every bus that the service on this machine holds. Throws a refusal when that cannot be known. */
export async function busesHeld(environment: NodeJS.ProcessEnv): Promise<readonly string[]> {
  const port = parsePort(environment['R_EMS_API_PORT'] ?? '8080', 'R_EMS_API_PORT')
  const answer = port === 0 ? undefined : await askDevices(`http://127.0.0.1:${port}`, await tokensFor(environment))
  return [...new Set(answer?.buses)]
}

/**
 * The buses of the service at an address, and the token it took; undefined when nobody, or something else, is there. Throws
 * when it cannot be known: the bus must not be opened beside a service that may hold it.
 */
async function askDevices(
  url: string,
  tokens: readonly string[],
): Promise<{ readonly buses: readonly string[]; readonly token: string } | undefined> {
  for (const token of [...tokens, '']) {
    let response: Response
    try {
      response = await fetch(`${url}/api/v1/devices`, {
        ...(token && { headers: { authorization: `Bearer ${token}` } }),
        redirect: 'error',
        signal: AbortSignal.timeout(answerWithinMs),
      })
    } catch (error) {
      if (error instanceof DOMException && error.name === 'TimeoutError')
        throw new CommandFailure(
          exitCode.refused,
          `${url} takes connections but does not answer, so that it is unknown whether a service holds the bus; stop it, or name the right port with R_EMS_API_PORT.`,
          { cause: error },
        )
      return undefined
    }
    const body: unknown = await response.json().catch(() => undefined)
    if (response.ok) {
      const held = heldBuses.safeParse(body)
      return held.success ? { buses: held.data.devices.map(({ bus }) => bus), token } : undefined
    }
    // Another program may answer 401 too; only a service of ours says it in these words.
    if (!problem.safeParse(body).success) return undefined
  }
  throw new CommandFailure(
    exitCode.refused,
    `the service at ${url} lets nobody in without ${tokens.length > 0 ? 'one of its tokens' : 'a token'}, so that it is unknown whether it holds the bus: set R_EMS_API_TOKEN, or R_EMS_DATA_DIR to its data folder.`,
  )
}

async function firstSamePlace(address: BusAddress, held: readonly string[]): Promise<string | undefined> {
  for (const bus of held) if (await samePlace(address, parseBusAddress(bus))) return bus
  return undefined
}

const settings = (bus: string): string => bus.split('?')[1] ?? ''

/** What might open the service on this machine, likeliest first. */
async function tokensFor(environment: NodeJS.ProcessEnv): Promise<string[]> {
  const preset = environment['R_EMS_API_TOKEN']
  if (preset) return [preset]
  const named = environment['R_EMS_DATA_DIR']
  const folders = [...(named ? [named] : []), join(entries.projectFolder, '.data/demo'), '/var/lib/r-ems']
  const found = await Promise.all(folders.map((folder) => readToken(folder).catch(() => '')))
  return found.filter(Boolean)
}
