import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { collect } from '../listen/collect.ts'
import { cut, makeTraffic } from '../listen/traffic.ts'
import { createPcapngWriter } from '../../../../service/commissioning/capture/pcapng-writer.ts'
import { fileWith, listenToFile } from './listen-to.ts'

const hasTshark = spawnSync('tshark', ['--version']).status === 0
const recorded = resolve(import.meta.dirname, '../../../../../shared/data/captures')

/** Damaged traffic with times, as frames. */
function heard() {
  const traffic = makeTraffic(11, 40_000, 2e-4)
  const { decoder, frames } = collect()
  let atMs = 1_700_000_000_000
  for (const chunk of cut(traffic.bytes, 3)) decoder.push(chunk, (atMs += chunk.length + 0.25))
  decoder.end()
  const writer = createPcapngWriter('R-EMS test')
  return { frames, file: Buffer.concat([writer.header(), ...frames.map((frame) => writer.packet(frame))]) }
}

const shape = ({ role, unitId, fc, address, hex, atMs }: ReturnType<typeof heard>['frames'][number]) => ({
  isFrame: role !== 'rejected',
  unitId: role === 'rejected' ? undefined : unitId,
  fc: role === 'rejected' ? undefined : fc,
  address: role === 'request' ? address : undefined,
  hex,
  atMs,
})

describe('pcapng', () => {
  test('brings back what was written: frames, rejected bytes, times', async () => {
    const { frames, file } = heard()
    expect(frames.some(({ role }) => role === 'rejected')).toBe(true)
    const again = await listenToFile(fileWith(file))
    expect(again.end).toEqual({ complete: true })
    expect(again.frames.map((frame) => shape(frame))).toEqual(frames.map((frame) => shape(frame)))
  })

  test.skipIf(!hasTshark)('opens in tshark, as Modbus RTU, with a comment at what is no frame (needs tshark)', () => {
    const { frames, file } = heard()
    const path = fileWith(file, 'heard.pcapng')
    const asRtu = 'uat:user_dlts:"User 0 (DLT=147)","mbrtu","0","","0",""'
    const { stdout, status } = spawnSync(
      'tshark',
      ['-r', path, '-o', asRtu, '-T', 'fields', '-e', 'mbrtu.unit_id', '-e', 'frame.comment', '-e', 'frame.time_epoch'],
      { encoding: 'utf8', maxBuffer: 1e8 },
    )
    expect(status).toBe(0)
    const rows = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'))
    expect(rows).toHaveLength(frames.length)
    for (const [index, [unit, comment, time]] of rows.entries()) {
      const { role, unitId, atMs, hex } = frames[index]!
      expect(Number(time)).toBeCloseTo(atMs / 1000, 5)
      if (role === 'rejected') expect(comment).toMatch(/^no frame: /)
      else expect(comment).not.toMatch(/^no frame/)
      // tshark takes nothing shorter than five bytes, such as a request for the server ID.
      if (role !== 'rejected' && hex.length >= 10) expect(Number(unit)).toBe(unitId)
    }
    const info = spawnSync('capinfos', ['-M', '-c', '-E', path], { encoding: 'utf8' })
    expect(info.status).toBe(0)
    expect(info.stdout).toContain(`Number of packets:   ${frames.length}`)
  })

  test.skipIf(!existsSync(recorded))(
    'of connections is Modbus TCP again (skipped where ../shared/data is missing)',
    async () => {
      for (const name of ['modbus-tcp/iti_modbus_test.pcap', 'givenergy-transparent/aio_a/aio_arm612_5min.log']) {
        const first = await listenToFile(join(recorded, name))
        const path = fileWith(first.pcapng, 'again.pcapng')
        const again = await listenToFile(path)
        expect(again.end).toEqual({ complete: true })
        expect(again.frames.map(({ hex }) => hex)).toEqual(first.frames.map(({ hex }) => hex))
        if (!hasTshark || !name.endsWith('.pcap')) continue
        const { stdout } = spawnSync(
          'tshark',
          ['-r', path, '-Y', 'mbtcp', '-T', 'fields', '-e', 'mbtcp.trans_id', '-e', 'ip.checksum.status'],
          { encoding: 'utf8', maxBuffer: 1e8 },
        )
        const ids = stdout
          .trim()
          .split('\n')
          .flatMap((line) => line.split('\t')[0]!.split(','))
        expect(ids.map(Number)).toEqual(first.frames.map(({ transaction }) => transaction))
      }
    },
  )

  test('of either byte order, and cut at any byte', async () => {
    const { file } = heard()
    for (let length = 4; length < 3000; length += 61) {
      const { end, frames } = await listenToFile(fileWith(file.subarray(0, length)))
      if (!end.complete) expect(end.reason).toMatch(/^the file ends within a block/)
      expect(frames.length).toBeLessThan(100)
    }
    const big = Buffer.from(
      '0a0d0d0a0000001c1a2b3c4d00010000ffffffffffffffff0000001c' +
        '0000000100000014009300000000ffff00000014' +
        '000000060000002800000000000600000000000000000008000000080103000a0001a40800000028',
      'hex',
    )
    const { frames, end } = await listenToFile(fileWith(big))
    expect(end).toEqual({ complete: true })
    expect(frames[0]).toMatchObject({ role: 'request', address: 10, hex: '0103000a0001a408' })
  })
})
