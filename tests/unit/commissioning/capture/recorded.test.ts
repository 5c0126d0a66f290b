import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { ListenFrame } from '../../../../service/commissioning/listen/types.ts'
import { createLibrary } from '../../../../service/cli/library.ts'
import { checksum } from '../listen/traffic.ts'
import { listenToFile } from './listen-to.ts'

const folder = resolve(import.meta.dirname, '../../../../../shared/data/captures')
const tcpFolder = join(folder, 'modbus-tcp')
const isHere = existsSync(folder)
const hasTshark = spawnSync('tshark', ['--version']).status === 0

const library = (() => {
  const all = createLibrary()
  return { maps: all.all().maps, sunspecModels: all.sunspecModels() }
})()

const directionOf = ({ role, conversation }: ListenFrame): string => {
  const { client, server } = conversation!
  const [from, to] = role === 'request' ? [client, server] : [server, client]
  return `${from.host}:${from.port} > ${to.host}:${to.port}`
}

function group<T>(items: readonly T[], keyOf: (item: T) => string, textOf: (item: T) => readonly string[]) {
  const groups: Record<string, string[]> = {}
  for (const item of items) (groups[keyOf(item)] ??= []).push(...textOf(item))
  return groups
}

/** What tshark decodes: per direction, and in order, each frame, and the first register of each request. */
function decodeWithTshark(file: string) {
  const fields = [
    'ip.src',
    'tcp.srcport',
    'ip.dst',
    'tcp.dstport',
    'mbtcp.trans_id',
    'mbtcp.unit_id',
    'modbus.func_code',
    'modbus.reference_num',
  ]
  const { stdout } = spawnSync(
    'tshark',
    ['-r', file, '-Y', 'mbtcp', '-T', 'fields', ...fields.flatMap((field) => ['-e', field])],
    {
      encoding: 'utf8',
      maxBuffer: 1e8,
    },
  )
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => line.split('\t'))
  const list = (text: string | undefined): string[] => (text ? text.split(',') : [])
  const direction = ([source, from, target, to]: readonly string[]): string => `${source}:${from} > ${target}:${to}`
  return {
    frames: group(rows, direction, ([, , , , transaction, unit, fc]) =>
      list(transaction).map((id, index) => `${id} ${list(unit)[index]} ${list(fc)[index]}`),
    ),
    addresses: group(
      rows.filter(([, , , to]) => to === '502'),
      direction,
      (row) => list(row[7]),
    ),
  }
}

describe.skipIf(!isHere || !hasTshark)('the same as tshark (skipped without it or ../shared/data)', () => {
  test.each([
    'icsnpp_modbus_example.pcap',
    'iti_ModbusTCP.pcap',
    'iti_modbus_test.pcap',
    'zeek_modbus-and-non-modbus-p502.pcap',
    'zeek_modbusSmall.pcap',
  ])('%s', async (name) => {
    const file = join(tcpFolder, name)
    const theirs = decodeWithTshark(file)
    const { frames } = await listenToFile(file)
    const valid = frames.filter(({ role }) => role !== 'rejected')
    expect(valid.length).toBeGreaterThan(10)
    expect(group(valid, directionOf, ({ transaction, unitId, fc }) => [`${transaction} ${unitId} ${fc}`])).toEqual(
      theirs.frames,
    )
    // Of FC 22 and 23 tshark names the registers otherwise.
    const requests = valid.filter(({ role, fc }) => role === 'request' && fc! <= 16)
    const ours = group(requests, directionOf, ({ address }) => (address === undefined ? [] : [String(address)]))
    for (const [direction, addresses] of Object.entries(ours))
      if (name !== 'icsnpp_modbus_example.pcap') expect(addresses).toEqual(theirs.addresses[direction] ?? [])
  })

  test('and one more where a frame has stray bytes behind it: packets begin frames', async () => {
    const file = join(tcpFolder, 'iti_modbus_test_data_part1.pcap')
    const theirs = Object.values(decodeWithTshark(file).frames).flat()
    const { frames } = await listenToFile(file)
    expect(frames.filter(({ role }) => role !== 'rejected')).toHaveLength(theirs.length + 1)
    expect(frames.filter(({ role }) => role === 'rejected').map(({ hex }) => hex)).toContain('010123')
  })
})

describe.skipIf(!isHere)('recorded traffic (skipped where ../shared/data is missing)', () => {
  test('of every function, as Zeek logs it', async () => {
    const log = readFileSync(join(tcpFolder, 'icsnpp_modbus_example.expected.modbus_detailed.log'), 'utf8')
    const rows = log
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.split('\t'))
    const { frames } = await listenToFile(join(tcpFolder, 'icsnpp_modbus_example.pcap'))
    const keyOf = (transaction: unknown, unit: unknown): string => `${Number(transaction)} ${Number(unit)}`
    const of = (wanted: string) =>
      new Map(
        frames
          .filter(({ role }) => role === wanted)
          .map((frame) => [keyOf(frame.transaction, frame.unitId), frame] as const),
      )
    const requests = of('request')
    const answers = of('answer')
    let compared = 0
    for (const row of rows) {
      const [transaction, unit, name, address, quantity, , read] = row.slice(6)
      const request = requests.get(keyOf(transaction, unit))!
      if (!/^(READ|WRITE)_(COILS|DISCRETE|HOLDING|INPUT|SINGLE|MULTIPLE)/.test(name!)) continue
      compared++
      expect([request.address, request.count]).toEqual([Number(address), Number(quantity)])
      if (name!.startsWith('READ') && read !== '-')
        expect(answers.get(keyOf(transaction, unit))!.values).toEqual(read!.split(',').map(Number))
    }
    expect(compared).toBeGreaterThan(10)
    expect(requests.size).toBe(24)
  })

  test('damaged on purpose is taken without harm', async () => {
    const { end, frames } = await listenToFile(join(tcpFolder, 'zeek_fuzz-72.pcap'))
    expect(end.complete).toBe(true)
    expect(frames.filter(({ role }) => role !== 'rejected').length).toBeGreaterThanOrEqual(17)
  })

  test('of GoodWe inverters on RS-485: every frame, paired, and known to be a GoodWe', async () => {
    const file = join(folder, 'modbus-rtu/goodwe_rtu_request_response.txt')
    const lines = readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => /^[<>]/.test(line))
    const { snapshot, frames, pairs } = await listenToFile(file, library)
    expect(frames.map(({ hex }) => hex)).toEqual(lines.map((line) => line.slice(2)))
    expect(pairs).toHaveLength(lines.length / 2)
    expect(snapshot.frames).toMatchObject({ rejected: 0, unknown: 0 })
    for (const { candidates } of snapshot.units) {
      expect(candidates[0]!.vendor).toBe('GoodWe')
      expect(candidates[0]!.confidence).toBeGreaterThan(0.8)
      expect(candidates[0]!.evidence.join()).toMatch(/serial number/)
    }
    const runtime = snapshot.map.find(({ unitId, address }) => unitId === 247 && address === 35_100)!
    expect(runtime.proposed.find(({ name }) => name === 'pv.1.voltageV')).toMatchObject({
      address: 35_103,
      unit: 'V',
      reason: expect.stringContaining('pv.1.voltageV in holding 35103, and it reads') as string,
    })
  })

  test.each([
    'aio_a/aio_arm612_5min.log',
    'ems_2_inv_3_bat_a/ac_arm282_2x_givbat52_30min.log',
    'ems_2_inv_3_bat_a/ems_arm1036_30min.log',
    'hybrid_gen2_1_bat_a/hybrid_gen2_arm920_60s.log',
    'three_phase_hv_a/giv3hy11_hass174_180s.txt',
  ])('of GivEnergy data adapters: %s', async (name) => {
    const file = join(folder, 'givenergy-transparent', name)
    const { snapshot, frames } = await listenToFile(file, library)
    const { transparent, right, heartbeats } = countByHand(readFileSync(file, 'utf8'))
    const valid = frames.filter(({ role }) => role !== 'rejected' && role !== 'unknown')
    expect(valid).toHaveLength(right)
    expect(frames.filter(({ role }) => role === 'unknown')).toHaveLength(heartbeats)
    expect(snapshot.frames.rejected).toBe(transparent - right)
    expect(right).toBeGreaterThan(10)
    expect(snapshot.map.length).toBeGreaterThan(5)
    const named = snapshot.units.flatMap(({ candidates }) => candidates.slice(0, 1))
    expect(named.some(({ vendor, confidence }) => vendor === 'GivEnergy' && confidence > 0.5)).toBe(true)
  })
})

/** The frames of a log of data adapters, read another way: all bytes of a side in a row. */
function countByHand(text: string) {
  const counts = { transparent: 0, right: 0, heartbeats: 0 }
  for (const side of ['rx', 'tx']) {
    const lines = text.split('\n').filter((line) => new RegExp(`\\b${side}\\b`).test(line))
    const stream = Buffer.from(lines.map((line) => line.trim().split(/\s+/).at(-1)).join(''), 'hex')
    for (let at = 0; at + 6 <= stream.length;) {
      const end = at + 6 + stream.readUInt16BE(at + 4)
      const inner = stream.subarray(at + 26, end)
      if (stream[at + 7] === 1) counts.heartbeats++
      else counts.transparent++
      if (stream[at + 7] === 2 && checksum([...inner.subarray(0, -2)]) === inner.readUInt16LE(inner.length - 2))
        counts.right++
      at = end
    }
  }
  return counts
}
