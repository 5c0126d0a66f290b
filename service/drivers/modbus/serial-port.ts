import { readdir, readFile, readlink, realpath, stat } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { SerialPort } from 'serialport'
import { EdgeError } from '#contract/errors.ts'
import type { SerialAddress } from './address.ts'
import type { ByteStream, StreamEvents } from './wire.ts'

/** Duration of one character on the line, in ms: start bit, eight data bits, parity, stop bits. */
export function characterMs(address: SerialAddress): number {
  const bits = 9 + (address.parity === 'none' ? 0 : 1) + address.stopBits
  return (bits * 1000) / address.baud
}

/** The one way a bus gets at a serial port; an emulated line puts itself here to learn the settings that are asked for. */
export type OpenSerial = (address: SerialAddress, events: StreamEvents, signal: AbortSignal) => Promise<ByteStream>

/**
 * Ports that this process is giving back, by path: the system unlocks them on a thread of its own, and whoever opens one again
 * at once would be told that it is taken.
 */
const closing = new Map<string, Promise<void>>()
/** A driver that hangs in closing must not keep the port from ever being tried again. */
const longestCloseMs = 1_000

/**
 * Opens a serial port, exclusively. Rejects with an EdgeError `serial.not-found`, `serial.denied` (with the group that
 * owns the port) or `serial.taken` (with the process that holds it, where that can be known).
 */
export async function openSerialStream(
  address: SerialAddress,
  events: StreamEvents,
  signal: AbortSignal,
): Promise<ByteStream> {
  const place = await realpath(address.path).catch(() => address.path)
  const before = closing.get(place)
  if (before) await Promise.race([before, delay(longestCloseMs, undefined, { ref: false })])
  const port = new SerialPort({
    path: address.path,
    baudRate: address.baud,
    dataBits: 8,
    parity: address.parity,
    stopBits: address.stopBits,
    autoOpen: false,
    lock: true,
  })
  let ended = false
  port.on('data', (chunk: Buffer) => {
    if (!ended) events.data(chunk)
  })
  // What fails after opening ends in a close event; without a listener it would end the process.
  port.on('error', () => undefined)
  await new Promise<void>((resolve, reject) => {
    port.open((error) => (error ? reject(error) : resolve()))
  }).catch(async (error: Error) => {
    throw await explain(address.path, error)
  })
  port.on('close', (error: Error | null) => {
    if (!ended) events.closed(error ? `${address.path} was unplugged` : `${address.path} was closed`)
  })
  const close = (): void => {
    ended = true
    if (!port.isOpen) return
    const closed = new Promise<void>((resolve) => port.close(() => resolve()))
    closing.set(place, closed)
    void closed.then(() => closing.get(place) === closed && closing.delete(place))
  }
  if (signal.aborted) {
    close()
    throw new Error(`opening ${address.path} was cancelled`)
  }
  // A USB adapter otherwise holds short answers back for up to 16 ms. Not every driver offers it, a pty never does.
  const settings = { brk: false, lowLatency: true }
  port.set(settings, () => undefined)
  return { write: (bytes) => void port.write(bytes), close }
}

async function explain(path: string, error: Error): Promise<EdgeError> {
  const text = error.message
  const cause = { cause: error }
  if (/permission denied|access denied/i.test(text)) {
    const group = await ownerGroup(path)
    const whose = group === undefined ? '' : `: it belongs to the group ${group}`
    return new EdgeError('serial.denied', `no permission for ${path}${whose}`, cause)
  }
  if (/lock|busy|temporarily unavailable/i.test(text)) {
    const holder = await holderOf(path)
    return new EdgeError('serial.taken', `${path} is in use${holder === undefined ? '' : ` by ${holder}`}`, cause)
  }
  if (/no such file|file not found|cannot find/i.test(text))
    return new EdgeError('serial.not-found', `there is no serial port ${path}`, cause)
  return new EdgeError('serial.not-found', `${path} does not open as a serial port: ${text}`, cause)
}

async function ownerGroup(path: string): Promise<string | undefined> {
  try {
    const { gid } = await stat(path)
    const groups = await readFile('/etc/group', 'utf8')
    const line = groups.split('\n').find((entry) => entry.split(':')[2] === String(gid))
    return line?.split(':')[0] ?? String(gid)
  } catch {
    return undefined // gone, or not a Unix
  }
}

/** The process that has the port open, as far as this user may look. Linux only. */
async function holderOf(path: string): Promise<string | undefined> {
  const target = await realpath(path).catch(() => path)
  const processes = await readdir('/proc').catch(() => [])
  for (const pid of processes) {
    if (!/^\d+$/.test(pid)) continue
    for (const descriptor of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      const link = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '')
      if (link !== target) continue
      const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')
      return `${name.trim() || 'a program'} (process ${pid})`
    }
  }
  return undefined
}
