import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { registerDiff, registerSnapshot } from '#contract/workbench-registers.ts'
import { run } from '../../../service/cli/run.ts'
import { createTestUnit, ramp } from '../../drivers/support/test-device.ts'
import { startTestServer, type TestServer } from '../../drivers/support/test-server.ts'
import { fakeTerminal } from './terminal.ts'

describe('r-emsctl snapshot and diff', () => {
  let folder: string
  let server: TestServer
  const file = (name: string): string => join(folder, name)

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'r-ems-snapshot-'))
    server = await startTestServer('tcp', { 1: createTestUnit(ramp(300)) })
  })
  afterAll(async () => {
    await server[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  async function ctl(...args: string[]) {
    const { terminal, out, err } = fakeTerminal()
    const status = await run(args, terminal)
    return { status, out: out(), err: err() }
  }
  const place = () => ['--target', server.url, '--rate', '0']

  it('finds the one register that was turned, among those that move by themselves', async () => {
    const unit = server.units.get(1)!
    // Register 7 counts every question.
    const { respond } = server
    server.respond = (reply) => {
      respond(reply)
      unit.holding.set(7, (unit.holding.get(7)! + 1) & 0xffff)
    }
    const wanted = [...place(), '--range', '0..0xff']
    const baseline = await ctl('snapshot', ...wanted, '--readings', '3', '--every', '0', '--out', file('calm.json'))
    expect(baseline).toMatchObject({ status: 0, err: '' })
    expect(baseline.out).toMatch(/^256 registers read, kept in .*\n1 moved in 3 readings over \d/)
    await ctl('snapshot', ...wanted, '--out', file('before.json'))
    unit.holding.set(200, 77)
    const after = await ctl('snapshot', ...wanted, '--json', '--out', file('after.json'))
    expect(registerSnapshot.parse(JSON.parse(after.out))).toEqual(
      registerSnapshot.parse(JSON.parse(readFileSync(file('after.json'), 'utf8'))),
    )
    server.respond = respond
    const files = [file('before.json'), file('after.json')]
    const plain = registerDiff.parse(JSON.parse((await ctl('diff', ...files, '--json')).out))
    expect(plain.changed.map(({ address }) => address)).toEqual([7, 200])
    const masked = await ctl('diff', ...files, '--baseline', file('calm.json'), '--json')
    expect(registerDiff.parse(JSON.parse(masked.out))).toMatchObject({
      compared: 256,
      changed: [{ fn: 3, address: 200, before: 200, after: 77 }],
      masked: [{ fn: 3, address: 7 }],
    })
    const said = await ctl('diff', ...files, '--baseline', file('calm.json'))
    expect(said.out).toMatch(/holding +200 +0x00c8 +0x004d +200 +77 +-123\n1 register of 256 changed, 1 masked/)
  })

  it('searches the registers where no range is given, and has rows for a spreadsheet', async () => {
    const taken = await ctl('snapshot', ...place(), '--csv')
    expect(taken.status).toBe(0)
    expect(taken.out.trim().split('\r\n')).toHaveLength(301)
  }, 20_000)

  it.each([
    [['snapshot'], 2, /--target is missing/],
    [['snapshot', '--target', 'tcp://127.0.0.1:1', '--range', '9..3'], 2, /"9\.\.3" is not A\.\.B/],
    [['snapshot', '--target', 'tcp://127.0.0.1:1', '--range', '1..2..3'], 2, /is not A\.\.B/],
    [['snapshot', '--target', 'tcp://127.0.0.1:1', '--range', '0..3'], 3, /refuses the connection/],
    [['snapshot', '--target', 'nonsense', '--range', '0..3'], 2, /bus address "nonsense"/],
    [['diff', 'one'], 2, /two snapshots are needed/],
    [['diff', '/etc/hostname', '/etc/hostname'], 2, /is not a snapshot/],
    [['diff', '/no/such', '/no/such'], 2, /cannot be read/],
  ])('%j ends with one sentence', async (args, status, message) => {
    const ran = await ctl(...args)
    expect(ran.err).toMatch(message)
    expect(ran.status).toBe(status)
  })

  it('says when a refused range holds nothing, and where it cannot write', async () => {
    const nothing = await ctl('snapshot', ...place(), '--range', '5000..5010')
    expect(nothing).toMatchObject({ status: 3 })
    expect(nothing.err).toMatch(/refuses all of these registers/)
    const unwritable = await ctl('snapshot', ...place(), '--range', '0..3', '--out', join(folder, 'no/such/file'))
    expect(unwritable).toMatchObject({ status: 1 })
    expect(unwritable.err).toMatch(/the snapshot was not written/)
  })

  it('warns when two units are compared', async () => {
    const text = readFileSync(file('before.json'), 'utf8')
    writeFileSync(file('other.json'), text.replace('"unitId": 1', '"unitId": 9'))
    const ran = await ctl('diff', file('before.json'), file('other.json'))
    expect(ran.status).toBe(0)
    expect(ran.err).toMatch(/unit 1 on .* is compared with unit 9/)
  })
})
