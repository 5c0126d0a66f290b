import { execFile } from 'node:child_process'
import { readdir, readFile, readlink, realpath, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { SerialPort } from 'serialport'
import type { LatencyOutcome, SerialAdapter, SerialSettings } from '#contract/workbench-scan.ts'

/** Where the operating system shows its devices; another folder in tests. */
export interface SystemPlace {
  readonly root?: string
}

/** The least that an FTDI adapter knows: it hands over what it has every millisecond. */
const leastLatencyMs = 1
const sttyMs = 1000

/** The serial ports of this machine, with what the operating system knows about the adapters behind them. */
export async function listAdapters({ root = '/' }: SystemPlace = {}): Promise<SerialAdapter[]> {
  if (process.platform !== 'linux') return listElsewhere()
  const names = await readdir(join(root, 'sys/class/tty')).catch(() => [])
  const byId = await stableNames(root)
  const adapters = await Promise.all(names.map((name) => hardwareAt(root, name, byId)))
  return adapters
    .filter((adapter) => adapter !== undefined)
    .toSorted((a, b) => a.path.localeCompare(b.path, undefined, { numeric: true }))
}

/**
 * The port of any path: an adapter under one of its other names too, or a terminal that no hardware is behind. Undefined
 * when there is nothing that characters can be sent to.
 */
export async function adapterAt(path: string, place: SystemPlace = {}): Promise<SerialAdapter | undefined> {
  const target = await realpath(path).catch(() => path)
  const known = (await listAdapters(place)).find((adapter) => adapter.path === target || adapter.path === path)
  if (known) return known
  const found = await stat(path).catch(() => undefined)
  if (!found?.isCharacterDevice()) return undefined
  return { ...unknown, path, kind: 'terminal', settings: await settingsOf(path) }
}

/** Has the adapter hand over every millisecond what it received, or says how an administrator does that. */
export async function lowerLatency(path: string, { root = '/' }: SystemPlace = {}): Promise<LatencyOutcome> {
  const name = basename(await realpath(path).catch(() => path))
  const file = latencyFile(root, name)
  const beforeMs = await numberIn(file)
  if (beforeMs === undefined)
    return { latencyMs: null, lowered: false, text: `${path} has no latency that can be set; it may have none` }
  if (beforeMs <= leastLatencyMs)
    return { latencyMs: beforeMs, lowered: true, text: `the latency is ${beforeMs} ms already` }
  try {
    await writeFile(file, String(leastLatencyMs))
  } catch {
    const text = `the latency stays at ${beforeMs} ms, because this user may not change it; an administrator can: echo 1 | sudo tee ${file}`
    return { latencyMs: beforeMs, lowered: false, text }
  }
  const afterMs = (await numberIn(file)) ?? beforeMs
  const lowered = afterMs <= leastLatencyMs
  return {
    latencyMs: afterMs,
    lowered,
    text: lowered ? `the latency was ${beforeMs} ms and is ${afterMs} ms now` : `the adapter stays at ${afterMs} ms`,
  }
}

const unknown = {
  byIdPath: null,
  vendorId: null,
  productId: null,
  vendor: null,
  product: null,
  serial: null,
  driver: null,
  settings: null,
  latencyMs: null,
} as const

const latencyFile = (root: string, name: string): string => join(root, 'sys/class/tty', name, 'device/latency_timer')

async function hardwareAt(
  root: string,
  name: string,
  byId: ReadonlyMap<string, string>,
): Promise<SerialAdapter | undefined> {
  const folder = join(root, 'sys/class/tty', name)
  const device = await realpath(join(folder, 'device')).catch(() => undefined)
  // Consoles and pseudo terminals have no device; ports of a chip that is not there are of type 0.
  if (device === undefined || (await numberIn(join(folder, 'type'))) === 0) return undefined
  const usb = await usbDeviceAbove(device, root)
  const driver = await readlink(join(device, 'driver')).catch(() => undefined)
  const text = (file: string): Promise<string | null> =>
    usb === undefined ? Promise.resolve(null) : textIn(join(usb, file)).then((found) => found ?? null)
  const [vendorId, productId, vendor, product, serial, latencyMs, settings] = await Promise.all([
    text('idVendor'),
    text('idProduct'),
    text('manufacturer'),
    text('product'),
    text('serial'),
    numberIn(latencyFile(root, name)),
    settingsOf(`/dev/${name}`),
  ])
  return {
    path: `/dev/${name}`,
    byIdPath: byId.get(name) ?? null,
    kind: usb === undefined ? 'uart' : 'usb',
    vendorId,
    productId,
    vendor,
    product,
    serial,
    driver: driver === undefined ? null : basename(driver),
    settings,
    latencyMs: latencyMs ?? null,
  }
}

/** The folder of the USB device that a port belongs to. */
async function usbDeviceAbove(device: string, root: string): Promise<string | undefined> {
  const top = join(root, 'sys')
  for (let folder = device; folder.length > top.length; folder = dirname(folder))
    if ((await textIn(join(folder, 'idVendor'))) !== undefined) return folder
  return undefined
}

/** Names by ID, by the name of the port. */
async function stableNames(root: string): Promise<ReadonlyMap<string, string>> {
  const folder = 'dev/serial/by-id'
  const names = await readdir(join(root, folder)).catch(() => [])
  const pairs = await Promise.all(
    names.map(async (name): Promise<[string, string]> => {
      const target = await readlink(join(root, folder, name)).catch(() => '')
      return [basename(target), `/${folder}/${name}`]
    }),
  )
  return new Map(pairs)
}

/** How a port is set at present; null where that cannot be known, as while another program holds it. */
async function settingsOf(path: string): Promise<SerialSettings | null> {
  const flag = process.platform === 'darwin' ? '-f' : '-F'
  const { stdout } = await promisify(execFile)('stty', [flag, path, '-a'], { timeout: sttyMs }).catch(() => ({
    stdout: '',
  }))
  const baud = Number(/speed (\d+) baud/.exec(stdout)?.[1] ?? Number.NaN)
  if (!(baud >= 300 && baud <= 1_000_000)) return null
  const on = (flag: string): boolean => new RegExp(`(^|\\s)${flag}\\b`).test(stdout)
  return {
    baud,
    parity: on('parenb') ? (on('parodd') ? 'odd' : 'even') : 'none',
    stopBits: on('cstopb') ? 2 : 1,
  }
}

async function textIn(file: string): Promise<string | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined)
  return text?.trim().slice(0, 200) || undefined
}

async function numberIn(file: string): Promise<number | undefined> {
  const text = await textIn(file)
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined
}

async function listElsewhere(): Promise<SerialAdapter[]> {
  const ports = await SerialPort.list()
  return ports.map(({ path, vendorId, productId, manufacturer, serialNumber }) => ({
    ...unknown,
    path,
    kind: vendorId === undefined ? 'uart' : 'usb',
    vendorId: vendorId?.toLowerCase().slice(0, 4) ?? null,
    productId: productId?.toLowerCase().slice(0, 4) ?? null,
    vendor: manufacturer ?? null,
    serial: serialNumber ?? null,
  }))
}
