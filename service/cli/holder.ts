import { readFile, realpath } from 'node:fs/promises'
import { lookup } from 'node:dns/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { parsePort } from '../args.ts'
import { type BusAddress, formatBusAddress, parseBusAddress } from '../drivers/modbus/address.ts'
import { entries } from '../entries.ts'
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
const demoFlag = z.object({ demo: z.boolean() })

/**
 * Asks the service on this machine whether it holds the bus. Throws a refusal when it does but cannot be used: the bus
 * is never opened beside it.
 */
export async function findHolder(address: BusAddress, environment: NodeJS.ProcessEnv): Promise<Holder | undefined> {
  const port = parsePort(environment['R_EMS_API_PORT'] ?? '8080', 'R_EMS_API_PORT')
  if (port === 0) return undefined
  const url = `http://127.0.0.1:${port}`
  const held = heldBuses.safeParse(await ask(`${url}/api/v1/devices`))
  // Another program has the port.
  if (!held.success) return undefined
  const bus = await firstSamePlace(address, [...new Set(held.data.devices.map((device) => device.bus))])
  if (bus === undefined) return undefined
  const wanted = formatBusAddress(address)
  if (
    address.kind === 'rtu' &&
    bus !== wanted &&
    parseBusAddress(bus).kind === 'rtu' &&
    settings(bus) !== settings(wanted)
  )
    throw new CommandFailure(exitCode.refused, `the service at ${url} holds this port with other settings: ${bus}`)
  const token = await findToken(url, environment)
  if (token === undefined)
    throw new CommandFailure(
      exitCode.refused,
      `the service at ${url} holds ${bus}, so that it is used through the service; that needs its token: set R_EMS_API_TOKEN, or R_EMS_DATA_DIR to its data folder.`,
    )
  return { url, bus, token }
}

/** The JSON at an address; undefined when nobody, or something else, is there. */
async function ask(address: string): Promise<unknown> {
  let response: Response
  try {
    response = await fetch(address, { signal: AbortSignal.timeout(answerWithinMs) })
  } catch (error) {
    if (error instanceof DOMException && error.name === 'TimeoutError')
      throw new CommandFailure(
        exitCode.refused,
        `${address} takes connections but does not answer, so that it is unknown whether a service holds the bus; stop it, or name the right port with R_EMS_API_PORT.`,
        { cause: error },
      )
    return undefined
  }
  return response.json().catch(() => undefined)
}

async function firstSamePlace(address: BusAddress, held: readonly string[]): Promise<string | undefined> {
  const here = await placesOf(address)
  for (const bus of held) {
    const there = await placesOf(parseBusAddress(bus))
    if (here.some((place) => there.includes(place))) return bus
  }
  return undefined
}

/** Everything a bus may be reached by: one device file has many names, and so has a host. */
async function placesOf(address: BusAddress): Promise<string[]> {
  if (address.kind === 'rtu') return [await realpath(address.path).catch(() => address.path)]
  const { host, port } = address
  const found = await lookup(host, { all: true }).catch(() => [])
  return [host, ...found.map((entry) => entry.address)].map((name) => `${name} ${port}`)
}

const settings = (bus: string): string => bus.split('?')[1] ?? ''

async function findToken(url: string, environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  const preset = environment['R_EMS_API_TOKEN']
  if (preset) return preset
  const { data } = demoFlag.safeParse(await ask(`${url}/api/v1/status`))
  const usual = data?.demo ? join(entries.projectFolder, '.data/demo') : '/var/lib/r-ems'
  const text = await readFile(join(environment['R_EMS_DATA_DIR'] ?? usual, 'api-token'), 'utf8').catch(() => '')
  return text.trim() || undefined
}
