import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { run } from '../../../service/cli/run.ts'
import { withChecksum } from '../commissioning/listen/traffic.ts'
import { fakeTerminal } from './terminal.ts'

const folder = mkdtempSync(join(tmpdir(), 'r-ems-sniff-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const hex = (...body: number[]): string => Buffer.from(withChecksum(body)).toString('hex')

/** A client that reads a block every two seconds and writes a register now and then. */
function log(): string {
  const start = Date.UTC(2026, 0, 1)
  const lines: string[] = []
  const say = (atMs: number, from: string, text: string): void =>
    void lines.push(`${new Date(start + atMs).toISOString()} ${from} ${text}`)
  for (let index = 0; index < 10; index++) {
    say(index * 2000, 'tx', hex(1, 3, 0, 10, 0, 2))
    say(index * 2000 + 30, 'rx', hex(1, 3, 4, 0, index, 0, 7))
    if (index % 5 === 0) {
      say(index * 2000 + 200, 'tx', hex(1, 6, 0, 20, 0, index))
      say(index * 2000 + 220, 'rx', index === 5 ? hex(1, 0x86, 3) : hex(1, 6, 0, 20, 0, index))
    }
  }
  return `${lines.join('\n')}\n`
}

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

async function sniff(...args: string[]) {
  const { terminal, out, err } = fakeTerminal()
  const code = await run(['sniff', ...args], terminal)
  return { code, out: out(), err: err() }
}

describe('r-emsctl sniff --read', () => {
  test('--json has frames, pairs and the map', async () => {
    const { code, out, err } = await sniff('--read', file('client.log', log()), '--json')
    expect([code, err]).toEqual([0, ''])
    const result = JSON.parse(out)
    expect(result).toMatchObject({ sentBytes: 0, framesLeftOut: 0, live: false, mapLeftOut: 0, durationMs: 18_030 })
    expect(result.frames).toHaveLength(24)
    expect(result.pairs).toHaveLength(12)
    expect(result.map).toMatchObject([
      {
        unitId: 1,
        fc: 3,
        access: 'read',
        address: 10,
        count: 2,
        asked: 10,
        answered: 10,
        periodMs: 2000,
        jitterMs: 0,
        last: [9, 7],
        changes: 9,
        writes: [],
        proposed: expect.any(Array),
      },
      {
        unitId: 1,
        fc: 6,
        access: 'write',
        address: 20,
        count: 1,
        periodMs: null,
        last: [5],
        changes: 1,
        exceptions: { 3: 1 },
        writes: [
          { values: [0], result: 'answered' },
          { values: [5], result: 'exception' },
        ],
      },
    ])
    expect(result.units).toMatchObject([{ unitId: 1, asked: 12, answered: 12, turnaroundMs: { median: 30 } }])
  })

  test('is a table for a person', async () => {
    const { code, out } = await sniff('--read', file('client.log', log()))
    expect(code).toBe(0)
    expect(out).toMatch(/^a client asks 1 unit: 12 requests, 12 of them answered in 18 s\n/)
    expect(out).toMatch(/1 +read +3 +10 +2 +10 +2000 +9 +9 7/)
    expect(out).toMatch(/0 bytes sent\n$/)
  })

  test('--pcap writes what can be read again, and never over what is read', async () => {
    const source = file('client.log', log())
    const target = join(folder, 'again.pcapng')
    expect((await sniff('--read', source, '--pcap', target, '--json')).code).toBe(0)
    expect(JSON.parse((await sniff('--read', target, '--json')).out).pairs).toHaveLength(12)
    const refused = await sniff('--read', source, '--pcap', source)
    expect([refused.code, refused.err.split('\n')[0]]).toEqual([
      2,
      'r-emsctl sniff: --pcap would overwrite the capture that is read',
    ])
    expect(readFileSync(source, 'utf8')).toBe(log())
  })

  test('a capture that was cut shows what it has, says so, and fails', async () => {
    const whole = join(folder, 'whole.pcapng')
    await sniff('--read', file('client.log', log()), '--pcap', whole, '--json')
    const cut = file('cut.pcapng', readFileSync(whole).subarray(0, -30))
    const { code, out, err } = await sniff('--read', cut, '--json')
    expect(code).toBe(1)
    expect(JSON.parse(out).frames).toHaveLength(23)
    expect(err).toMatch(
      /^r-emsctl sniff: the file ends within a block \(\d+ bytes of it are there\); 23 packets were read\n$/,
    )
  })

  test.each<[string, () => string[], number, RegExp]>([
    [
      'no such file',
      () => ['--read', join(folder, 'none.pcap')],
      1,
      /^r-emsctl sniff: there is no file \S+none\.pcap\n/,
    ],
    ['junk', () => ['--read', file('junk', Buffer.from([0, 1, 2, 3]))], 1, /neither pcap nor pcapng nor text/],
    ['text without bytes', () => ['--read', file('prose', 'hello\nworld\n')], 1, /no line has bytes in hex/],
    ['neither port nor file', () => [], 2, /give either --port or --read/],
    ['both', () => ['--port', '/dev/ttyS0', '--read', 'x'], 2, /give either --port or --read/],
    ['a setting of a file', () => ['--read', 'x', '--baud', '9600'], 2, /--baud belongs to --port/],
    [
      'a parity without a rate',
      () => ['--port', '/dev/ttyS0', '--parity', 'E'],
      2,
      /--parity and --stopbits need a baud rate/,
    ],
    ['an odd rate', () => ['--port', '/dev/ttyS0', '--baud', 'fast'], 2, /--baud: "fast" is not a whole number/],
    [
      'no such port',
      () => ['--port', '/dev/ttyNOTHERE9', '--baud', '9600'],
      1,
      /there is no serial port \/dev\/ttyNOTHERE9/,
    ],
    [
      'no such port, settings unknown',
      () => ['--port', '/dev/ttyNOTHERE9'],
      1,
      /there is no serial port \/dev\/ttyNOTHERE9/,
    ],
    [
      'no place for the capture',
      () => ['--read', file('client.log', log()), '--pcap', '/nowhere/at.all'],
      1,
      /cannot be written/,
    ],
  ])('%s is said in a sentence', async (_, args, code, message) => {
    const result = await sniff(...args())
    expect(result.code).toBe(code)
    expect(result.err).toMatch(message)
    expect(result.out).not.toMatch(/undefined|NaN|at .*\.ts/)
  })
})
